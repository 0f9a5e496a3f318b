/** Checks what arrives at a face against the schema that also documents it. */
import type { z } from 'zod'
import { Problem } from './problem.js'

/** At most this many failing paths are named. */
const MAX_PATHS = 20

/**
 * @param what names the input in the message, `The body`.
 * @throws Problem `invalid_request` with the failing paths.
 */
export function parseInput<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const paths = parsed.error.issues.slice(0, MAX_PATHS).map(({ path, message }) => ({
    path: path.length === 0 ? '' : `/${path.map(String).join('/')}`,
    message,
  }))
  const list = paths.map(({ path, message }) => `${path || '/'} ${message}`).join('; ')
  throw new Problem('invalid_request', `${what} is not valid: ${list}.`, { facts: { paths } })
}
