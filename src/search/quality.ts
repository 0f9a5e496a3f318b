/** How good an endpoint is, from what buyers said, calls measured and its seller offers. */
import type { Standing } from './search.js'

/** What a seller offers. */
export type Offered = {
  /** The most that one call costs, in nano-USDC. */
  maxTotal: bigint
  /** How much older its version is than the newest of the catalogue. */
  ageMs: number
}

const NANOS_PER_USDC = 1e9
const HALF_LIFE_MS = 180 * 24 * 3_600_000

/**
 * What is known of an endpoint, from -0.8 to 0.9; 0 where nothing is: what buyers think 0.4, uptime
 * 0.25, latency 0.15, popularity 0.1. What was tried little counts little: twenty calls make half of
 * the full effect; of ratings the standing itself takes care.
 */
export function qualityOf({ liking, uptime, latencyMs, calls }: Standing): number {
  // 95 % is neutral, 90 % as bad as it gets.
  const up = uptime === null ? 0 : within((uptime - 0.95) / 0.05)
  // A second is neutral, a tenth of it the best, ten the worst.
  const fast = latencyMs === null ? 0 : within(3 - Math.log10(Math.max(1, latencyMs)))
  // Ten thousand calls are all that popularity can mean.
  const popular = Math.min(1, Math.log10(1 + calls) / 4)
  const tried = calls / (calls + 20)
  return 0.4 * within(liking) + (0.25 * up + 0.15 * fast) * tried + 0.1 * popular
}

/** What speaks for the offer itself, from -0.05 to 0.1: price 0.05, freshness 0.05. */
export function appealOf(offered: Offered): number {
  return 0.05 * cheapness(offered) + 0.05 * freshness(offered)
}

/** A cent is neutral, a hundredth of it or nothing the best, a dollar the worst. */
function cheapness({ maxTotal }: Offered): number {
  const usdc = Math.max(1e-9, Number(maxTotal) / NANOS_PER_USDC)
  return within(-(Math.log10(usdc) + 2) / 2)
}

function freshness({ ageMs }: Offered): number {
  return 2 ** (-Math.max(0, ageMs) / HALF_LIFE_MS)
}

function within(value: number): number {
  return Math.min(1, Math.max(-1, value))
}
