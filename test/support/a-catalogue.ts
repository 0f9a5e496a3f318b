/** A catalogue without a gateway around it: database, search and folder are temporary. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAccounts } from '#accounts'
import { type Catalogue, createCatalogue, type ListingInput, listingSchema } from '#catalogue'
import { handClock } from '#core/clock'
import type { Id } from '#core/ids'
import { embeddedSearch, type Lesson, type Search } from '#search'
import type { Store } from '#store'
import { type CredentialVault, createUpstreams, type Upstreams } from '#upstreams'
import { createVault } from '#vault'
import { aStore } from './a-store.js'
import type { Json } from './world.js'

export type ACatalogue = {
  catalogue: Catalogue
  store: Store
  /** Counts what it is told, beside doing it. */
  search: Search & { puts: number; standings: number; lessons: Map<string, Lesson['words']> }
  clock: ReturnType<typeof handClock>
  vault: CredentialVault
  upstreams: Upstreams
  sellerId: Id<'account'>
  /** Where the files of shipped providers lie. */
  folder: string
  /** As at a new start: everything that was only in memory is gone; `lost` is the search's file. */
  reopen(options?: { lost?: boolean; learns?: boolean }): Promise<void>
  close(): Promise<void>
}

/** On a SQLite database of its own. */
export async function aCatalogue(): Promise<ACatalogue> {
  const { store, close } = await aStore()
  const world = await aCatalogueOn(store)
  const closeWorld = world.close
  world.close = async () => {
    await closeWorld()
    await close()
  }
  return world
}

/**
 * On a database that others may use, too.
 *
 * @param like another gateway's on the same database: it sells for the same account, ships the same
 *   providers and has the same clock.
 */
export async function aCatalogueOn(store: Store, like?: ACatalogue): Promise<ACatalogue> {
  const home = mkdtempSync(join(tmpdir(), 'souk-catalogue-'))
  const folder = like?.folder ?? join(home, 'catalog')
  mkdirSync(folder, { recursive: true })
  const clock = like?.clock ?? handClock()
  const vault = createVault(Buffer.alloc(32, 3))
  const upstreams = createUpstreams({
    allow: ['127.0.0.1:9001', '127.0.0.1:9002'],
    timeoutMs: 1_000,
    maxBodyBytes: 1_000,
    userAgent: 'test',
    clock,
  })
  const file = join(home, 'search.index')

  async function open({ learns } = { learns: true }) {
    const search = counting(embeddedSearch(file))
    const parts = { store, clock, vault, upstreams, search, catalogFolder: folder }
    const catalogue = await createCatalogue({ ...parts, learns })
    await catalogue.follow()
    return { search, catalogue }
  }

  const world: ACatalogue = {
    ...(await open()),
    store,
    clock,
    vault,
    upstreams,
    sellerId: like?.sellerId ?? (await aSeller(store, clock)),
    folder,
    async reopen({ lost = false, learns = true } = {}) {
      await world.search.close()
      if (lost) rmSync(file, { force: true })
      Object.assign(world, await open({ learns }))
    },
    async close() {
      await world.search.close()
      await upstreams.close()
      rmSync(home, { recursive: true })
    },
  }
  return world
}

async function aSeller(store: Store, clock: ACatalogue['clock']): Promise<Id<'account'>> {
  const accounts = createAccounts({ store, clock, keyEnvironment: 'test' })
  const { account } = await accounts.create({ name: 'Acme Ltd', slug: 'acme' })
  return account.id
}

function counting(search: Search): ACatalogue['search'] {
  const counted = {
    ...search,
    puts: 0,
    standings: 0,
    /** What it was told last of each endpoint. */
    lessons: new Map<string, Lesson['words']>(),
    put: (documents: Parameters<Search['put']>[0]) => {
      counted.puts += documents.length
      return search.put(documents)
    },
    putStanding: (standings: Parameters<Search['putStanding']>[0]) => {
      counted.standings += standings.length
      return search.putStanding(standings)
    },
    putLessons: (lessons: readonly Lesson[]) => {
      for (const { endpointId, words } of lessons) counted.lessons.set(endpointId, words)
      return search.putLessons(lessons)
    },
  }
  return counted
}

/** An endpoint as a seller writes it. */
export function anEndpoint(changes: Json = {}): Json {
  return {
    slug: 'search',
    title: 'Search the wiki',
    description: 'Full text search of all articles.',
    method: 'GET',
    path: '/search',
    input_schema: { type: 'object', properties: { q: { type: 'string' } } },
    price: { model: 'per_call', amount: '0.001' },
    ...changes,
  }
}

/** A listing as a seller writes it, checked as the faces do. */
export function aListing(changes: Json = {}): ListingInput {
  return listingSchema.parse({
    slug: 'wiki',
    title: 'Acme wiki',
    description: 'Articles.',
    category: 'search',
    backend: { type: 'http', base_url: 'http://127.0.0.1:9001' },
    endpoints: [anEndpoint()],
    ...changes,
  })
}
