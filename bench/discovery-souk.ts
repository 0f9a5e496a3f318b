/** Souk with the rows for sale, in this process: loaded by its import, asked by its own tool. */
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createCatalogue } from '#catalogue'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { embeddedSearch, type Search } from '#search'
import { compose } from '../src/compose.js'
import { readConfig } from '../src/config.js'
import { runTool } from '../src/mcp/tools/tools.js'
import { RESULTS } from './discovery-contender.js'
import { documentsOf, type RowDocument } from './discovery-documents.js'
import type { Loaded } from './discovery-measured.js'
import type { Row } from './discovery-rows.js'
import { inParallel } from './in-parallel.js'

const PRICE = { model: 'per_call', amount: '0.001' }
/** Documents that a seller may import at once. */
const AT_ONCE = 2
/** The longest query that the tool takes. */
const MAX_QUERY = 1_000
const NOBODY = {
  principal: undefined,
  isGone: () => false,
  signal: () => new AbortController().signal,
  tag: undefined,
  trace: undefined,
}

export type Souk = {
  load(rows: readonly Row[], say: (line: string) => void): Promise<Loaded>
  /** Ids of rows, best first, as `browse_apis` orders them. */
  find(query: string): Promise<string[]>
  /** Indexes what the file of that name lacks of the stored catalogue, and asks that index. */
  reindexed(name: string, open: OpenSearch): Promise<Reindexed>
  databaseBytes(): number
  close(): Promise<void>
}

type OpenSearch = (file: string) => Search | Promise<Search>

export type Reindexed = {
  indexMs: number
  find(query: string): Promise<string[]>
  /** Stores the index, and says what it takes on disk. */
  close(): Promise<number>
}

/** On SQLite, in a folder that is empty or was loaded before. */
export async function openSouk(folder: string): Promise<Souk> {
  const settings = { SOUK_DATA_DIR: folder, PORT: '0', SOUK_LOG_LEVEL: 'error' }
  const gateway = await compose(readConfig(settings, join(folder, 'none.yaml')))
  const { deps } = gateway
  const rowIds = new Map<string, string>()
  return {
    async load(rows, say) {
      const documents = documentsOf(rows, shippedSlugs(gateway.root))
      const { account } = await deps.accounts.create({ name: 'Directory', slug: 'directory' })
      const loaded = await loadAll(deps.catalogue, account.id, documents, say)
      await rememberIds(deps.store.db, documents, rowIds)
      return { ...loaded, endpoints: rowIds.size }
    },
    find: (query) => findWith(deps, query),
    async reindexed(name, open) {
      const noCatalogue = join(folder, 'none')
      mkdirSync(noCatalogue, { recursive: true })
      const search = await open(join(folder, name))
      const startedAt = performance.now()
      const catalogue = await createCatalogue({
        ...deps,
        search,
        catalogFolder: noCatalogue,
        learns: false,
      })
      await catalogue.follow()
      const indexMs = performance.now() - startedAt
      return {
        indexMs,
        find: (query) => findWith({ ...deps, catalogue }, query),
        close: async () => {
          await catalogue.close()
          await search.close()
          return bytesOf(folder, name)
        },
      }
    },
    databaseBytes: () => bytesOf(folder, 'souk.db'),
    close: gateway.close,
  }

  async function findWith(toolDeps: typeof deps, query: string): Promise<string[]> {
    const input = { query: query.slice(0, MAX_QUERY), limit: RESULTS }
    const { structured, isError, text } = await runTool(toolDeps, NOBODY, 'browse_apis', input)
    if (isError) throw new Error(`browse_apis refused: ${text}`)
    const results = structured.results as { endpoint_id: string }[]
    return results.map(({ endpoint_id }) => rowIds.get(endpoint_id) ?? endpoint_id)
  }
}

/** The search that the gateway itself opens. */
export function openOwnSearch(file: string): Search {
  return embeddedSearch(file)
}

type Deps = Awaited<ReturnType<typeof compose>>['deps']

async function loadAll(
  catalogue: Deps['catalogue'],
  sellerId: Id<'account'>,
  documents: readonly RowDocument[],
  say: (line: string) => void,
): Promise<Omit<Loaded, 'endpoints'>> {
  const refusals: Record<string, number> = {}
  const startedAt = performance.now()
  let saidAt = startedAt
  let count = 0
  await inParallel(documents, load, AT_ONCE)
  return { loadMs: performance.now() - startedAt, refusals }

  async function load({ request, document, idOf }: RowDocument): Promise<void> {
    const body = JSON.stringify({ ...request, price: PRICE, publish: true, document })
    try {
      const { imported } = await catalogue.importDocument(sellerId, Buffer.from(body))
      for (const { message } of imported.refused) refuse(message, 1)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      refuse(error.message, idOf.size)
    }
    count += idOf.size
    if (performance.now() - saidAt < 5_000) return
    saidAt = performance.now()
    say(`${count} rows imported, ${Math.round((1_000 * count) / (saidAt - startedAt))} a second`)
  }

  function refuse(reason: string, rows: number): void {
    refusals[reason] = (refusals[reason] ?? 0) + rows
  }
}

/** Which endpoint each row became: the one of its listing with its method and path. */
async function rememberIds(
  db: Deps['store']['db'],
  documents: readonly RowDocument[],
  rowIds: Map<string, string>,
): Promise<void> {
  for (const { request, idOf } of documents) {
    const endpoints = await db('endpoint_versions')
      // All that begin with the slug and a full stop: the slash is the next character after it.
      .where('endpoint_id', '>', `${request.slug}.`)
      .where('endpoint_id', '<', `${request.slug}/`)
      .select('endpoint_id', 'definition')
    for (const { endpoint_id: endpointId, definition } of endpoints) {
      const { method, path } = JSON.parse(definition) as { method: string; path: string }
      const id = idOf.get(`${method} ${path}`)
      if (id !== undefined) rowIds.set(endpointId, id)
    }
  }
}

/** Nobody else may list under the names of the providers that ship. */
function shippedSlugs(root: string): string[] {
  return readdirSync(join(root, 'catalog')).map((name) => name.replace(/\.yaml$/, ''))
}

/** Of a file, and of what SQLite keeps beside it. */
function bytesOf(folder: string, name: string): number {
  return readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
}
