/** How fast strangers may knock: so many in a span of time, for each address and for all together. */
import type { Clock } from '#core/clock'
import { networkBlockOf } from '#core/network-block'
import { Problem } from '#core/problem'

type Pace = { perAddress: number; overall: number; spanMs: number }

/**
 * Counts in memory, anew in each span, so it forgets at a restart.
 *
 * @returns a function that counts one more. It throws Problem `rate_limited` past the pace.
 */
export function createPace(
  clock: Clock,
  { perAddress, overall, spanMs }: Pace,
): (address: string) => void {
  let span = Number.NaN
  let all = 0
  const counts = new Map<string, number>()
  return (address) => {
    const now = clock.now()
    const current = Math.floor(now / spanMs)
    if (current !== span) {
      span = current
      all = 0
      counts.clear()
    }
    const block = networkBlockOf(address)
    const count = counts.get(block) ?? 0
    if (count >= perAddress || all >= overall) {
      throw new Problem('rate_limited', 'There were too many attempts to sign up.', {
        action: 'Wait for the time in Retry-After, then try again.',
        retryAfterMs: (current + 1) * spanMs - now,
      })
    }
    counts.set(block, count + 1)
    all++
  }
}
