/**
 * Spending limits of keys and accounts. They count what the buyer pays, fee included, over UTC days
 * and months; what is held counts as spent. What a key spends counts against the keys that it
 * descends from, and against its account, too.
 */
import { z } from 'zod'
import { endOfUtcDay, endOfUtcMonth, utcDay, utcMonth } from '#core/clock'
import { formatUsdc, type Nanos, parseUsdc } from '#core/money'
import type { Principal } from './accounts.js'

const amount = z.string().regex(/^\d{1,10}(\.\d{1,9})?$/, 'must be a decimal string in USDC')

export const limitsSchema = z.strictObject({
  call: amount.optional().describe('most that one call may cost'),
  day: amount.optional().describe('most per UTC day'),
  month: amount.optional().describe('most per UTC month'),
  lifetime: amount.optional().describe('most for ever'),
  approve_above: amount
    .optional()
    .describe('a call that may cost more needs a person to approve it'),
  approve_on: z
    .enum(['client', 'page'])
    .optional()
    .describe('page: no program can give a yes, only a person who is signed in; default client'),
})

export type LimitTerms = z.infer<typeof limitsSchema>
export type LimitName = Exclude<keyof LimitTerms, 'approve_on'>
export type Limits = Partial<Record<LimitName, Nanos>> & Pick<LimitTerms, 'approve_on'>

export const LIMIT_NAMES: readonly LimitName[] = [
  'call',
  'day',
  'month',
  'lifetime',
  'approve_above',
]

/** One whose limits bind a call: the key that buys, a key that it descends from, or the account. */
export type Spender = {
  /** What its counters are kept under. */
  scope: string
  /** Who it is to the buyer; `undefined` for the key that buys. */
  name: string | undefined
  limits: Limits
}

/** All whose limits bind what this key buys, the nearest first. */
export function spendersOf({ account, parent, key, lineage }: Principal): Spender[] {
  const keys = lineage.map(({ id, limits }) => ({
    scope: `key:${id}`,
    name: id === key.id ? undefined : id,
    limits,
  }))
  const accounts = parent ? [account, parent] : [account]
  return [
    ...keys,
    ...accounts.map(({ id, limits }) => ({
      scope: `account:${id}`,
      name: id === account.id ? 'account' : 'parent account',
      limits,
    })),
  ]
}

export function readLimits(terms: LimitTerms): Limits {
  const limits: Limits = { ...(terms.approve_on && { approve_on: terms.approve_on }) }
  for (const name of LIMIT_NAMES) {
    const text = terms[name]
    if (text !== undefined) limits[name] = parseUsdc(text, `limits.${name}`)
  }
  return limits
}

export function showLimits(limits: Limits): LimitTerms {
  const terms: LimitTerms = { ...(limits.approve_on && { approve_on: limits.approve_on }) }
  for (const name of LIMIT_NAMES) {
    const limit = limits[name]
    if (limit !== undefined) terms[name] = formatUsdc(limit)
  }
  return terms
}

/** The window of a limit that `nowMs` falls into, and when it ends; `null` for never. */
export function windowOf(
  name: Exclude<LimitName, 'call' | 'approve_above'>,
  nowMs: number,
): { window: string; endsAtMs: number | null } {
  if (name === 'day') return { window: `day:${utcDay(nowMs)}`, endsAtMs: endOfUtcDay(nowMs) }
  if (name === 'month')
    return { window: `month:${utcMonth(nowMs)}`, endsAtMs: endOfUtcMonth(nowMs) }
  return { window: 'lifetime', endsAtMs: null }
}

/** The limit that `wanted` would exceed, if any: a child must fit into its parent. */
export function exceeding(wanted: Limits, parent: Limits): LimitName | undefined {
  return LIMIT_NAMES.find((name) => {
    const ceiling = parent[name]
    const own = wanted[name]
    return ceiling !== undefined && own !== undefined && own > ceiling
  })
}
