/** Where a request may say that it is a repetition. */
import { z } from 'zod'
import { Problem } from '#core/problem'

const MAX_KEY_LENGTH = 255

/** For the body of a request that must not be carried out twice. */
export const repeatable = {
  idempotency_key: z
    .string()
    .min(1)
    .max(MAX_KEY_LENGTH)
    .optional()
    .describe('unique per intended move; a repetition with it moves nothing'),
}

/**
 * The key in the body, else that in the header: a quoted string by its draft, accepted without
 * quotes, too.
 *
 * @throws Problem `invalid_request` for one that is too long.
 */
export function idempotencyKeyOf(
  body: { idempotency_key?: string | undefined },
  headers: Record<string, string | string[] | undefined>,
): string | undefined {
  if (body.idempotency_key !== undefined) return body.idempotency_key
  const header = headers['idempotency-key']
  if (typeof header !== 'string' || header === '') return undefined
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (key.length <= MAX_KEY_LENGTH) return key
  throw new Problem(
    'invalid_request',
    `Idempotency-Key is longer than ${MAX_KEY_LENGTH} characters.`,
  )
}
