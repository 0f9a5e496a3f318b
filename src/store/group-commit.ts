/**
 * Group commit: callers of one turn of the event loop are sent to the writer together, and what
 * waits there shares the next transaction. It is what makes two durable commits a call cheap.
 */
import type { Turnstile } from './turnstile.js'

/** At most this many units go to the writer as one, so that no caller waits long for others. */
const MAX_BATCH = 64
/** So many are sent at once: the writer has work while the rest of this turn still runs. */
const ENOUGH = 8

export type GroupCommit<U, O> = {
  submit(unit: U): Promise<O>
  /** Units that are not answered yet. */
  waiting(): number
  /** Resolves when everything submitted so far was answered. */
  settled(): Promise<void>
}

type Waiting<U, O> = { unit: U; resolve(outcome: O): void; reject(error: unknown): void }

/**
 * @param flush writes units in order and answers one outcome each; a unit whose outcome is an
 *   `Error` is rejected with it. When it rejects, all are. It is called again before it has answered,
 *   and must keep the order.
 */
export function groupCommit<U, O>(options: {
  turnstile: Turnstile
  flush(units: readonly U[]): Promise<readonly (O | Error)[]>
}): GroupCommit<U, O> {
  const { turnstile, flush } = options
  const queue: Waiting<U, O>[] = []
  let inFlight = 0
  let visit: Promise<void> | undefined
  let leave: (() => void) | undefined
  let isScheduled = false

  return {
    waiting: () => queue.length + inFlight,
    submit: (unit) =>
      new Promise((resolve, reject) => {
        queue.push({ unit, resolve, reject })
        if (leave) schedule()
        else visit ??= comeIn()
      }),
    settled: async () => {
      while (visit) await visit
    },
  }

  /** Stays inside the turnstile while units keep coming, until somebody else waits there. */
  async function comeIn(): Promise<void> {
    await turnstile.pass(
      () =>
        new Promise<void>((resolve) => {
          leave = resolve
          schedule()
        }),
    )
    visit = queue.length > 0 ? comeIn() : undefined
  }

  /** Sends at the end of this turn of the event loop, so that its other callers come along. */
  function schedule(): void {
    if (queue.length >= ENOUGH) sendAll()
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      sendAll()
    })
  }

  function sendAll(): void {
    // It may have left since this was scheduled, or is about to, for the one who waits.
    if (!leave || (inFlight > 0 && turnstile.isAwaited())) return
    while (queue.length > 0) void send(queue.splice(0, MAX_BATCH))
  }

  async function send(batch: readonly Waiting<U, O>[]): Promise<void> {
    inFlight += batch.length
    const outcomes = await flush(batch.map(({ unit }) => unit)).catch((error: Error) => error)
    inFlight -= batch.length
    for (const [i, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes instanceof Error ? outcomes : (outcomes[i] as O | Error)
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    if (inFlight > 0 || (queue.length > 0 && !turnstile.isAwaited())) return
    leave?.()
    leave = undefined
  }
}
