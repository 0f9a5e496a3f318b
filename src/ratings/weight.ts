/**
 * What a buyer's opinion weighs, by what it paid for the endpoint. Pure.
 *
 * Small amounts count by their square: 50 accounts with one cheap call each weigh almost nothing, and
 * splitting a spend over many accounts loses. Large ones count by their logarithm, and from 10 USDC on
 * no more: nobody decides alone. Marks for free calls weigh nothing; they are in the plain mean.
 */
const NANOS = 1e9
/** Where the square turns into the logarithm, in USDC: 100 calls at the usual price. */
const KNEE_USDC = 0.1
/** Beyond this, in USDC, a buyer's opinion weighs no more. */
const MOST_USDC = 10

/** What one buyer said of an endpoint: the sum of its marks, their number, and what it paid in nano-USDC. */
export type Voice = { sum: number; count: number; spent: bigint }

/** 0 for a buyer who paid nothing, 0.5 at 0.1 USDC, 3.3 at 1 USDC, 6.6 at 10 USDC and above. */
export function weightOf(spent: bigint): number {
  const usdc = Math.min(Number(spent) / NANOS, MOST_USDC)
  return Math.log2(1 + (usdc / KNEE_USDC) ** 2) / 2
}

/** All voices on an endpoint as one opinion. A buyer weighs once, however many marks it gave. */
export function opinionOf(voices: readonly Voice[]) {
  const opinion = { sum: 0, count: 0, weight: 0, weighted: 0 }
  for (const { sum, count, spent } of voices) {
    const weight = weightOf(spent)
    opinion.sum += sum
    opinion.count += count
    opinion.weight += weight
    opinion.weighted += weight * (sum / count)
  }
  return opinion
}
