/**
 * The servers as this gateway knows them, opened once and kept in memory: a call asks neither the
 * database nor the vault. It follows what the other gateways change.
 */
import type { ServerSettings, TokenProvider } from '#connections'
import { canonicalJson } from '#core/canonical-json'
import { currentRevision, type Store } from '#store'
import {
  mayBeProcess,
  PLACES,
  type Server,
  SOURCES,
  type StdioPolicy,
  settingsOf,
  type Timeouts,
} from './server.js'
import { readRevisions, readServers, SERVERS, type Sealing } from './stored-servers.js'

/** A server, how it is reached, and why it is not used, where it is not. */
export type Entry = { server: Server; settings: ServerSettings; off: string | undefined }

export type RosterDeps = { store: Store; vault: Sealing; stdio: StdioPolicy; timeouts: Timeouts }

/** @param onChanged told after each change, before `follow` is done. */
export function createRoster(deps: RosterDeps, onChanged: () => void) {
  const { store, vault } = deps
  const providers = new Map<string, TokenProvider>()
  let entries = new Map<string, Entry>()
  let inUse = new Map<string, Entry>()
  let seen = -1
  let round: Promise<void> = Promise.resolve()
  const providerOf = ({ source, slug }: Server) =>
    source === 'code' ? providers.get(slug) : undefined

  async function catchUp(): Promise<void> {
    const revision = await currentRevision(store.db, SERVERS)
    if (revision === seen) return
    const servers = await readChanged()
    entries = new Map(servers.map((server) => [server.id as string, entryOf(server, servers)]))
    inUse = new Map(
      [...entries.values()]
        .filter(({ off }) => off === undefined)
        .map((entry) => [entry.server.terms.name, entry]),
    )
    seen = revision
    onChanged()
  }

  /** All servers; only those that changed are read and opened. */
  async function readChanged(): Promise<Server[]> {
    const revisions = await readRevisions(store.db)
    const kept = [...entries.values()]
      .map(({ server }) => server)
      .filter(({ id, revision }) => revisions.get(id) === revision)
    const keptIds = new Set<string>(kept.map(({ id }) => id))
    const ids = [...revisions.keys()].filter((id) => !keptIds.has(id))
    return [...kept, ...(await readServers(store.db, vault, { ids }))]
  }

  function entryOf(server: Server, all: readonly Server[]): Entry {
    const fresh = settingsOf(server, deps.timeouts, providerOf(server))
    const known = entries.get(server.id)?.settings
    // Connections remember what follows from settings with the object.
    const settings = known && isSame(known, fresh) ? known : fresh
    return { server, settings, off: whyOff(server, all, deps.stdio) }
  }

  return {
    /** When it is done, this gateway knows all that was committed before it was called. */
    follow(): Promise<void> {
      const next = round.catch(() => {}).then(catchUp)
      round = next
      return next
    },
    all: (): Entry[] => [...entries.values()],
    get: (id: string): Entry | undefined => entries.get(id),
    /** Of the servers that are used the one of this name. */
    named: (name: string): Entry | undefined => inUse.get(name),
    used: (): Entry[] => [...inUse.values()],
    hasProvider: (server: Server): boolean => providerOf(server) !== undefined,
    /** Where the tokens of a server from code come from; it is never stored. */
    setProvider(slug: string, provider: TokenProvider | undefined): void {
      if (provider) providers.set(slug, provider)
      else providers.delete(slug)
    },
  }
}

function whyOff(
  { slug, source, terms }: Server,
  all: readonly Server[],
  stdio: StdioPolicy,
): string | undefined {
  const rank = SOURCES.indexOf(source)
  const rival = all.find((it) => it.slug === slug && SOURCES.indexOf(it.source) < rank)
  if (rival) return `A server of the same name is said in ${PLACES[rival.source]}.`
  if (terms.enabled === false) return 'It is not enabled.'
  if (terms.transport === 'stdio' && !mayBeProcess(stdio, source)) {
    return 'Servers over stdio are off; the operator may enable them with SOUK_STDIO.'
  }
  return undefined
}

function isSame({ token, ...one }: ServerSettings, { token: other, ...two }: ServerSettings) {
  return isSameToken(token, other) && canonicalJson(one) === canonicalJson(two)
}

function isSameToken(one: ServerSettings['token'], other: ServerSettings['token']): boolean {
  if (one === other) return true
  if (!one || !other || 'provider' in one || 'provider' in other) return false
  return canonicalJson(one) === canonicalJson(other)
}
