/** What a buyer sees of a tool's reply: the result as it came, or a JSON-RPC error in our own words. */
import { depthOf } from '#core/json-text'
import type { Answer, Scrubber } from '#upstreams'
import { broken, tooLong } from './http-exchange.js'
import type { Reply } from './line.js'
import type { ErrorBody } from './messages.js'
import { scrubbedJson } from './server.js'

/** Codes of a modern server about the connection rather than the call; they mean nothing to a buyer. */
export const HEADER_MISMATCH = -32020
export const MISSING_CAPABILITY = -32021
export const UNSUPPORTED_VERSION = -32022
const INVALID_REQUEST = -32600
const INVALID_PARAMS = -32602
const INTERNAL_ERROR = -32603
const TOO_MANY_REQUESTS = 429
/** Of what cannot be told without a secret of the settings. */
export const UNSHOWABLE = 'The server answers with what it was sent in confidence.'
/** Results that are nested deeper end some clients while they read. */
const MAX_DEPTH = 512

export type Seen = { scrubber: Scrubber; maxBodyBytes: number; latencyMs: number }

export function answerOf(reply: Reply, seen: Seen): Answer {
  const { latencyMs, scrubber } = seen
  if (reply.kind === 'unanswered') {
    const { reason, detail, dispatched } = reply
    return { kind: 'unanswered', reason, detail: scrubber.text(detail), dispatched, latencyMs }
  }
  if (reply.kind === 'error') return errorAnswer(reply.error, seen)
  if (reply.kind === 'status') {
    const error = { code: INTERNAL_ERROR, message: statusSentence(reply.status) }
    const answer = errorAnswer(error, seen)
    if (answer.kind === 'unanswered' || reply.status !== TOO_MANY_REQUESTS) return answer
    const wait = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }
    return { ...answer, status: reply.status, ...wait }
  }
  const { value, bytes } = reply
  const isAsking = value.resultType === 'input_required'
  const { content, structuredContent } = value
  const hasContent =
    Array.isArray(content) || (content === undefined && structuredContent !== undefined)
  if (!isAsking && !hasContent) {
    return { ...broken('The server answers the call with an empty result.'), latencyMs }
  }
  if (bytes.length > 2 * MAX_DEPTH && depthOf(bytes.toString('latin1')) > MAX_DEPTH) {
    return { ...broken('The server answers with a result that is nested too deeply.'), latencyMs }
  }
  // A tool that failed, or that asks for more, delivered nothing; neither speaks against the server.
  return jsonAnswer(value.isError || isAsking ? 422 : 200, bytes, seen)
}

function errorAnswer(error: ErrorBody, seen: Seen): Answer {
  const status = error.code === INVALID_PARAMS || error.code === INVALID_REQUEST ? 400 : 502
  const told = translated(error)
  const body = Buffer.from(JSON.stringify({ error: told }))
  return jsonAnswer(error.code === MISSING_CAPABILITY ? 422 : status, body, seen)
}

function translated(error: ErrorBody): ErrorBody {
  const because = SENTENCES[error.code]
  return because === undefined ? error : { code: INTERNAL_ERROR, message: because }
}

const SENTENCES: Record<number, string> = {
  [HEADER_MISMATCH]: 'The server refuses the headers of the request.',
  [MISSING_CAPABILITY]:
    'The tool asks its client for something during the call; it works through a gateway of its own only.',
  [UNSUPPORTED_VERSION]:
    'The server no longer speaks the revision of the protocol that it agreed on.',
}

function statusSentence(status: number): string {
  if (status === 401 || status === 403)
    return `The server refuses the credential (status ${status}).`
  if (status >= 300 && status < 400)
    return 'The server redirects the call; redirects are not followed.'
  if (status < 300) return 'The server answers the call with nothing.'
  return `The server answers with status ${status}.`
}

function jsonAnswer(
  status: number,
  bytes: Buffer,
  { scrubber, maxBodyBytes, latencyMs }: Seen,
): Answer {
  const body = scrubbedJson(scrubber, bytes)
  if (!body) return { ...broken(UNSHOWABLE), latencyMs }
  if (body.length > maxBodyBytes) return { ...tooLong(maxBodyBytes), latencyMs }
  const headers = { 'content-type': 'application/json' }
  const mediaType = 'application/json'
  return { kind: 'answered', status, headers, mediaType, body, truncated: false, latencyMs }
}
