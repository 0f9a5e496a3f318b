/** One HTTP exchange of MCP: a request goes out, a JSON body or a stream of events comes back. */
import {
  type Deadline,
  type Exchange,
  ended,
  headerText,
  mediaTypeOf,
  type OpenRequest,
  type Sink,
  type Unanswered,
  type Upstreams,
} from '#upstreams'
import { createEventReader } from './event-stream.js'
import { floodGate } from './flood.js'
import { type ErrorBody, type Message, readMessages } from './messages.js'

export type Answered = Extract<Message, { kind: 'result' | 'error' }>
export type RawHeaders = Parameters<Sink['onHead']>[1]

/** How an exchange ended. */
export type HttpEnd =
  | { kind: 'answer'; message: Answered; status: number; headers: RawHeaders }
  /** A stream that ended before the answer came, and where it may be taken up again. */
  | { kind: 'ended'; lastEventId: string | undefined; retryMs: number | undefined }
  | { kind: 'status'; status: number; headers: RawHeaders; error: ErrorBody | undefined }
  | Unanswered

export type ExchangeOptions = {
  /** The id whose answer is awaited; without it the whole stream is heard. */
  id?: string | undefined
  /** Whether the stream carries the answers to requests that went elsewhere. */
  hasOtherAnswers?: boolean | undefined
  deadline: Deadline
  /** The most of one message. */
  maxBytes: number
  /** What comes beside the answer. */
  onMessage(message: Message, bytes: number): void
  /** Events of another type than `message`. */
  onOther?: ((type: string, data: string) => void) | undefined
  /** The answer begins. */
  onHead?: ((status: number, headers: RawHeaders) => void) | undefined
}

/** How long a stream may stay open after its answer, so that its connection serves again. */
const DRAIN_MS = 1000
const MAX_ERROR_BYTES = 64 * 1024
/** What a stream may carry beside an answer of full length. */
const EXTRA_BYTES = 4 * 1024 * 1024

/** Sends once; never throws. */
export function exchange(
  upstreams: Pick<Upstreams, 'open'>,
  request: OpenRequest,
  options: ExchangeOptions,
): Promise<HttpEnd> {
  const reason = options.deadline.ended()
  if (reason) return Promise.resolve(ended(reason, false))
  return new Promise((resolve) => {
    let part: Part | undefined
    let drain: NodeJS.Timeout | undefined
    const running = upstreams.open(request, {
      onHead(status, headers) {
        options.onHead?.(status, headers)
        part = partOf(status, headers, options, request.isLong === true)
      },
      onData(chunk) {
        if (drain) return
        const end = part!.push(chunk)
        if (!end) return
        // The rest of a stream is let go by, as cutting it off would cost its connection.
        if (end.kind === 'answer') drain = setTimeout(stop, DRAIN_MS).unref()
        else stop()
        resolve(end)
      },
      onEnd(failure) {
        clearTimeout(drain)
        resolve(failure ?? part!.end())
      },
    })
    if (isUnanswered(running)) return resolve(running)
    function stop(): void {
      ;(running as Exchange).abort()
    }
    options.deadline.onEnd((why) => {
      const isDispatched = running.isDispatched()
      stop()
      resolve(ended(why, isDispatched))
    })
  })
}

function isUnanswered(value: Exchange | Unanswered): value is Unanswered {
  return 'kind' in value
}

/** Reads one kind of answer; an end that `push` gives comes before the end of the bytes. */
type Part = { push(chunk: Buffer): HttpEnd | undefined; end(): HttpEnd }

function partOf(
  status: number,
  headers: RawHeaders,
  options: ExchangeOptions,
  isLong: boolean,
): Part {
  const encoding = headerText(headers['content-encoding']) ?? 'identity'
  if (encoding !== 'identity' && encoding !== '') {
    return failing(broken('The server packs its answer in an encoding that was not asked for.'))
  }
  const isStream = mediaTypeOf(headerText(headers['content-type'])) === 'text/event-stream'
  if (status >= 200 && status < 300 && isStream) return streamPart(status, headers, options, isLong)
  return bodyPart(status, headers, options)
}

