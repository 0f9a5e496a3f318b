/** Ever longer waits before the next try, so that a server that is down costs little. */

export type BackOff = {
  /** The wait before the next try, ms. */
  waitMs(): number
  failed(): void
  /** It held for a while: the next failure counts as the first. */
  succeeded(): void
}

const FIRST_MS = 250
const LONGEST_MS = 30_000

export function createBackOff(): BackOff {
  let failures = 0
  let notBeforeMs = 0
  return {
    waitMs: () => Math.max(0, notBeforeMs - performance.now()),
    failed() {
      notBeforeMs = performance.now() + Math.min(LONGEST_MS, FIRST_MS * 2 ** failures)
      failures = Math.min(failures + 1, 16)
    },
    succeeded() {
      failures = 0
      notBeforeMs = 0
    },
  }
}
