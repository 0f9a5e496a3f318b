/** How much a server may say beside its answer, answers that nobody asked for included. */
import type { Message } from './messages.js'

/** Far more than progress and log lines of one call need. */
const MAX_MESSAGES = 10_000
/** A request of a server costs an answer of ours. */
const REQUEST_WEIGHT = 50
/** Of streams that stay open: what counts is what came within the last minute. */
const WINDOW_MS = 60_000

export type Flood = {
  /** False when it is too much. */
  take(kind: Message['kind'], bytes: number): boolean
}

/** @param isLong whether the count starts anew each minute. */
export function floodGate(maxBytes: number, isLong: boolean): Flood {
  let messages = 0
  let bytes = 0
  let sinceMs = performance.now()
  return {
    take(kind, size) {
      if (isLong && performance.now() - sinceMs > WINDOW_MS) {
        messages = 0
        bytes = 0
        sinceMs = performance.now()
      }
      messages += kind === 'request' ? REQUEST_WEIGHT : 1
      bytes += size
      return messages <= MAX_MESSAGES && bytes <= maxBytes
    },
  }
}
