/**
 * The streams of one session of the older era. What goes out on them is kept for a while, so that a
 * client whose connection broke takes a stream up where it lost it (`Last-Event-ID`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '#core/problem'
import { openEvents, sendJsonText } from './reply.js'

/** What one session keeps for clients that come back. */
const MAX_EVENTS = 1_000
const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024
/** A client that does not read what it is sent is given up at this much. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024
/** An answer that takes longer gets a stream that can be taken up again. */
const PATIENCE_MS = 100
/** When a client should come back. */
const RETRY_MS = 1_000

export type ResumableStreams = {
  /**
   * The answer to one POST.
   *
   * @param primes whether its client reads an event without data, as those of 2025-11-25 do.
   */
  post(req: IncomingMessage, res: ServerResponse, options: PostOptions): PostStream
  /** The stream of what belongs to no request; one that is open ends. */
  listen(res: ServerResponse): void
  /** @throws Problem `invalid_request` for an event that is not kept any more. */
  resume(res: ServerResponse, lastEventId: string): void
  /** Says something that belongs to no request, where the client is most likely to hear it. */
  say(json: string): void
  isListening(): boolean
  /** Ends the stream of what belongs to no request; the others end with theirs. */
  close(): void
}

type PostOptions = { isBatch: boolean; primes: boolean }

export type PostStream = {
  say(json: string): void
  answer(json: string): void
  /** When every request of the POST was answered. */
  end(): void
}

type Stream = {
  number: number
  res: ServerResponse | undefined
  isEnded: boolean
  /** The last event that went out, and the last that is no longer kept. */
  sent: number
  forgotten: number
}

type Event = { stream: Stream; number: number; text: string }

export function createResumableStreams(): ResumableStreams {
  const streams = new Map<number, Stream>()
  const kept: Event[] = []
  let keptCharacters = 0
  let lastStream = -1
  let lastEvent = 0
  const unasked = newStream()

  return {
    post(req, res, options) {
      return postStream(req, res, options, {
        open() {
          const stream = newStream()
          attach(stream, res, options.primes)
          return { say: (json) => write(stream, json), end: () => end(stream) }
        },
      })
    },
    listen(res) {
      unasked.res?.end()
      attach(unasked, res, false)
      replay(unasked, unasked.sent)
    },
    resume(res, lastEventId) {
      const [, number = '', event = ''] = /^(\d+)-(\d+)$/.exec(lastEventId) ?? []
      const stream = streams.get(Number(number))
      if (number === '' || !stream || stream.forgotten > Number(event)) {
        throw new Problem('invalid_request', 'The events after this one are not kept any more.')
      }
      stream.res?.end()
      attach(stream, res, false)
      replay(stream, Number(event))
      if (stream.isEnded) res.end()
    },
    say(json) {
      const open = [...streams.values()].filter(({ res, isEnded }) => res && !isEnded)
      write(open.at(-1) ?? unasked, json)
    },
    isListening: () => unasked.res !== undefined,
    close() {
      unasked.res?.end()
    },
  }

  function newStream(): Stream {
    const number = ++lastStream
    const stream = { number, res: undefined, isEnded: false, sent: 0, forgotten: 0 }
    streams.set(number, stream)
    return stream
  }

  function attach(stream: Stream, res: ServerResponse, primes: boolean): void {
    openEvents(res)
    stream.res = res
    res.once('close', () => {
      if (stream.res === res) stream.res = undefined
    })
    if (primes) res.write(`id: ${stream.number}-${lastEvent}\nretry: ${RETRY_MS}\ndata: \n\n`)
  }

  function write(stream: Stream, json: string): void {
    const number = ++lastEvent
    const text = `id: ${stream.number}-${number}\nevent: message\ndata: ${json}\n\n`
    kept.push({ stream, number, text })
    keptCharacters += text.length
    while (kept.length > MAX_EVENTS || keptCharacters > MAX_KEPT_CHARACTERS) forgetOldest()
    send(stream, number, text)
  }

  function send(stream: Stream, number: number, text: string): void {
    const { res } = stream
    if (!res || res.destroyed || res.writableEnded) return
    if (res.writableLength > MAX_UNSENT_BYTES) {
      res.destroy()
      return
    }
    res.write(text)
    stream.sent = number
  }

  function replay(stream: Stream, after: number): void {
    const missed = kept.filter((event) => event.stream === stream && event.number > after)
    for (const { number, text } of missed) send(stream, number, text)
  }

  function end(stream: Stream): void {
    stream.isEnded = true
    stream.res?.end()
    if (!kept.some((event) => event.stream === stream)) streams.delete(stream.number)
  }

  function forgetOldest(): void {
    const { stream, number, text } = kept.shift()!
    keptCharacters -= text.length
    stream.forgotten = number
    const isOver = stream.isEnded && !kept.some((event) => event.stream === stream)
    if (isOver) streams.delete(stream.number)
  }
}

type Opened = { say(json: string): void; end(): void }

/** JSON where the answer is there at once, else a stream of events. */
function postStream(
  req: IncomingMessage,
  res: ServerResponse,
  { isBatch }: PostOptions,
  { open }: { open(): Opened },
): PostStream {
  const answers: string[] = []
  const takesStream = req.headers.accept?.includes('text/event-stream') === true
  let opened: Opened | undefined
  const stream = () => {
    if (opened || !takesStream || res.writableEnded) return opened
    opened = open()
    for (const answer of answers) opened.say(answer)
    return opened
  }
  const timer = setTimeout(stream, PATIENCE_MS)
  timer.unref()
  return {
    say: (json) => stream()?.say(json),
    answer(json) {
      if (opened) opened.say(json)
      else answers.push(json)
    },
    end() {
      clearTimeout(timer)
      if (opened) opened.end()
      else if (res.headersSent) return
      else if (answers.length === 0) res.writeHead(202).end()
      else sendJsonText(res, 200, isBatch ? `[${answers.join(',')}]` : answers[0]!)
    },
  }
}
