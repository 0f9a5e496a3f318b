/** Lets one piece of work through at a time, in the order of arrival. */
export type Turnstile = { pass<T>(work: () => Promise<T>): Promise<T> }

export function createTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve()
  return {
    pass(work) {
      const result = last.then(work)
      last = result.catch(() => undefined)
      return result
    },
  }
}
