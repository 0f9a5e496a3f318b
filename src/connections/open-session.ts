/** Opens one conversation with a server, over whichever transport it has. */
import type { Clock } from '#core/clock'
import { ended, startDeadline } from '#upstreams'
import { httpLine } from './http-line.js'
import type { SenderDeps } from './http-sender.js'
import type { Agreed, Era, Hearer, Line, Speaker } from './line.js'
import { type Attempt, type NotOpen, negotiate, notOpen } from './negotiation.js'
import { type NotSent, pipeLine } from './pipe-line.js'
import { type Server, scrubbedText } from './server.js'
import { openSsePipe } from './sse-pipe.js'
import { openStdioPipe, type StdioDeps } from './stdio-pipe.js'
import type { Verdicts } from './verdicts.js'

export type Session = { line: Line; agreed: Agreed }

export type OpenDeps = SenderDeps & {
  clock: Clock
  verdicts: Verdicts
  /** Whether all has ended: nothing is opened any more. */
  isClosed(): boolean
  environment: StdioDeps['environment']
  reportProcess(server: Server, what: 'stderr' | 'exited', detail: string): void
}

export type Opening = {
  speaker: Speaker
  hearer: Hearer
  /** Which era to try first where nothing is known. */
  prefer: Era
  signal?: AbortSignal | undefined
}

/** Connects and agrees on a revision within `connectTimeoutMs`. Never throws. */
export async function openSession(
  deps: OpenDeps,
  server: Server,
  { speaker, hearer, prefer, signal }: Opening,
): Promise<Session | NotOpen> {
  if (server.fault !== undefined) return misconfigured(server.fault)
  if (deps.isClosed()) return { ...ended('cancelled', false), errorCode: 'connection_error' }
  const startedMs = performance.now()
  const line = await openLine(deps, server, speaker, hearer, signal)
  if ('kind' in line) return scrubbed(server, notOpen(line, 'the connection'))
  const timeoutMs = server.connectTimeoutMs - (performance.now() - startedMs)
  const agreed = await negotiate(line, speaker, {
    ...erasOf(deps, server, prefer),
    timeoutMs,
    signal,
  })
  if ('era' in agreed) {
    // That a client of the session era was served says nothing of the modern one.
    if (server.settings.transport === 'streamable_http' && prefer === 'modern') {
      deps.verdicts.learn(server.fingerprint, agreed.era)
    }
    return { line, agreed }
  }
  deps.verdicts.forget(server.fingerprint)
  await line.close()
  return scrubbed(server, agreed)
}

/**
 * The modern era has its own word of discovery; a process is asked the older way first, as some end
 * at a word that they do not know.
 */
function erasOf(
  { verdicts }: OpenDeps,
  { settings, fingerprint }: Server,
  prefer: Era,
): Pick<Attempt, 'eras' | 'isKnown'> {
  if (settings.transport === 'sse') return { eras: ['session'], isKnown: true }
  if (settings.transport === 'stdio') return { eras: ['session', 'modern'], isKnown: false }
  const known = verdicts.of(fingerprint)
  // A server that turned out to know no modern era is not asked again; one that does may know both.
  const first = known === 'session' ? known : prefer
  return {
    eras: first === 'modern' ? ['modern', 'session'] : ['session', 'modern'],
    isKnown: known === first,
  }
}

async function openLine(
  deps: OpenDeps,
  server: Server,
  speaker: Speaker,
  hearer: Hearer,
  signal: AbortSignal | undefined,
): Promise<Line | NotSent> {
  const { transport } = server.settings
  if (transport === 'streamable_http') return httpLine(deps, server, speaker, hearer)
  if (transport === 'stdio') {
    const report: StdioDeps['report'] = (...event) => deps.reportProcess(server, ...event)
    return pipeLine((ear) => openStdioPipe({ ...deps, report }, server, ear), speaker, hearer)
  }
  const connecting = startDeadline(server.connectTimeoutMs, signal)
  try {
    return await pipeLine((ear) => openSsePipe(deps, server, ear, connecting), speaker, hearer)
  } finally {
    connecting.clear()
  }
}

function misconfigured(detail: string): NotOpen {
  const errorCode = 'config_error'
  return { kind: 'unanswered', reason: 'blocked', detail, dispatched: false, errorCode }
}

function scrubbed(server: Server, failure: NotOpen): NotOpen {
  return { ...failure, detail: scrubbedText(server, failure.detail) }
}
