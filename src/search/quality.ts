/** How good an endpoint is, from what buyers said and calls measured. */
import type { Standing } from './search.js'

/**
 * How good an endpoint is, from -1 to 1; 0 where nothing is known. What buyers think makes half of
 * it, uptime three tenths, latency two. What was tried little counts little: twenty calls make half
 * of the full effect; of ratings the standing itself takes care.
 */
export function qualityOf({ liking, uptime, latencyMs, calls }: Standing): number {
  // 95 % is neutral, 90 % as bad as it gets.
  const up = uptime === null ? 0 : within((uptime - 0.95) / 0.05)
  // A second is neutral, a tenth of it the best, ten the worst.
  const fast = latencyMs === null ? 0 : within(3 - Math.log10(Math.max(1, latencyMs)))
  return within(0.5 * liking + (0.3 * up + 0.2 * fast) * (calls / (calls + 20)))
}

function within(value: number): number {
  return Math.min(1, Math.max(-1, value))
}
