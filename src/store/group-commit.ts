/**
 * Group commit: callers that arrive while a transaction is being written share the next one. It is
 * what makes two durable commits a call cheap.
 */
import type { Turnstile } from './turnstile.js'

/** At most this many units a flush, so that no caller waits long for the ones before it. */
const MAX_BATCH = 64

export type GroupCommit<U, O> = {
  submit(unit: U): Promise<O>
  /** Units waiting for their flush. */
  waiting(): number
  /** Resolves when everything submitted so far was flushed. */
  settled(): Promise<void>
}

type Waiting<U, O> = { unit: U; resolve(outcome: O): void; reject(error: unknown): void }

/**
 * @param flush applies the units in order, in one transaction, and answers one outcome each; a unit
 *   whose outcome is an `Error` is rejected with it. When it rejects, all are. One flush at a time.
 */
export function groupCommit<U, O>(options: {
  turnstile: Turnstile
  flush(units: readonly U[]): Promise<readonly (O | Error)[]>
}): GroupCommit<U, O> {
  let queue: Waiting<U, O>[] = []
  let flushing: Promise<void> | undefined

  return {
    waiting: () => queue.length,
    submit: (unit) =>
      new Promise((resolve, reject) => {
        queue.push({ unit, resolve, reject })
        flushing ??= flushAll()
      }),
    settled: async () => flushing,
  }

  async function flushAll(): Promise<void> {
    // Lets the other callers of this turn of the event loop in. Later flushes need not wait: what
    // they write arrived while the one before them was written.
    await new Promise(setImmediate)
    let answerLast = () => {}
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH)
      queue = queue.slice(MAX_BATCH)
      const answerBefore = answerLast
      // Should others be at the turnstile, nobody waits for them who is answered already.
      setImmediate(answerBefore)
      answerLast = await options.turnstile.pass(() => {
        const written = write(batch)
        // Only now, when the disk has its next work, do the callers before go on with theirs.
        answerBefore()
        return written
      })
    }
    answerLast()
    flushing = undefined
  }

  /** Flushes a batch. The function it gives tells its callers; telling them again does nothing. */
  async function write(batch: readonly Waiting<U, O>[]): Promise<() => void> {
    try {
      const outcomes = await options.flush(batch.map(({ unit }) => unit))
      return () => {
        for (const [i, { resolve, reject }] of batch.entries()) {
          const outcome = outcomes[i] as O | Error
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        }
      }
    } catch (error) {
      return () => {
        for (const { reject } of batch) reject(error)
      }
    }
  }
}