function failing(end: HttpEnd): Part {
  return { push: () => end, end: () => end }
}

function bodyPart(
  status: number,
  headers: RawHeaders,
  { id, maxBytes, onMessage }: ExchangeOptions,
): Part {
  const isFine = status >= 200 && status < 300
  const limit = isFine ? maxBytes : MAX_ERROR_BYTES
  const chunks: Buffer[] = []
  let size = 0
  const bytes = () => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  const bare = (): HttpEnd => ({ kind: 'status', status, headers, error: undefined })

  function whole(): HttpEnd {
    // What is no request gets no answer, and a body that came anyway says nothing.
    if (isFine && (size === 0 || id === undefined)) return bare()
    const messages = readMessages(bytes(), id)
    if (!isFine) {
      const error = messages?.find((message) => message.kind === 'error')
      return error ? { kind: 'status', status, headers, error: error.error } : bare()
    }
    if (!messages) return broken('The server answers with something that is not JSON-RPC.')
    for (const message of messages) if (!('id' in message)) onMessage(message, 0)
    const message = messages.find((each) => isAnswerTo(each, id!))
    if (!message) return broken('The server answers another request than the one sent.')
    return { kind: 'answer', message: message as Answered, status, headers }
  }

  return {
    push(chunk) {
      size += chunk.length
      if (size > limit) return isFine ? tooLong(maxBytes) : bare()
      chunks.push(chunk)
      return undefined
    },
    end: whole,
  }
}

function streamPart(
  status: number,
  headers: RawHeaders,
  { id, hasOtherAnswers = false, maxBytes, onMessage, onOther }: ExchangeOptions,
  isLong: boolean,
): Part {
  const flood = floodGate(maxBytes + EXTRA_BYTES, isLong)
  let end: HttpEnd | undefined
  const reader = createEventReader(maxBytes, ({ type, data }) => {
    if (end) return
    if (type !== 'message') {
      if (flood.take('notification', data.length)) onOther?.(type, data.toString())
      else end = FLOODED
      return
    }
    const messages = readMessages(data, id)
    if (!messages) end = broken('The server streams something that is not JSON-RPC.')
    for (const message of messages ?? []) take(message, data.length)
  })

  function take(message: Message, bytes: number): void {
    if (end) return
    if (id !== undefined && isAnswerTo(message, id)) {
      end = { kind: 'answer', message: message as Answered, status, headers }
    } else if ((isAnswer(message) && hasOtherAnswers) || flood.take(message.kind, bytes)) {
      onMessage(message, bytes)
    } else end = FLOODED
  }

  return {
    push: (chunk) => (reader.push(chunk) ? end : (end ?? tooLong(maxBytes))),
    end: () => ({ kind: 'ended', lastEventId: reader.lastEventId(), retryMs: reader.retryMs() }),
  }
}

function isAnswer({ kind }: Message): boolean {
  return kind === 'result' || kind === 'error'
}

/** An error may come without an id, when the server could not read the request. */
function isAnswerTo(message: Message, id: string): boolean {
  if (message.kind === 'error') return message.id === id || message.id == null
  return message.kind === 'result' && message.id === id
}

/** The server answered, but with nothing of use. */
export function broken(detail: string): Unanswered {
  return { kind: 'unanswered', reason: 'broken', detail, dispatched: true }
}

const FLOODED = broken('The server floods the gateway with messages.')

export function tooLong(maxBytes: number): Unanswered {
  const limit = maxBytes >= MIB ? `${Math.floor(maxBytes / MIB)} MiB` : `${maxBytes} bytes`
  return broken(`The server's answer is longer than ${limit}.`)
}

const MIB = 1024 * 1024
