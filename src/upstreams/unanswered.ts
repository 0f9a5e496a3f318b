/** The ways in which a seller stays without an answer, and what a buyer is told about them. */

export type Unanswered = {
  kind: 'unanswered'
  /** `unauthorized`: no token could be had for the request, so it was not sent. */
  reason: 'timeout' | 'unreachable' | 'blocked' | 'broken' | 'cancelled' | 'unauthorized'
  /** A sentence that names no address and no secret. */
  detail: string
  /** False only if certainly no byte of the request left. */
  dispatched: boolean
}

export const PRIVATE_HOST =
  'The host is not on the public internet. The operator may allow it with SOUK_EGRESS_ALLOW.'

/** The code of the error with which a connection to a host that is not public is refused. */
export const BLOCKED = 'SOUK_BLOCKED'

/** The call had to stop. */
export function ended(reason: 'timeout' | 'cancelled', dispatched: boolean): Unanswered {
  const detail =
    reason === 'timeout'
      ? 'The provider did not answer in time.'
      : 'The call was given up before the provider answered.'
  return { kind: 'unanswered', reason, detail, dispatched }
}

/** The connection or the exchange failed; a code is all that its error may tell. */
export function failed(
  { code = 'unknown' }: NodeJS.ErrnoException,
  dispatched: boolean,
): Unanswered {
  if (code === BLOCKED) return blocked(PRIVATE_HOST, dispatched)
  return dispatched
    ? { kind: 'unanswered', reason: 'broken', detail: brokenDetail(code), dispatched }
    : { kind: 'unanswered', reason: 'unreachable', detail: unreachableDetail(code), dispatched }
}

/** The guard said no. */
export function blocked(detail: string, dispatched: boolean): Unanswered {
  return { kind: 'unanswered', reason: 'blocked', detail, dispatched }
}

function brokenDetail(code: string): string {
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') {
    return 'The provider closed the connection before its answer was complete.'
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return "The provider's answer is not as long as it declared."
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return "The provider's answer has too many headers."
  return `The provider's answer is not valid HTTP (${code}).`
}

function unreachableDetail(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return "The provider's name does not resolve."
  if (code === 'ECONNREFUSED') return 'The provider refuses connections.'
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') {
    return 'The provider does not accept connections in time.'
  }
  return `The provider could not be reached (${code}).`
}
