/** Lets one piece of work through at a time, in the order of arrival. */
export type Turnstile = {
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work` now when nobody is inside, else as soon as the turnstile is free. */
  whenFree(work: () => void): void
}

export function createTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve()
  let inside = 0
  return {
    pass(work) {
      inside++
      const result = last.then(work)
      last = result.then(leave, leave)
      return result
    },
    whenFree(work) {
      if (inside === 0) work()
      else void last.then(() => this.whenFree(work))
    },
  }

  function leave(): void {
    inside--
  }
}
