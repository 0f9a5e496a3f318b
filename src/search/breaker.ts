/** Whether it is worth trying something that may be away, so that not everybody waits in vain. */
import type { Clock } from '#core/clock'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

export type Breaker = {
  /** Between pauses, one try at a time finds out whether it is back. */
  mayTry(): boolean
  worked(): void
  failed(error: unknown): void
}

/** Told about the first failure in a row, and when it is over. */
export type Watch = { away(error: unknown): void; back(): void }

/**
 * A breaker that is closed. Each failure in a row doubles the pause, from a second to thirty.
 */
export function createBreaker(clock: Clock, watch: Watch): Breaker {
  let pauseMs = 0
  let untilMs = 0

  return {
    mayTry() {
      if (pauseMs === 0) return true
      const nowMs = clock.now()
      if (nowMs < untilMs) return false
      untilMs = nowMs + pauseMs
      return true
    },
    worked() {
      if (pauseMs > 0) watch.back()
      pauseMs = 0
    },
    failed(error) {
      if (pauseMs === 0) watch.away(error)
      pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2))
      untilMs = clock.now() + pauseMs
    },
  }
}
