/** How good an endpoint is, from what buyers said and calls measured. */
import type { Standing } from './search.js'

/**
 * How good an endpoint is, from -1 to 1; 0 where nothing is known. Ratings make half of it, uptime
 * three tenths, latency two. What few have said or tried counts little: five ratings or twenty calls
 * make half of the full effect.
 */
export function qualityOf({ rating, ratings, uptime, latencyMs, calls }: Standing): number {
  const liked = rating === null ? 0 : ((rating - 3) / 2) * (ratings / (ratings + 5))
  // 95 % is neutral, 90 % as bad as it gets.
  const up = uptime === null ? 0 : within((uptime - 0.95) / 0.05)
  // A second is neutral, a tenth of it the best, ten the worst.
  const fast = latencyMs === null ? 0 : within(3 - Math.log10(Math.max(1, latencyMs)))
  return within(0.5 * liked + (0.3 * up + 0.2 * fast) * (calls / (calls + 20)))
}

function within(value: number): number {
  return Math.min(1, Math.max(-1, value))
}
