/**
 * The streams of one session of the older era. What goes out on them is kept for a while, so that a
 * client whose connection broke takes a stream up where it lost it (`Last-Event-ID`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '#core/problem'
import { onceClosed, openEvents, sendJsonText } from '../reply.js'
import type { EventLog, LoggedEvent } from './event-log.js'

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
  /** The last event that went out. */
  sent: number
}

/** @param log is closed with them. */
export function createResumableStreams(log: EventLog): ResumableStreams {
  const streams = new Map<number, Stream>()
  let lastStream = -1
  let lastEvent = 0
  const unasked = newStream()

  return {
    post(req, res, options) {
      return postStream(req, res, options.isBatch, () => {
        const stream = newStream()
        attach(stream, res)
        if (options.primes) prime(stream, res)
        return { say: (json) => write(stream, json), end: () => end(stream) }
      })
    },
    listen(res) {
      unasked.res?.end()
      attach(unasked, res)
      for (const event of log.after(unasked.number, unasked.sent) ?? []) send(unasked, event)
    },
    resume(res, lastEventId) {
      const [, number, event] = /^(\d+)-(\d+)$/.exec(lastEventId) ?? []
      const stream = streams.get(Number(number))
      const missed = stream && log.after(stream.number, Number(event))
      if (!missed) {
        throw new Problem('invalid_request', 'The events after this one are not kept any more.')
      }
      stream.res?.end()
      attach(stream, res)
      for (const event of missed) send(stream, event)
      if (stream.isEnded) res.end()
    },
    say(json) {
      const open = [...streams.values()].filter(({ res, isEnded }) => res && !isEnded)
      write(open.at(-1) ?? unasked, json)
    },
    isListening: () => unasked.res !== undefined,
    close() {
      unasked.res?.end()
      log.close()
    },
  }

  function newStream(): Stream {
    forgetEnded()
    const stream = { number: ++lastStream, res: undefined, isEnded: false, sent: 0 }
    streams.set(stream.number, stream)
    return stream
  }

  /** Of streams that ended, those of which nothing is kept. */
  function forgetEnded(): void {
    for (const { number, isEnded } of streams.values()) {
      if (isEnded && !log.has(number)) streams.delete(number)
    }
  }

  /** Gives a client the place to come back to, before there is anything to say. */
  function prime({ number }: Stream, res: ServerResponse): void {
    res.write(`id: ${number}-${lastEvent}\nretry: ${RETRY_MS}\ndata: \n\n`)
  }

  function write(stream: Stream, json: string): void {
    const number = ++lastEvent
    const text = `id: ${stream.number}-${number}\nevent: message\ndata: ${json}\n\n`
    const event = { stream: stream.number, number, text }
    log.add(event)
    send(stream, event)
  }
}

function attach(stream: Stream, res: ServerResponse): void {
  openEvents(res)
  stream.res = res
  onceClosed(res, () => {
    if (stream.res === res) stream.res = undefined
  })
}

function send(stream: Stream, { number, text }: LoggedEvent): void {
  const { res } = stream
  if (!res || res.destroyed || res.writableEnded) return
  if (res.writableLength > MAX_UNSENT_BYTES) {
    res.destroy()
    return
  }
  res.write(text)
  stream.sent = number
}

function end(stream: Stream): void {
  stream.isEnded = true
  stream.res?.end()
}

type Opened = { say(json: string): void; end(): void }

/** JSON where the answer is there at once, else a stream of events. */
function postStream(
  req: IncomingMessage,
  res: ServerResponse,
  isBatch: boolean,
  open: () => Opened,
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
