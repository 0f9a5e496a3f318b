/**
 * Connections to relayed servers for clients without a session: kept for a while for each key, gateway
 * and kind of client, and opened anew when the server has forgotten them.
 */
import type { Principal } from '#accounts'
import { type ClientSide, type Relay, rpcError } from '#connections'
import { canonicalJson } from '#core/canonical-json'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { openLine, type RelayDeps, type RelayedGateway, type RelayLine } from './relayed-request.js'
import type { Hello } from './relayed-session.js'

const MAX_LINES_PER_KEY = 32
const MAX_LINES = 1_024
const IDLE_MS = 5 * 60 * 1_000
const SWEEP_MS = 30 * 1_000
const METHOD_NOT_FOUND = -32_601

/** What hears what a server says unasked. */
export type Listener = {
  tell(method: string, params: unknown): void
  /** The session that it hears of is over. */
  over(): void
}

/** A way to the server that outlives its sessions. */
export type KeptLine = RelayLine & {
  /** Tells the listener until the function that it gives is called. */
  hear(listener: Listener): () => void
}

export type RelayedLines = {
  /** @throws Problem when there is no connection to the server. */
  use<T>(
    of: { gateway: RelayedGateway; principal: Principal; hello: Hello },
    work: (line: KeptLine) => Promise<T>,
  ): Promise<T>
  close(): void
}

type Entry = {
  name: string
  keyId: string
  opening: Promise<Relay>
  listeners: Set<Listener>
  running: number
  usedMs: number
}

export function createRelayedLines(deps: RelayDeps & { clock: Clock }): RelayedLines {
  const entries = new Map<string, Entry>()
  const sweeping = setInterval(() => endIdle(deps.clock.now() - IDLE_MS), SWEEP_MS)
  sweeping.unref()

  return {
    async use({ gateway, principal, hello }, work) {
      const open = () => entryOf(gateway, principal, hello)
      const entry = open()
      entry.running++
      try {
        return await work(lasting(await entry.opening, entry, () => open().opening))
      } finally {
        entry.running--
        entry.usedMs = deps.clock.now()
      }
    },
    close() {
      clearInterval(sweeping)
      for (const entry of entries.values()) end(entry)
    },
  }

  function entryOf(gateway: RelayedGateway, { key }: Principal, hello: Hello): Entry {
    const name = canonicalJson([key.id, gateway.surface.id, gateway.server, { ...hello }])
    const known = entries.get(name)
    if (known) return known
    makeRoom(key.id)
    const listeners: Entry['listeners'] = new Set()
    const entry: Entry = {
      ...{ name, keyId: key.id, listeners, running: 0, usedMs: deps.clock.now() },
      opening: openLine(
        deps,
        gateway,
        clientFor(hello, listeners, () => lost(entry)),
      ),
    }
    entries.set(name, entry)
    entry.opening.catch(() => forget(entry))
    return entry
  }

  function forget(entry: Entry): void {
    if (entries.get(entry.name) === entry) entries.delete(entry.name)
  }

  function lost(entry: Entry): void {
    forget(entry)
    for (const { over } of [...entry.listeners]) over()
  }

  function end(entry: Entry): void {
    forget(entry)
    void entry.opening.then(
      (relay) => relay.close(),
      () => {},
    )
  }

  function endIdle(beforeMs: number): void {
    for (const entry of entries.values()) {
      if (entry.running === 0 && entry.usedMs < beforeMs) end(entry)
    }
  }

  /** The line that was unused for longest makes room. */
  function makeRoom(keyId: string): void {
    const all = [...entries.values()]
    const own = all.filter((entry) => entry.keyId === keyId)
    const among = own.length >= MAX_LINES_PER_KEY ? own : all
    if (among === all && all.length < MAX_LINES) return
    const idle = among.filter(({ running }) => running === 0)
    const [oldest] = idle.sort((one, other) => one.usedMs - other.usedMs)
    if (!oldest) {
      throw new Problem('busy', 'Too many connections are in use.', { retryAfterMs: 1_000 })
    }
    end(oldest)
  }
}

/** A client that nothing can be asked of but through its own requests. */
function clientFor(hello: Hello, listeners: Entry['listeners'], onClose: () => void): ClientSide {
  return {
    ...hello,
    async onRequest(method) {
      if (method === 'ping') return {}
      throw rpcError(METHOD_NOT_FOUND, 'This client offers no such method.')
    },
    onNotification(method, params) {
      for (const { tell } of listeners) tell(method, params)
    },
    onClose,
  }
}

/** Where the server forgot what was agreed, nothing was executed: it is asked once more, anew. */
function lasting(relay: Relay, { listeners }: Entry, reopen: () => Promise<Relay>): KeptLine {
  return {
    ...relay,
    async relay(...asked) {
      const relayed = await relay.relay(...asked)
      const isStale = relayed.kind === 'error' && relayed.isStale
      return isStale ? (await reopen()).relay(...asked) : relayed
    },
    async callTool(...asked) {
      const called = await relay.callTool(...asked)
      const isStale = called.relayed.kind === 'error' && called.relayed.isStale
      return isStale ? (await reopen()).callTool(...asked) : called
    },
    hear(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
