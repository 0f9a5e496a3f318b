/**
 * What goes back on one POST of an older client: JSON, or, once something has to be said before the
 * answer, a stream of events.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

export type Reply = {
  /**
   * Says something ahead of the answer.
   *
   * @returns `false` where it was dropped: the client takes no stream, or is gone.
   */
  notify(message: object): boolean
  /** @param text JSON of a response. */
  answer(text: string): void
  /**
   * Ends it, when every request of the POST was answered.
   *
   * @param status of an answer that is JSON; 200 unless given.
   */
  end(status?: number): void
}

/** Proxies end what is silent for long. */
const KEEP_ALIVE_MS = 15_000

const EVENT_STREAM = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies would keep events back to send many at once.
  'x-accel-buffering': 'no',
}

/** @param isBatch whether the answers are an array, as the requests were. */
export function createReply(req: IncomingMessage, res: ServerResponse, isBatch: boolean): Reply {
  const answers: string[] = []
  const takesStream = req.headers.accept?.includes('text/event-stream') === true
  return {
    notify(message) {
      if (!takesStream || res.destroyed) return false
      if (!res.headersSent) {
        openEvents(res)
        for (const answer of answers) sendEvent(res, answer)
      }
      sendEvent(res, JSON.stringify(message))
      return true
    },
    answer(text) {
      if (res.headersSent) sendEvent(res, text)
      else answers.push(text)
    },
    end(status = 200) {
      if (res.headersSent) res.end()
      else if (answers.length === 0) res.writeHead(202).end()
      else sendJsonText(res, status, isBatch ? `[${answers.join(',')}]` : answers[0]!)
    },
  }
}

/** Begins a stream of events, which is kept alive until it closes. */
export function openEvents(res: ServerResponse): void {
  res.writeHead(200, EVENT_STREAM)
  res.flushHeaders()
  const keepAlive = setInterval(() => {
    // Ended a while ago, and its client does not take the rest.
    if (res.writableEnded) res.destroy()
    else res.write(': \n\n')
  }, KEEP_ALIVE_MS)
  keepAlive.unref()
  onceClosed(res, () => clearInterval(keepAlive))
}

export type Closing = { destroyed: boolean; once(event: 'close', listener: () => void): unknown }

/** When a connection closes; at once where its client left before we came to listen. */
export function onceClosed(connection: Closing, then: () => void): void {
  if (connection.destroyed) then()
  else connection.once('close', then)
}

/** A client that does not read what it is sent is given up at this much. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024

/** Writes an event to a stream, as long as it is open. */
export function sendEvent(res: ServerResponse, json: string): void {
  if (res.writableEnded) return
  if (res.writableLength > MAX_UNSENT_BYTES) res.destroy()
  else res.write(`event: message\ndata: ${json}\n\n`)
}

/** Sends text that is JSON. */
export function sendJsonText(res: ServerResponse, status: number, text: string): void {
  const length = Buffer.byteLength(text)
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': length })
  res.end(text)
}
