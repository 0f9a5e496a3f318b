/** Replies which say that the server no longer knows what was agreed, and that nothing was executed. */
import type { Reply } from './line.js'
import type { Session } from './open-session.js'
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from './tool-answer.js'

/** Codes that servers give to a session that they do not know. */
const SESSION_CODES = new Set([-32600, -32001, -32000])
const METHOD_NOT_FOUND = -32601

/**
 * Whether the call may be sent again after a new negotiation. Never after silence or a lost
 * connection, as the tool may have run.
 */
export function isStale({ line, agreed }: Session, reply: Reply): boolean {
  if (reply.kind === 'unanswered' || reply.kind === 'result') return false
  if (agreed.era === 'modern') return isOtherEra(reply)
  if (!line.hasSession()) return false
  if (reply.status === 404) return true
  if (reply.kind !== 'error' || !SESSION_CODES.has(reply.error.code)) return false
  // Where HTTP says that all is fine, only the very words are taken: a tool may speak of sessions, too.
  const words = reply.status === 400 ? /session/i : /^session (not found|expired|terminated)/i
  return words.test(reply.error.message)
}

/** A server that became one of the session era refuses what it cannot place. */
function isOtherEra(reply: Extract<Reply, { kind: 'error' | 'status' }>): boolean {
  if (reply.kind === 'status')
    return reply.status === 400 || reply.status === 404 || reply.status === 405
  const { code } = reply.error
  if (code === UNSUPPORTED_VERSION) return true
  if (code === METHOD_NOT_FOUND || code === HEADER_MISMATCH) return false
  return (
    reply.status === 400 &&
    SESSION_CODES.has(code) &&
    /session|initializ/i.test(reply.error.message)
  )
}
