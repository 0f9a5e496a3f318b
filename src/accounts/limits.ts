/**
 * Spending limits of a key. They count what the buyer pays, fee included, over UTC days and months;
 * what is held counts as spent. A key's spending counts against the keys it descends from, too.
 */
import { z } from 'zod'
import { endOfUtcDay, endOfUtcMonth, utcDay, utcMonth } from '#core/clock'
import { formatUsdc, type Nanos, parseUsdc } from '#core/money'

const amount = z.string().regex(/^\d{1,10}(\.\d{1,9})?$/, 'must be a decimal string in USDC')

export const limitsSchema = z.strictObject({
  call: amount.optional().describe('most that one call may cost'),
  day: amount.optional().describe('most per UTC day'),
  month: amount.optional().describe('most per UTC month'),
  lifetime: amount.optional().describe('most over the life of the key'),
})

export type LimitTerms = z.infer<typeof limitsSchema>
export type LimitName = keyof LimitTerms
export type Limits = Partial<Record<LimitName, Nanos>>

export const LIMIT_NAMES: readonly LimitName[] = ['call', 'day', 'month', 'lifetime']

export function readLimits(terms: LimitTerms): Limits {
  const limits: Limits = {}
  for (const name of LIMIT_NAMES) {
    const text = terms[name]
    if (text !== undefined) limits[name] = parseUsdc(text, `limits.${name}`)
  }
  return limits
}

export function showLimits(limits: Limits): LimitTerms {
  const terms: LimitTerms = {}
  for (const name of LIMIT_NAMES) {
    const limit = limits[name]
    if (limit !== undefined) terms[name] = formatUsdc(limit)
  }
  return terms
}

/** The window of a limit that `nowMs` falls into, and when it ends; `null` for never. */
export function windowOf(
  name: Exclude<LimitName, 'call'>,
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
