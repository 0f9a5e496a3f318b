/** The sessions of relayed gateways that are open in this process: whose they are, and how many. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import type { Guest } from '../guests.js'
import { ownerOf } from '../session.js'
import type { KnownCaller, RelayedGateway } from './relayed-request.js'
import type { RelayedSession } from './relayed-session.js'
import type { ResumableStreams } from './resumable-streams.js'

const MAX_SESSIONS_PER_KEY = 64
const MAX_SESSIONS = 2_048
const IDLE_MS = 30 * 60 * 1_000
const SWEEP_MS = 60 * 1_000

export type KeptSession = {
  id: string
  owner: string
  keyId: string
  /** Whether its client reads an event without data. */
  primes: boolean
  session: RelayedSession
  streams: ResumableStreams
  /** Whose it is; one that has to go finishes what runs, and begins nothing. */
  guest: Guest
  usedMs: number
}

export function createKeptSessions(clock: Clock) {
  const sessions = new Map<string, KeptSession>()
  const opening = new Map<string, number>()
  const sweeping = setInterval(sweep, SWEEP_MS)
  sweeping.unref()

  return {
    add: (kept: KeptSession): void => void sessions.set(kept.id, kept),
    forget: (id: string): void => void sessions.delete(id),
    /** @throws Problem `not_found` where the caller has no such session. */
    find(
      req: IncomingMessage,
      { surface, server }: RelayedGateway,
      { principal }: KnownCaller,
    ): KeptSession {
      const kept = sessions.get(String(req.headers['mcp-session-id']))
      const isOwn = kept?.owner === ownerOf(principal, surface)
      if (kept && isOwn && kept.session.server === server && !kept.guest.over.aborted) {
        kept.usedMs = clock.now()
        return kept
      }
      // 404 makes the client begin a new session, whoever's this one was.
      throw new Problem('not_found', 'There is no such session; initialize a new one.')
    },
    /**
     * Makes room for one more; those that are being opened count, too.
     *
     * @returns to be called when it is open.
     * @throws Problem `busy` where all are in use.
     */
    takePlace(keyId: string): () => void {
      const begun = opening.get(keyId) ?? 0
      const own = [...sessions.values()].filter((kept) => kept.keyId === keyId)
      if (own.length + begun >= MAX_SESSIONS_PER_KEY) endOne(own)
      if (sessions.size >= MAX_SESSIONS) endOne([...sessions.values()])
      opening.set(keyId, begun + 1)
      return () => {
        const left = opening.get(keyId)! - 1
        if (left === 0) opening.delete(keyId)
        else opening.set(keyId, left)
      }
    },
    close(): void {
      clearInterval(sweeping)
      for (const { session } of sessions.values()) session.close()
    },
  }

  /** Of those that nobody uses now, the one that was unused for longest ends. */
  function endOne(among: readonly KeptSession[]): void {
    const idle = among.filter(({ session }) => !session.isBusy())
    const [oldest] = idle.sort((one, other) => one.usedMs - other.usedMs)
    if (!oldest) throw new Problem('busy', 'Too many sessions are open.', { retryAfterMs: 5_000 })
    oldest.session.close()
  }

  function sweep(): void {
    const beforeMs = clock.now() - IDLE_MS
    for (const { session, streams, usedMs, guest } of sessions.values()) {
      const isUnused = usedMs < beforeMs && !streams.isListening()
      if ((isUnused || guest.over.aborted) && !session.isBusy()) session.close()
    }
  }
}
