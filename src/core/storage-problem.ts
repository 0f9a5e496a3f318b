/** What a database says when it cannot write or be reached, as a refusal to act on. */
import { Problem } from './problem.js'

const RETRY_WHEN_FULL_MS = 30_000
const RETRY_WHEN_AWAY_MS = 2_000

/** SQLite's codes by their names; of PostgreSQL disk_full, out_of_memory and io_error. */
const CANNOT_WRITE = /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM)|53100$|53200$|58030$)/

/** 25P03 is a transaction that stood still for too long, which ends its connection. */
const CONNECTION_LOST =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN|ENOTFOUND|08|25006|25P0[34]|57P0|53300)/
const LOST_IN_WORDS =
  /Connection terminated|connection error|not queryable|timeout (expired|exceeded)|read timeout/i

/** Whether the database could not be reached, so that what was asked may go well later. */
export function isUnavailable(error: unknown): boolean {
  const { code, message, name } = (error ?? {}) as {
    code?: string
    message?: string
    name?: string
  }
  if (name === 'KnexTimeoutError' || CONNECTION_LOST.test(code ?? '')) return true
  return code === undefined && LOST_IN_WORDS.test(message ?? '')
}

/** The refusal that `error` is or stands for; `undefined` for a failure that nobody foresaw. */
export function refusalIn(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string' && CANNOT_WRITE.test(code)) {
    return new Problem('storage_full', 'The gateway cannot write to its storage.', {
      retryAfterMs: RETRY_WHEN_FULL_MS,
      cause: error,
    })
  }
  // PostgreSQL keeps no such text, SQLite does: refused on both where it can be known before.
  if (code === '22021') return new Problem('invalid_request', 'A text holds the character NUL.')
  if (!isUnavailable(error)) return undefined
  return new Problem('busy', 'The database does not answer.', {
    status: 503,
    retryAfterMs: RETRY_WHEN_AWAY_MS,
    cause: error,
  })
}
