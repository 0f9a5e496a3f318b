/** How soon a server's word that its tools changed is passed on: what follows from it is dear. */

const TELL_EVERY_MS = 1_000
/** Changes that may come one after the other; then one at a time, as the allowance comes back. */
const BURST = 20
const ONE_MORE_EACH_MS = 60_000

/** Tells at once, then waits: what happens meanwhile is told together. Nothing is told after `signal`. */
export function paced(tell: () => void, signal: AbortSignal): () => void {
  let allowance = BURST
  let countedMs = performance.now()
  let isWaiting = false
  let isDue = false

  function waitMs(): number {
    const nowMs = performance.now()
    allowance = Math.min(BURST, allowance + (nowMs - countedMs) / ONE_MORE_EACH_MS) - 1
    countedMs = nowMs
    return Math.max(TELL_EVERY_MS, (1 - allowance) * ONE_MORE_EACH_MS)
  }

  return function changed(): void {
    if (isWaiting) {
      isDue = true
      return
    }
    isWaiting = true
    isDue = false
    tell()
    setTimeout(() => {
      isWaiting = false
      if (isDue && !signal.aborted) changed()
    }, waitMs()).unref()
  }
}
