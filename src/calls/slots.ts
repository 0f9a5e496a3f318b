/**
 * Calls in flight, bounded per key and overall, so that load beyond what the gateway can carry is
 * refused at once instead of growing its memory. Counted in this process only.
 */
import { Problem } from '#core/problem'

const RETRY_AFTER_MS = 1_000

export type Slots = {
  /** Takes a slot for a key; the function it gives back frees it. */
  enter(keyId: string): () => void
  inFlight(): number
  isDraining(): boolean
  /** Takes no more calls from now on; resolves when the last one has left. */
  drain(): Promise<void>
}

export function createSlots(limits: { perKey: number; overall: number }): Slots {
  const perKey = new Map<string, number>()
  let overall = 0
  let drained: Promise<void> | undefined
  let onEmpty: (() => void) | undefined

  return {
    inFlight: () => overall,
    isDraining: () => drained !== undefined,
    enter(keyId) {
      if (drained) throw busy('The gateway is shutting down.', 503)
      if (overall >= limits.overall)
        throw busy('The gateway is at its limit of calls in flight.', 503)
      const ofKey = perKey.get(keyId) ?? 0
      if (ofKey >= limits.perKey) {
        throw busy(`This key has ${ofKey} calls in flight, its most.`, 429)
      }
      overall++
      perKey.set(keyId, ofKey + 1)
      return () => leave(keyId)
    },
    drain() {
      drained ??= new Promise((resolve) => {
        onEmpty = resolve
        if (overall === 0) resolve()
      })
      return drained
    },
  }

  function leave(keyId: string): void {
    overall--
    const rest = perKey.get(keyId)! - 1
    if (rest === 0) perKey.delete(keyId)
    else perKey.set(keyId, rest)
    if (overall === 0) onEmpty?.()
  }
}

function busy(detail: string, status: 429 | 503): Problem {
  return new Problem('busy', detail, { status, retryAfterMs: RETRY_AFTER_MS })
}
