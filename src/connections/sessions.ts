/** The conversations with one server that serve calls: one for each holder, or one for all. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '#core/clock'
import { type Deadline, ended } from '#upstreams'
import { createBackOff } from './back-off.js'
import type { NotOpen } from './negotiation.js'
import type { Session } from './open-session.js'

export type Sessions = {
  /**
   * Does `work` with the holder's session, which is opened first if need be. Holders share one only
   * where the server keeps no state for it.
   */
  use<T>(
    holder: string,
    deadline: Deadline,
    work: (session: Session) => Promise<T>,
  ): Promise<T | NotOpen>
  /** The session turned out to be over at the server: the next use opens a new one. */
  drop(session: Session): void
  /** Ends what nobody used for 5 minutes. */
  sweep(): void
  close(): Promise<void>
}

type Entry = {
  holder: string
  opening: Promise<Session | NotOpen>
  session: Session | undefined
  running: number
  usedMs: number
}

const IDLE_MS = 5 * 60_000
const MAX_SESSIONS = 256
/** A session that held this long was no failure. */
const STEADY_MS = 60_000

export type SessionsDeps = {
  clock: Clock
  /** Never throws. */
  open(signal: AbortSignal): Promise<Session | NotOpen>
  connectTimeoutMs: number
  /** Whether there is one conversation for all, whoever holds it: a process of ours. */
  isOneForAll: boolean
}

export function createSessions(deps: SessionsDeps): Sessions {
  /** In order of use, the longest unused first. */
  const entries = new Map<string, Entry>()
  const closing = new AbortController()
  const opener = createOpener(deps, closing.signal)
  // A process of ours may keep what it learned for as long as it is registered.
  const idleMs = deps.isOneForAll ? Number.POSITIVE_INFINITY : IDLE_MS
  /** The one that serves all, once the server showed that it keeps no state. */
  let shared: Entry | undefined
  /** Whether it has shown by now that it does. */
  let hasShown = false

  function entryOf(holder: string): Entry | NotOpen {
    if (shared && isUsable(shared)) return shared
    const key = deps.isOneForAll ? '' : holder
    const known = entries.get(key)
    if (known && isUsable(known)) {
      entries.delete(key)
      entries.set(key, known)
      return known
    }
    if (known) opener.lost()
    if (known) forget(known)
    sweep()
    return makeRoom() ? newEntry(key) : tooMany()
  }

  function newEntry(holder: string): Entry {
    const usedMs = deps.clock.now()
    const entry: Entry = { holder, opening: opener.open(), session: undefined, running: 0, usedMs }
    entries.set(holder, entry)
    void entry.opening.then((outcome) => {
      if ('kind' in outcome) return forget(entry)
      entry.session = outcome
      hasShown = true
      if (deps.isOneForAll || !outcome.line.hasSession()) shared = entry
    })
    return entry
  }

  function forget(entry: Entry): void {
    if (shared === entry) shared = undefined
    if (entries.get(entry.holder) === entry) entries.delete(entry.holder)
  }

  function end(entry: Entry): Promise<void> {
    forget(entry)
    return entry.opening.then((outcome) => ('kind' in outcome ? undefined : outcome.line.close()))
  }

  function sweep(): void {
    for (const entry of unusedSince(entries, deps.clock.now() - idleMs)) void end(entry)
  }

  function makeRoom(): boolean {
    if (entries.size < MAX_SESSIONS) return true
    const [idle] = unusedSince(entries, deps.clock.now())
    if (idle) void end(idle)
    return idle !== undefined
  }

  return {
    async use(holder, deadline, work) {
      // Whether holders share one shows with the first: the others wait for it.
      const [first] = hasShown ? [] : entries.values()
      const shown = first && (await sessionOf(first, deadline))
      if (shown && 'kind' in shown) return shown
      const entry = entryOf(holder)
      if ('kind' in entry) return entry
      return inUse(entry, deps.clock, async () => {
        const session = entry.session ?? (await sessionOf(entry, deadline))
        return 'kind' in session ? session : work(session)
      })
    },
    drop(session) {
      for (const entry of entries.values()) if (entry.session === session) void end(entry)
    },
    sweep,
    async close() {
      closing.abort()
      await Promise.all([...entries.values()].map(end))
    },
  }
}

/** While `work` runs, the session is not idle. */
async function inUse<T>(entry: Entry, clock: Clock, work: () => Promise<T>): Promise<T> {
  entry.running++
  try {
    return await work()
  } finally {
    entry.running--
    entry.usedMs = clock.now()
  }
}

function unusedSince(entries: ReadonlyMap<string, Entry>, ms: number): Entry[] {
  return [...entries.values()].filter(({ running, usedMs }) => running === 0 && usedMs <= ms)
}

/** Opens sessions, a process that keeps failing ever more rarely. */
function createOpener(
  { open, isOneForAll, connectTimeoutMs }: SessionsDeps,
  signal: AbortSignal,
): { open(): Promise<Session | NotOpen>; lost(): void } {
  const backOff = createBackOff()
  let openedMs = 0
  return {
    async open() {
      // Only a process is worth waiting for: a server elsewhere may be back at any moment.
      const waitMs = isOneForAll ? backOff.waitMs() : 0
      if (waitMs > connectTimeoutMs) return resting()
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return waitedInVain('cancelled')
      const outcome = await open(signal)
      if ('kind' in outcome) backOff.failed()
      openedMs = performance.now()
      return outcome
    },
    lost() {
      if (performance.now() - openedMs > STEADY_MS) backOff.succeeded()
      else backOff.failed()
    },
  }
}

async function sessionOf({ opening }: Entry, deadline: Deadline): Promise<Session | NotOpen> {
  return new Promise((resolve) => {
    deadline.onEnd((reason) => resolve(waitedInVain(reason)))
    void opening.then(resolve)
  })
}

function isUsable({ session }: Entry): boolean {
  return !session?.line.isOver()
}

function waitedInVain(reason: 'timeout' | 'cancelled'): NotOpen {
  const errorCode = reason === 'timeout' ? 'timeout' : 'connection_error'
  return { ...ended(reason, false), errorCode }
}

function tooMany(): NotOpen {
  return unreachable('All sessions that the gateway keeps with this server are in use.')
}

function resting(): NotOpen {
  return unreachable('The process of the server keeps failing; it is started again in a while.')
}

function unreachable(detail: string): NotOpen {
  const reason = 'unreachable'
  return { kind: 'unanswered', reason, detail, dispatched: false, errorCode: 'connection_error' }
}
