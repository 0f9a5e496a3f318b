/**
 * Requests that their client took back with `notifications/cancelled`, as clients of the older era
 * do within a session; those of 2026-07-28 just go away. It reaches a call until it is sent, and
 * after that where what answers it can be stopped.
 */

export type RunningRequests = {
  /** Notes a request of a session while it runs; `done` must be called in the end. */
  begin(sessionId: string, requestId: string | number): RunningRequest
  takeBack(sessionId: string, requestId: unknown): void
}

export type RunningRequest = {
  isTakenBack(): boolean
  /** Aborted when it is taken back. */
  signal(): AbortSignal
  done(): void
}

export function createRunningRequests(): RunningRequests {
  const running = new Map<string, ReturnType<typeof lateSignal>>()
  return {
    begin(sessionId, requestId) {
      const name = nameOf(sessionId, requestId)
      const request = lateSignal()
      running.set(name, request)
      return {
        isTakenBack: request.isAborted,
        signal: request.signal,
        done: () => {
          // A client that uses an id twice at once can take back only the latter.
          if (running.get(name) === request) running.delete(name)
        },
      }
    },
    takeBack(sessionId, requestId) {
      running.get(nameOf(sessionId, requestId))?.abort()
    },
  }
}

/** A signal that is made when someone asks for it: most requests end without. */
function lateSignal() {
  let isAborted = false
  let controller: AbortController | undefined
  return {
    isAborted: () => isAborted,
    abort() {
      isAborted = true
      controller?.abort()
    },
    signal(): AbortSignal {
      controller ??= new AbortController()
      if (isAborted) controller.abort()
      return controller.signal
    },
  }
}

/** The text "1" and the number 1 are two ids. */
function nameOf(sessionId: string, requestId: unknown): string {
  return `${sessionId} ${JSON.stringify(requestId)}`
}
