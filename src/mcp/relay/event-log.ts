/** What went out on the streams of sessions, kept for a while for clients that come back. */

const MAX_EVENTS = 1_000
const MAX_CHARACTERS = 4 * 1024 * 1024
/** Of all sessions of the process together. */
const MAX_ALL_CHARACTERS = 128 * 1024 * 1024

export type LoggedEvent = { stream: number; number: number; text: string }

/** The log of one session. */
export type EventLog = {
  /** An event that does not fit in is not kept. */
  add(event: LoggedEvent): void
  /** The events of a stream after this one; `undefined` where some of them are not kept any more. */
  after(stream: number, number: number): LoggedEvent[] | undefined
  /** Whether anything of a stream is still kept. */
  has(stream: number): boolean
  /** Nothing is kept any more. */
  close(): void
}

/** @returns what opens a log. Where all together are full, the one that is written to forgets. */
export function createEventLogs(maxCharacters = MAX_ALL_CHARACTERS): () => EventLog {
  let all = 0
  return () => {
    const kept: LoggedEvent[] = []
    /** By stream, the last event that was forgotten. */
    const forgotten = new Map<number, number>()
    let characters = 0
    let isClosed = false
    const isFull = () =>
      isClosed || kept.length > MAX_EVENTS || characters > MAX_CHARACTERS || all > maxCharacters

    function forgetOldest(): void {
      const { stream, number, text } = kept.shift()!
      characters -= text.length
      all -= text.length
      // The last in order, so that a stream which is still open is not the first to go.
      forgotten.delete(stream)
      forgotten.set(stream, number)
      if (forgotten.size > MAX_EVENTS) forgotten.delete(forgotten.keys().next().value!)
    }

    function makeRoom(): void {
      while (kept.length > 0 && isFull()) forgetOldest()
    }

    return {
      add(event) {
        kept.push(event)
        characters += event.text.length
        all += event.text.length
        makeRoom()
      },
      after(stream, number) {
        if ((forgotten.get(stream) ?? 0) > number) return undefined
        return kept.filter((event) => event.stream === stream && event.number > number)
      },
      has: (stream) => kept.some((event) => event.stream === stream),
      close() {
        isClosed = true
        makeRoom()
      },
    }
  }
}
