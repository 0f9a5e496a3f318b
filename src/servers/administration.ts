/** The operator's servers: registered, changed and removed through the API. */
import type { Along } from '#accounts'
import { defined } from '#core/defined'
import { newId } from '#core/ids'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import { nextRevision } from '#store'
import type { Upstreams } from '#upstreams'
import type { DiscoveryDeps } from './discovery.js'
import type { Discovery } from './discovery-state.js'
import type { Entry } from './roster.js'
import { listingSlugOf, mayBeProcess, PLACES, type Server, type StdioPolicy } from './server.js'
import { type ServerChange, type ServerTerms, serverSchema } from './server-schema.js'
import {
  countServers,
  deleteServer,
  isAt,
  SERVERS,
  type Sealing,
  sourcesOf,
  writeServer,
} from './stored-servers.js'

const MAX_SERVERS = 200

export type AdministrationDeps = DiscoveryDeps & {
  vault: Sealing
  stdio: StdioPolicy
  upstreams: Pick<Upstreams, 'checkReachable'>
}

/** @throws Problem `slug_taken`, `forbidden` for stdio, `invalid_request`. */
export async function createServer(
  deps: AdministrationDeps,
  terms: ServerTerms,
  along: Along,
): Promise<Server> {
  checkTerms(deps, terms)
  const now = deps.clock.now()
  const id = newId('server', now)
  const slug = listingSlugOf(terms.name)
  return deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, SERVERS)
    const [taken] = await sourcesOf(tx, slug)
    if (taken) {
      const detail = `There is an MCP server "${terms.name}" already, said in ${PLACES[taken]}.`
      throw new Problem('slug_taken', detail, { action: 'Choose another name.' })
    }
    if ((await countServers(tx)) >= MAX_SERVERS) {
      throw new Problem('invalid_request', `There are ${MAX_SERVERS} MCP servers, the most.`, {
        action: 'Delete one that is not used.',
      })
    }
    const times = { createdAtMs: now, updatedAtMs: now }
    const server: Server = { id, slug, source: 'api', terms, revision, ...times }
    await writeServer(tx, deps.vault, server)
    await along(tx, id)
    return server
  })
}

/** @throws Problem `forbidden` for a server of file or code, `invalid_request`. */
export async function updateServer(
  deps: AdministrationDeps,
  { server: current }: Entry,
  change: ServerChange,
  along: Along,
): Promise<Server> {
  refuseElsewhere(current)
  const terms = changedTerms(current.terms, change)
  checkTerms(deps, terms)
  const updatedAtMs = deps.clock.now()
  return deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, SERVERS)
    if (!(await isAt(tx, current))) throw changedMeanwhile()
    const server = { ...current, terms, revision, updatedAtMs }
    await writeServer(tx, deps.vault, server)
    await along(tx, server.id)
    return server
  })
}

/** @returns what it offered last. */
export async function removeServer(
  deps: AdministrationDeps,
  { server }: Entry,
  along: Along,
): Promise<Discovery> {
  return deps.store.inTransaction(async (tx) => {
    await nextRevision(tx, SERVERS)
    if (!(await isAt(tx, server))) throw changedMeanwhile()
    const discovery = await deleteServer(tx, server.id)
    await along(tx, server.id)
    return discovery
  })
}

/** The terms that a change leaves behind. */
function changedTerms(current: ServerTerms, change: ServerChange): ServerTerms {
  if (change.name !== undefined && change.name !== current.name) {
    throw new Problem(
      'invalid_request',
      `The name of "${current.name}" stays: its tools have it.`,
      {
        action: 'Register another server under the new name, and delete this one.',
      },
    )
  }
  refuseSecretsForAnother(current, change)
  const merged = Object.entries({ ...current, ...defined(change) })
  const said = Object.fromEntries(merged.filter(([, value]) => value !== null))
  return parseInput(serverSchema, said, 'The server')
}

/** A secret goes only to the host that it was given for. */
function refuseSecretsForAnother(current: ServerTerms, change: ServerChange): void {
  if (!change.url || !current.url) return
  if (new URL(change.url).origin === new URL(current.url).origin) return
  const kept = (['headers', 'credentials'] as const).filter(
    (field) => current[field] !== undefined && change[field] === undefined,
  )
  if (kept.length === 0) return
  throw new Problem(
    'invalid_request',
    `The ${kept.join(' and ')} of "${current.name}" were given for another host.`,
    { action: `Give ${kept.join(' and ')} again with the new url, or null to go without.` },
  )
}

function checkTerms({ stdio, upstreams }: AdministrationDeps, terms: ServerTerms): void {
  const { transport, url, credentials } = terms
  if (transport === 'stdio' && !mayBeProcess(stdio, 'api')) {
    throw new Problem('forbidden', 'Servers over stdio cannot be registered through the API.', {
      action:
        'Use a server over HTTP, or set SOUK_STDIO=api where the operator key may run programs.',
    })
  }
  if (url !== undefined) checkReachable(upstreams, url, 'url')
  if (credentials && 'token_url' in credentials) {
    checkReachable(upstreams, credentials.token_url, 'credentials.token_url')
  }
}

function checkReachable(
  upstreams: AdministrationDeps['upstreams'],
  url: string,
  field: string,
): void {
  try {
    upstreams.checkReachable(new URL('/', url).href)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new Problem('invalid_request', error.message.replace(/^base_url/, field))
  }
}

/** @throws Problem `forbidden` for a server of file or code. */
export function refuseElsewhere({ source, terms: { name } }: Server): void {
  if (source === 'api') return
  throw new Problem('forbidden', `The MCP server "${name}" is said in ${PLACES[source]}.`, {
    action: `Change it in ${PLACES[source]} and start the gateway again.`,
  })
}

function changedMeanwhile(): Problem {
  return new Problem('not_found', 'The MCP server was changed or deleted in this moment.', {
    action: 'Read it again.',
  })
}
