/** One timer for a whole call: connecting, every hop, every byte. */

export type Ended = 'timeout' | 'cancelled'

export type Deadline = {
  /** Why the call has to stop, once it has to. */
  ended(): Ended | undefined
  /** Runs `stop` when the call has to stop, at once if it has to already; the last one set counts. */
  onEnd(stop: (reason: Ended) => void): void
  clear(): void
}

/** A deadline `timeoutMs` from now, or earlier when `signal` says so. Clear it when the call is over. */
export function startDeadline(timeoutMs: number, signal: AbortSignal | undefined): Deadline {
  let reason: Ended | undefined
  let stop: ((reason: Ended) => void) | undefined
  const end = (why: Ended) => {
    reason ??= why
    stop?.(reason)
  }
  const cancel = () => end('cancelled')
  const timer = setTimeout(end, timeoutMs, 'timeout')
  if (signal?.aborted) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })

  return {
    ended: () => reason,
    onEnd: (next) => {
      stop = next
      if (reason) stop(reason)
    },
    clear: () => {
      stop = undefined
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    },
  }
}
