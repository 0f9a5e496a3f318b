/** Keeps a connection to a server and hears when its tools change. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '#core/clock'
import { startDeadline } from '#upstreams'
import { createBackOff } from './back-off.js'
import { paced } from './change-pace.js'
import type { KeptServer } from './kept-server.js'
import type { ListenEnd } from './line.js'
import type { Session } from './open-session.js'

export type ServerState = {
  status: 'connected' | 'connecting' | 'failed' | 'off'
  /** When it came to this, ms. */
  since: number
  error?: string
  /** The protocol revision that was agreed. */
  revision?: string
  serverInfo?: Record<string, unknown>
}

export type Watch = { state(): ServerState; stop(): Promise<void> }

/** The gateway's own session, as no account's is watched. */
export const OWN_HOLDER = 'souk'
/** A stream that held this long was no failure. */
const STEADY_MS = 60_000

type Deps = {
  clock: Clock
  onChange: () => void
  report: (what: 'connected' | 'failed', detail: string) => void
}

export function watchServer(deps: Deps, kept: KeptServer): Watch {
  const stopping = new AbortController()
  const { signal } = stopping
  const backOff = createBackOff()
  const changed = paced(deps.onChange, signal)
  let state: ServerState = { status: 'connecting', since: deps.clock.now() }
  let wasAway = false

  function become(next: Omit<ServerState, 'since'>): void {
    const since = next.status === state.status ? state.since : deps.clock.now()
    if (next.status !== state.status && next.status === 'failed') deps.report('failed', next.error!)
    if (next.status !== state.status && next.status === 'connected') {
      deps.report('connected', next.revision!)
    }
    state = { ...next, since }
  }

  async function hear(session: Session): Promise<ListenEnd> {
    const { protocolVersion, serverInfo } = session.agreed
    become({
      status: 'connected',
      revision: protocolVersion,
      ...(serverInfo ? { serverInfo } : {}),
    })
    if (wasAway) changed()
    wasAway = false
    const startedMs = performance.now()
    const end = await session.line.listen(signal)
    if (performance.now() - startedMs > STEADY_MS) backOff.succeeded()
    // Without a stream there is nothing to hear; calls find out by themselves when the server is away.
    if (end.kind === 'unsupported') await aborted(signal)
    else if (end.lost !== 'stream') kept.sessions.drop(session)
    return end
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const deadline = startDeadline(kept.server.connectTimeoutMs * 2, signal)
      const outcome = await kept.sessions.use(OWN_HOLDER, deadline, (session) => {
        deadline.clear()
        return hear(session)
      })
      deadline.clear()
      if (signal.aborted || outcome.kind === 'unsupported') return
      if (outcome.kind === 'unanswered' || outcome.lost !== 'stream') {
        wasAway = true
        become({ status: 'failed', error: outcome.detail })
      }
      backOff.failed()
      await sleep(backOff.waitMs(), undefined, { signal, ref: false }).catch(() => {})
    }
  }

  kept.listeners.add(changed)
  const running = run()
  return {
    state: () => state,
    async stop() {
      kept.listeners.delete(changed)
      stopping.abort()
      await running
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
