/** The servers in use, each asked for its tools when there is cause: never twice at once. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Connections } from '#connections'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { type DiscoveryDeps, discover, withdraw } from './discovery.js'
import type { Discovery } from './discovery-state.js'
import { keepConnections } from './kept-connections.js'
import { createRoster, type RosterDeps } from './roster.js'
import { createRounds } from './rounds.js'
import type { Server } from './server.js'
import { lastTries, readDiscovery } from './stored-servers.js'

/** So long an answer waits for the tools of a server that is new; after that they come when they come. */
const PATIENCE_MS = 5_000
const DISCOVERY_EVERY_MS = 10 * 60 * 1_000
/** After a failure it is tried sooner. */
const RETRY_MS = 60 * 1_000

export type AskingDeps = RosterDeps &
  DiscoveryDeps & {
    connections: Pick<Connections, 'watch' | 'forget' | 'listTools'>
    /** Told of a failure of the gateway that no caller waits for. */
    failed(error: unknown): void
  }

export type Asking = ReturnType<typeof createAsking>

/** @param sellerId for whom tools are sold; `undefined` while nothing is asked yet. */
export function createAsking(deps: AskingDeps, sellerId: () => Id<'account'> | undefined) {
  const stopping = new AbortController()
  const tried = new Set<string>()
  const kept = keepConnections({ ...deps, onToolsChanged: discoverSoon })
  const roster = createRoster(deps, () => {
    if (stopping.signal.aborted) return
    kept.settle(new Map(roster.used().map(({ server, settings }) => [server.id, settings])))
  })
  const rounds = createRounds(async (id) => {
    await kept.settled(id)
    const entry = roster.get(id)
    const seller = sellerId()
    if (!entry || entry.off !== undefined || seller === undefined) return
    const subject = { ...entry, sellerId: seller }
    await discover(deps, subject, stopping.signal).finally(() => tried.add(id))
  })

  function background(error: unknown): void {
    if (error instanceof Problem || stopping.signal.aborted) return
    deps.failed(error)
  }

  function discoverSoon(id: string): void {
    void rounds.run(id).catch(background)
  }

  /** Waits a while for a server's tools; what goes wrong is remembered with the server. */
  async function discoverPatiently(id: string): Promise<void> {
    const done = new AbortController()
    const waited = wait(PATIENCE_MS, undefined, { signal: done.signal }).catch(() => {})
    await Promise.race([rounds.run(id).catch(background), waited])
    done.abort()
  }

  return {
    roster,
    /** @throws Problem of a server that fails. */
    discover: (id: string): Promise<void> => rounds.run(id),
    discoverSoon,
    discoverPatiently,
    /** Asks the servers that were not asked for ten minutes. One gateway at a time may do it. */
    async discoverDue(): Promise<void> {
      const now = deps.clock.now()
      const due = (await lastTries(deps.store.db)).filter(
        ({ atMs, failed }) => atMs < now - (failed ? RETRY_MS : DISCOVERY_EVERY_MS),
      )
      await Promise.all(due.map(({ id }) => rounds.run(id).catch(background)))
    },
    /** Whether this gateway asked the server once, whatever came of it. */
    wasTried: (id: string): boolean => tried.has(id),
    /** Ends what is connected to a server and connects anew. */
    reconnect: kept.reconnect,
    /** A server went: another one of its name takes its place, or its tools go, too. */
    async giveUp(server: Server, discovery: Discovery): Promise<void> {
      await withdraw(deps, sellerId()!, server, discovery)
      const heir = roster.used().find((it) => it.server.slug === server.slug)
      if (heir) await discoverPatiently(heir.server.id)
    },
    /** What a server sold before another one took its name, or before it was not to be used. */
    async withdrawUnused(): Promise<void> {
      for (const { server, off } of roster.all()) {
        if (off === undefined) continue
        await withdraw(deps, sellerId()!, server, await readDiscovery(deps.store.db, server.id))
      }
    },
    async close(): Promise<void> {
      stopping.abort()
      await kept.close()
      await rounds.close()
    },
  }
}
