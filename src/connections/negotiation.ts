/** Finds out which revision a server speaks, and begins the conversation. */
import { type Deadline, startDeadline, type Unanswered } from '#upstreams'
import type { Agreed, Era, Line, Reply, Speaker } from './line.js'
import { isObject, type JsonObject } from './messages.js'
import { isSessionRevision, MODERN_REVISION, SESSION_REVISION } from './revisions.js'

export type ErrorCode = 'connection_error' | 'timeout' | 'auth_error' | 'config_error'

/** Why no conversation came about. No call was sent; `errorCode` is what a server's test says. */
export type NotOpen = Unanswered & { errorCode: ErrorCode }

export type Attempt = {
  /** What to try, in this order. */
  eras: readonly Era[]
  /** Whether the first era is known to work, and may take all the time. */
  isKnown: boolean
  timeoutMs: number
  signal: AbortSignal | undefined
}

/** Tries each era until one works. An unknown server that stays silent to the first has half the time left. */
export async function negotiate(
  line: Line,
  speaker: Speaker,
  { eras, isKnown, timeoutMs, signal }: Attempt,
): Promise<Agreed | NotOpen> {
  const startedMs = performance.now()
  let failure: NotOpen | undefined
  for (const [index, era] of eras.entries()) {
    const isLast = isKnown || index === eras.length - 1
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startedMs))
    const deadline = startDeadline(isLast ? leftMs : leftMs / 2, signal)
    const outcome = await (era === 'modern'
      ? discover(line, deadline)
      : initialize(line, speaker, deadline))
    deadline.clear()
    if ('era' in outcome) {
      line.agree(outcome)
      if (outcome.era === 'session') await line.notify('notifications/initialized', undefined)
      return outcome
    }
    failure = outcome
    if (isFinal(outcome)) break
  }
  return failure!
}

/** Another era would change nothing. */
function isFinal({ reason, errorCode }: NotOpen): boolean {
  return errorCode === 'auth_error' || !['timeout', 'broken'].includes(reason)
}

async function discover(line: Line, deadline: Deadline): Promise<Agreed | NotOpen> {
  line.agree({ ...NOTHING, era: 'modern', protocolVersion: MODERN_REVISION })
  const reply = await line.request('server/discover', {}, { deadline })
  line.agree(undefined)
  if (reply.kind !== 'result') return notOpen(reply, 'server/discover')
  const { supportedVersions, capabilities, instructions, _meta } = reply.value
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(MODERN_REVISION)) {
    return unusable('The server speaks no revision that the gateway speaks.')
  }
  const meta = isObject(_meta) ? _meta : {}
  return {
    era: 'modern',
    protocolVersion: MODERN_REVISION,
    ...described(capabilities, meta['io.modelcontextprotocol/serverInfo'], instructions),
  }
}

async function initialize(
  line: Line,
  { capabilities, clientInfo, inSession }: Speaker,
  deadline: Deadline,
): Promise<Agreed | NotOpen> {
  const params = { protocolVersion: SESSION_REVISION, capabilities, ...inSession, clientInfo }
  const reply = await line.request('initialize', params, { deadline })
  if (reply.kind !== 'result') return notOpen(reply, 'initialize')
  const { protocolVersion, serverInfo, instructions } = reply.value
  if (!isSessionRevision(protocolVersion)) {
    return unusable('The server speaks no revision that the gateway speaks.')
  }
  return {
    era: 'session',
    protocolVersion,
    ...described(reply.value.capabilities, serverInfo, instructions),
  }
}

const NOTHING = { capabilities: {}, serverInfo: undefined, instructions: undefined }

function described(
  capabilities: unknown,
  serverInfo: unknown,
  instructions: unknown,
): {
  capabilities: JsonObject
  serverInfo: JsonObject | undefined
  instructions: string | undefined
} {
  return {
    capabilities: isObject(capabilities) ? capabilities : {},
    serverInfo: isObject(serverInfo) ? serverInfo : undefined,
    instructions: typeof instructions === 'string' ? instructions : undefined,
  }
}

function unusable(detail: string): NotOpen {
  return {
    kind: 'unanswered',
    reason: 'broken',
    detail,
    dispatched: false,
    errorCode: 'connection_error',
  }
}

/** What a reply that is no result means for the connection. */
export function notOpen(reply: Exclude<Reply, { kind: 'result' }>, method: string): NotOpen {
  if (reply.kind === 'unanswered') {
    if (reply.reason === 'timeout') {
      const detail = `The server does not answer ${method} in time.`
      return { ...reply, detail, dispatched: false, errorCode: 'timeout' }
    }
    const errorCode = reply.reason === 'unauthorized' ? 'auth_error' : 'connection_error'
    return { ...reply, dispatched: false, errorCode }
  }
  const { status } = reply
  if (status === 401 || status === 403) {
    const detail = `The server refuses the credential (status ${status}).`
    return { ...unusable(detail), errorCode: 'auth_error' }
  }
  if (reply.kind === 'error') {
    return unusable(
      `The server answers ${method} with an error: ${reply.error.message.slice(0, 300)}`,
    )
  }
  return unusable(`The server answers ${method} with status ${status}.`)
}
