/**
 * Group commit: callers that arrive in one turn of the event loop share one durable transaction.
 * It is what makes two durable commits a call cheap.
 */
import type { Turnstile } from './turnstile.js'

/** At most this many units a flush: a flush of 64 stalls the event loop for about 2 ms. */
const MAX_BATCH = 64

export type GroupCommit<U, O> = {
  submit(unit: U): Promise<O>
  /** Units waiting for their flush. */
  waiting(): number
}

type Waiting<U, O> = { unit: U; resolve(outcome: O): void; reject(error: unknown): void }

/**
 * @param flush applies the units in order, inside one transaction, and answers one outcome each;
 *   a unit whose outcome is an `Error` is rejected with it. When it throws, all are rejected.
 */
export function groupCommit<U, O>(options: {
  turnstile: Turnstile
  flush(units: readonly U[]): readonly (O | Error)[]
}): GroupCommit<U, O> {
  let queue: Waiting<U, O>[] = []
  let scheduled = false

  return {
    waiting: () => queue.length,
    submit: (unit) =>
      new Promise((resolve, reject) => {
        queue.push({ unit, resolve, reject })
        schedule()
      }),
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(() => options.turnstile.whenFree(flushOnce))
  }

  function flushOnce(): void {
    scheduled = false
    const batch = queue.slice(0, MAX_BATCH)
    queue = queue.slice(MAX_BATCH)
    if (queue.length > 0) schedule()
    if (batch.length === 0) return
    try {
      const outcomes = options.flush(batch.map((waiting) => waiting.unit))
      for (const [i, waiting] of batch.entries()) {
        const outcome = outcomes[i] as O | Error
        if (outcome instanceof Error) waiting.reject(outcome)
        else waiting.resolve(outcome)
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    }
  }
}
