/** All that is kept for one registered server while it is in use. */
import type { Deadline } from '#upstreams'
import { sharedHearer } from './hearing.js'
import type { Reply, Speaker } from './line.js'
import type { ListedTool } from './list-tools.js'
import type { NotOpen } from './negotiation.js'
import { type OpenDeps, openSession, type Session } from './open-session.js'
import { type ParamHeader, paramHeadersOf } from './param-headers.js'
import type { Server } from './server.js'
import { createSessions, type Sessions } from './sessions.js'
import { isStale } from './staleness.js'

export type KeptServer = {
  server: Server
  sessions: Sessions
  /** By tool; learned from the server's own list. */
  paramHeaders: Map<string, ParamHeader[]>
  /** Told when the server says that its tools changed. */
  listeners: Set<() => void>
  /** Relays and watches, to be ended with it. */
  closers: Set<() => Promise<void>>
  isClosed: boolean
}

/** What the gateway says of itself where it speaks for nobody: it can do nothing for a server. */
export function ownSpeaker(userAgent: string): Speaker {
  const [name = '', version = '0'] = userAgent.split(/[/ ]/)
  return { capabilities: {}, clientInfo: { name, version } }
}

export function keepServer(deps: OpenDeps, server: Server): KeptServer {
  const speaker = ownSpeaker(deps.userAgent)
  const listeners = new Set<() => void>()
  const hearer = sharedHearer((method) => {
    if (method === 'notifications/tools/list_changed') for (const tell of listeners) tell()
  })
  const sessions = createSessions({
    clock: deps.clock,
    connectTimeoutMs: server.connectTimeoutMs,
    isOneForAll: server.settings.transport === 'stdio',
    open: (signal) => openSession(deps, server, { speaker, hearer, prefer: 'modern', signal }),
  })
  const paramHeaders = new Map<string, ParamHeader[]>()
  return { server, sessions, paramHeaders, listeners, closers: new Set(), isClosed: false }
}

/**
 * Asks in the holder's session. When the server no longer knows the session, and only then, it is
 * asked once more in a new one.
 */
export async function askServer(
  deps: Pick<OpenDeps, 'verdicts'>,
  { server, sessions }: KeptServer,
  holder: string,
  deadline: Deadline,
  ask: (session: Session) => Promise<Reply>,
): Promise<Reply | NotOpen> {
  for (let isAgain = false; ; isAgain = true) {
    const outcome = await sessions.use(holder, deadline, async (session) => ({
      session,
      reply: await ask(session),
    }))
    if ('kind' in outcome) return outcome
    const { session, reply } = outcome
    if (isAgain || !isStale(session, reply)) return reply
    sessions.drop(session)
    if (session.agreed.era === 'modern') deps.verdicts.forget(server.fingerprint)
  }
}

/** Far more than a server may have; one that renames its tools again and again has no more either. */
const MAX_LEARNED = 10_000

/** Remembers which arguments the server wants in headers. */
export function learnParamHeaders(
  { paramHeaders }: KeptServer,
  tools: readonly ListedTool[],
): void {
  for (const tool of tools) {
    const declared = paramHeadersOf(tool)
    paramHeaders.delete(tool.name)
    if (declared.length === 0) continue
    const [oldest] = paramHeaders.keys()
    if (paramHeaders.size >= MAX_LEARNED && oldest !== undefined) paramHeaders.delete(oldest)
    paramHeaders.set(tool.name, declared)
  }
}
