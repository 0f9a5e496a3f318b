/** What went out on the streams of one session, kept for a while for clients that come back. */

const MAX_EVENTS = 1_000
const MAX_CHARACTERS = 4 * 1024 * 1024

export type LoggedEvent = { stream: number; number: number; text: string }

export type EventLog = {
  add(event: LoggedEvent): void
  /** The events of a stream after this one; `undefined` where some of them are not kept any more. */
  after(stream: number, number: number): LoggedEvent[] | undefined
  /** Whether anything of a stream is still kept. */
  has(stream: number): boolean
}

export function createEventLog(): EventLog {
  const kept: LoggedEvent[] = []
  /** By stream, the last event that was forgotten. */
  const forgotten = new Map<number, number>()
  let characters = 0
  const has = (stream: number) => kept.some((event) => event.stream === stream)

  return {
    add(event) {
      kept.push(event)
      characters += event.text.length
      while (kept.length > MAX_EVENTS || characters > MAX_CHARACTERS) forgetOldest()
    },
    after(stream, number) {
      if ((forgotten.get(stream) ?? 0) > number) return undefined
      return kept.filter((event) => event.stream === stream && event.number > number)
    },
    has,
  }

  function forgetOldest(): void {
    const { stream, number, text } = kept.shift()!
    characters -= text.length
    forgotten.set(stream, number)
    if (forgotten.size > MAX_EVENTS) forgotten.delete(forgotten.keys().next().value!)
  }
}
