/** Server-sent events read by hand, in bounded memory. */

export type StreamEvent = {
  /** `message` unless the server says otherwise. */
  type: string
  data: Buffer
}

export type EventReader = {
  /** False when an event is longer than the limit: nothing more is read then. */
  push(chunk: Buffer): boolean
  /** The last id that was given, for taking up a stream again. */
  lastEventId(): string | undefined
  /** The wait before taking up the stream that the server asks for, ms. */
  retryMs(): number | undefined
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
/** Ids come back to the server in a header. */
const MAX_ID_CHARACTERS = 1024

/** @param maxEventBytes the most that one event, or one line, may have. */
export function createEventReader(
  maxEventBytes: number,
  onEvent: (event: StreamEvent) => void,
): EventReader {
  let pending: Buffer[] = []
  let pendingBytes = 0
  let data: Buffer[] = []
  let dataBytes = 0
  let type = ''
  let eventId: string | undefined
  let retry: number | undefined

  function endOfEvent(): void {
    const lines = data
    const eventType = type
    data = []
    dataBytes = 0
    type = ''
    if (lines.length === 0) return
    const whole = lines.length === 1 ? lines[0]! : Buffer.from(lines.map(String).join('\n'))
    if (whole.length > 0) onEvent({ type: eventType || 'message', data: whole })
  }

  function line(bytes: Buffer): void {
    const colon = bytes.indexOf(58)
    if (colon === 0) return
    const end = colon === -1 ? bytes.length : colon
    const name = bytes.toString('latin1', 0, end)
    const value = bytes.subarray(bytes[end + 1] === 32 ? end + 2 : end + 1)
    if (name === 'data') {
      data.push(value)
      // The line break counts, so that empty lines do.
      dataBytes += value.length + 1
    } else if (name === 'event') type = value.toString()
    else if (name === 'id') eventId = idOf(value) ?? eventId
    else if (name === 'retry' && /^\d{1,7}$/.test(value.toString('latin1'))) retry = Number(value)
  }

  function wholeLine(bytes: Buffer): void {
    const isEnded = bytes.at(-1) === CARRIAGE_RETURN
    const text = isEnded ? bytes.subarray(0, -1) : bytes
    if (text.length === 0) endOfEvent()
    else line(text)
  }

  return {
    push(chunk) {
      let start = 0
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
        const piece = chunk.subarray(start, end)
        start = end + 1
        if (pendingBytes + dataBytes + piece.length > maxEventBytes) return false
        const bytes = pending.length === 0 ? piece : Buffer.concat([...pending, piece])
        pending = []
        pendingBytes = 0
        wholeLine(bytes)
      }
      if (start < chunk.length) {
        pending.push(chunk.subarray(start))
        pendingBytes += chunk.length - start
      }
      return pendingBytes + dataBytes <= maxEventBytes
    },
    lastEventId: () => eventId,
    retryMs: () => retry,
  }
}

/** An id that can go back in a header. */
function idOf(value: Buffer): string | undefined {
  const id = value.toString()
  return id.length <= MAX_ID_CHARACTERS && /^[\x20-\x7e]*$/.test(id) ? id : undefined
}
