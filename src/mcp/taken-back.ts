/**
 * Requests that their client took back with `notifications/cancelled`, as clients of the older era
 * do within a session; those of 2026-07-28 just go away. It reaches a call until it is sent.
 */

export type RunningRequests = {
  /** Notes a request of a session while it runs; `done` must be called in the end. */
  begin(sessionId: string, requestId: string | number): RunningRequest
  takeBack(sessionId: string, requestId: unknown): void
}

export type RunningRequest = { isTakenBack(): boolean; done(): void }

export function createRunningRequests(): RunningRequests {
  /** Whether each was taken back. */
  const running = new Map<string, { isTakenBack: boolean }>()
  return {
    begin(sessionId, requestId) {
      const name = nameOf(sessionId, requestId)
      const request = { isTakenBack: false }
      running.set(name, request)
      return {
        isTakenBack: () => request.isTakenBack,
        done: () => {
          // A client that uses an id twice at once can take back only the latter.
          if (running.get(name) === request) running.delete(name)
        },
      }
    },
    takeBack(sessionId, requestId) {
      const request = running.get(nameOf(sessionId, requestId))
      if (request) request.isTakenBack = true
    },
  }
}

/** The text "1" and the number 1 are two ids. */
function nameOf(sessionId: string, requestId: unknown): string {
  return `${sessionId} ${JSON.stringify(requestId)}`
}
