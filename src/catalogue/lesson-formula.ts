/**
 * From what buyers bought after which words to how strongly an endpoint belongs to a word. Pure; the
 * formula is explained in docs/operate.md.
 */
import type { Nanos } from '#core/money'

const DAY_MS = 24 * 60 * 60 * 1_000
/** Purchases are dated by epochs of 30 days. */
const EPOCH_MS = 30 * DAY_MS
/** After so many epochs, 90 days, a purchase counts half. */
const HALF_LIFE_EPOCHS = 3
/** Older purchases, a year, say nothing any more. */
const HEARD_EPOCHS = 12
/** One epoch later they are forgotten: by then all lessons were worked out without them. */
export const KEPT_EPOCHS = HEARD_EPOCHS + 1

/** What a buyer has to have spent, in nano-USDC, to count in full: 1 USDC. */
const FULL_SPEND = 1_000_000_000
/** Who spent less than 0.01 USDC is not counted at all. */
const LEAST_WEIGHT = 0.01
/** So many buyers must have bought after a word before it teaches anything. */
const MIN_BUYERS = 3
/** The weight of buyers at which half of a lesson is believed. */
const HALF_BELIEVED = 0.5
/** Weaker lessons are left away, and all but the strongest of an endpoint. */
const LEAST_STRENGTH = 0.02
const MAX_WORDS = 32

/** What a buyer's latest experience says, in percent of its weight. */
export const CREDIT = { shown: 100, sought: 50, refunded: -50, badMark: -100 } as const

/** One buyer's latest experience with an endpoint that a word led to. */
export type Credit = {
  endpointId: string
  buyerId: string
  epoch: number
  /** One of {@link CREDIT}. */
  percent: number
  /** What the buyer spent that did not go to this endpoint's seller, fees included, nano-USDC. */
  spent: Nanos
}

export function epochOf(nowMs: number): number {
  return Math.floor(nowMs / EPOCH_MS)
}

/** What one buyer counts: up to 1 for a recent purchase by somebody who spent enough elsewhere. */
export function voiceOf({ epoch, percent, spent }: Credit, nowEpoch: number): number {
  const weight = Math.min(1, Number(spent) / FULL_SPEND)
  if (weight < LEAST_WEIGHT) return 0
  const age = Math.max(0, nowEpoch - epoch)
  if (age > HEARD_EPOCHS) return 0
  return (percent / 100) * weight * 2 ** (-age / HALF_LIFE_EPOCHS)
}

/** Adds up the credits of one word, one after the other, to the strength of each endpoint. */
export function createTally(nowEpoch: number) {
  const voices = new Map<string, number>()
  const buyers = new Set<string>()
  return {
    add(credit: Credit): void {
      const voice = voiceOf(credit, nowEpoch)
      if (voice > 0) buyers.add(credit.buyerId)
      voices.set(credit.endpointId, (voices.get(credit.endpointId) ?? 0) + voice)
    },
    /** More than 0 and less than 1; without an endpoint where too few bought or too little. */
    strengths(): Map<string, number> {
      if (buyers.size < MIN_BUYERS) return new Map()
      const liked = [...voices].filter(([, voice]) => voice > 0)
      const all = liked.reduce((sum, [, voice]) => sum + voice, 0)
      const strengths = liked.map(([endpointId, voice]) => {
        const strength = (voice / all) * (voice / (voice + HALF_BELIEVED))
        return [endpointId, Math.round(strength * 1e4) / 1e4] as const
      })
      return new Map(strengths.filter(([, strength]) => strength >= LEAST_STRENGTH))
    },
  }
}

/** The strongest words of a lesson, which is what an endpoint can have learned at most. */
export function strongest(words: ReadonlyMap<string, number>): Record<string, number> {
  const sorted = [...words].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return Object.fromEntries(sorted.slice(0, MAX_WORDS))
}
