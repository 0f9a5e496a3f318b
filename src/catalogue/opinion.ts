/**
 * What buyers think: the plain mean of their marks for people, and a score for ranking. In the score
 * a buyer weighs by what it paid (see ratings), and as long as little was paid, all that is known is
 * the mean of the market: the score of an endpoint starts there and moves away by weight.
 */

import { readSetting, type Store, type Tx, writeSetting } from '#store'

/** What the market's mean weighs in each score: about as much as one buyer who paid 1 USDC. */
const PRIOR_WEIGHT = 3
/** The mean of a market in which nobody has said anything, and how much it weighs against what is said. */
const FIRST_MEAN = 3.5
const FIRST_WEIGHT = 20
/** By how much the mean has to move before every score follows it. */
const MEAN_STEP = 0.05
const WORST_MARK = 1
const BEST_MARK = 5
/** The setting that holds what was said of all endpoints. */
const MARKET = 'market_opinion'

export type Opinion = {
  /** The sum of all marks, 1 to 5, and their number. */
  sum: number
  count: number
  /** What their buyers weigh, and the sum of each one's mean mark times its weight. */
  weight: number
  weighted: number
}

export const NO_OPINION: Opinion = { sum: 0, count: 0, weight: 0, weighted: 0 }

/** What all marks of all endpoints weigh, and the mean that scores lean on. */
type Market = { weight: number; weighted: number; mean: number }

/** The score that ranks, 1 to 5; null without a mark. */
export function scoreOf({ count, weight, weighted }: Opinion, mean: number): number | null {
  if (count === 0) return null
  return (PRIOR_WEIGHT * mean + weighted) / (PRIOR_WEIGHT + weight)
}

/**
 * How far the score is above or below the mean of all, -1 to 1: 1 is the best mark of buyers of great
 * weight. 0 where nobody who paid has said anything, so that a mark that cost nothing lifts nothing.
 */
export function likingOf(opinion: Opinion, mean: number): number {
  const above = (scoreOf(opinion, mean) ?? mean) - mean
  return above > 0 ? above / (BEST_MARK - mean) : above / (mean - WORST_MARK)
}

/** The mean mark of the market, weighted like the scores: those who paid nothing cannot move it. */
export async function meanOfAll(store: Store): Promise<number> {
  const sql = 'select value from settings where name = ?'
  const [row] = await store.query<{ value: string }>(sql, [MARKET])
  return readMarket(row?.value).mean
}

/**
 * Counts what an endpoint's marks changed from and to. Only who has the revision of the standings
 * may call it.
 *
 * @returns whether the mean that scores lean on is another one now.
 */
export async function countMarks(tx: Tx, before: Opinion, after: Opinion): Promise<boolean> {
  const market = readMarket(await readSetting(tx, MARKET))
  const weight = market.weight + after.weight - before.weight
  const weighted = market.weighted + after.weighted - before.weighted
  const exact = (FIRST_WEIGHT * FIRST_MEAN + weighted) / (FIRST_WEIGHT + weight)
  const hasMoved = Math.abs(exact - market.mean) >= MEAN_STEP
  const mean = hasMoved ? exact : market.mean
  await writeSetting(tx, MARKET, JSON.stringify({ weight, weighted, mean }))
  return hasMoved
}

function readMarket(stored: string | undefined): Market {
  return stored === undefined ? { weight: 0, weighted: 0, mean: FIRST_MEAN } : JSON.parse(stored)
}
