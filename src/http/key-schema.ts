/** API keys as routes take and give them. */
import { z } from 'zod'
import { allowSchema, limitsSchema, type NewKey, SCOPES } from '#accounts'
import { fromRfc3339 } from '#core/clock'
import { Problem } from '#core/problem'
import { storedText } from '#core/stored-text'

export const newKeySchema = z.strictObject({
  name: storedText({ min: 1, max: 120 }),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  limits: limitsSchema.optional().describe('USDC, fee included'),
  allow: allowSchema.optional().describe('all that it may use, of what the key that asks may'),
  expires_at: z.string().max(40).optional().describe('RFC 3339'),
})

export const keySchema = z.looseObject({ id: z.string(), name: z.string() })
export const newKeyResult = keySchema.extend({ api_key: z.string().describe('shown only here') })

/** @throws Problem `invalid_request` for an end that is no time, or past. */
export function newKeyOf(
  { expires_at, ...terms }: z.output<typeof newKeySchema>,
  nowMs: number,
): NewKey {
  return { ...terms, expiresAtMs: futureIn(expires_at, 'expires_at', nowMs) }
}

/** @throws Problem `invalid_request` for what is not a time in the future. */
export function futureIn(
  text: string | undefined,
  field: string,
  nowMs: number,
): number | undefined {
  if (text === undefined) return undefined
  const ms = fromRfc3339(text)
  if (ms !== undefined && ms > nowMs) return ms
  throw new Problem('invalid_request', `${field} must be an RFC 3339 time in the future.`)
}
