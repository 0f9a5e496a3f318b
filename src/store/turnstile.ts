/** Lets one piece of work through at a time, in the order of arrival. */
export type Turnstile = {
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Whether somebody waits for the one who is inside. */
  isAwaited(): boolean
}

export function createTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    pass(work) {
      waiting++
      const result = last.then(() => {
        waiting--
        return work()
      })
      last = result.catch(() => undefined)
      return result
    },
    isAwaited: () => waiting > 0,
  }
}
