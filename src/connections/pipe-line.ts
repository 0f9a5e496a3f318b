/** A conversation over one pipe that carries all messages: a process, or the older event stream. */
import { ended } from '#upstreams'
import { floodGate } from './flood.js'
import { CANCELLED, createHearing, PROGRESS } from './hearing.js'
import { broken } from './http-exchange.js'
import type { Agreed, Hearer, Line, LineRequest, Reply, Speaker } from './line.js'
import {
  isObject,
  type JsonObject,
  type Message,
  newMessageId,
  notificationText,
  requestText,
} from './messages.js'
import { progressGate } from './progress.js'
import { envelopeOf, withMeta } from './revisions.js'

/** Why a message did not go out. */
export type NotSent = Extract<Reply, { kind: 'unanswered' | 'status' }>

export type Pipe = {
  /** Never throws. */
  send(text: string): Promise<NotSent | undefined>
  close(): Promise<void>
}

/** What a pipe tells. */
export type PipeEar = {
  onMessage(message: Message, bytes: number): void
  /** The pipe is over; what comes after it does not count. */
  onEnd(detail: string): void
}

/** The most that one pipe may say in a minute beside answers, bytes. */
const MAX_BYTES_A_MINUTE = 256 * 1024 * 1024
/** The most progress that one request may bring; more ends that request alone. */
const MAX_PROGRESS = 10_000

/** By their ids. Whatever a server gives for an id, only one of these is one. */
type PendingRequests = Map<unknown, Pending>
type Pending = {
  settle(reply: Reply): void
  progress: ((params: unknown) => void) | undefined
  heard: number
}

/** @param connect opens the pipe; it is closed with the line. */
export async function pipeLine(
  connect: (ear: PipeEar) => Promise<Pipe | NotSent>,
  speaker: Speaker,
  hearer: Hearer,
): Promise<Line | NotSent> {
  const pending: PendingRequests = new Map()
  const flood = floodGate(MAX_BYTES_A_MINUTE, true)
  const envelope = envelopeOf(speaker)
  const overListeners = new Set<(detail: string) => void>()
  let agreed: Agreed | undefined
  let over: string | undefined
  let pipe: Pipe | undefined
  const hearing = createHearing(hearer, (text) => void pipe?.send(text))

  function end(detail: string): void {
    if (over !== undefined) return
    over = detail
    hearing.close()
    for (const { settle } of pending.values()) settle(broken(detail))
    for (const tell of overListeners) tell(detail)
    void pipe?.close()
  }

  function hear(message: Message, bytes: number): void {
    const asked = 'id' in message ? pending.get(message.id) : undefined
    if (message.kind === 'result' && asked) asked.settle(message)
    else if (message.kind === 'error' && asked) {
      asked.settle({ kind: 'error', error: message.error, status: undefined })
    } else if (message.kind === 'notification' && message.method === PROGRESS) {
      hearProgress(pending, message.params)
    } else if (flood.take(message.kind, bytes)) hearing.hear(message)
    else end('The server floods the gateway with messages.')
  }

  const opened = await connect({
    onMessage(message, bytes) {
      if (over === undefined) hear(message, bytes)
    },
    onEnd: end,
  })
  if ('kind' in opened) return opened
  pipe = opened
  const withOwnMeta = (params: JsonObject | undefined, token: string | undefined) =>
    withMeta(params, agreed?.era === 'modern' ? envelope : undefined, token)

  return {
    async request(method, params, options) {
      if (over !== undefined) return { ...broken(over), dispatched: false }
      const id = newMessageId()
      const text = requestText(id, method, withOwnMeta(params, options.onProgress && id))
      return ask(opened, pending, { id, method, text, options })
    },
    notify: async (method, params) =>
      void (await opened.send(notificationText(method, withOwnMeta(params, undefined)))),
    listen: (signal) =>
      new Promise((resolve) => {
        const stop = (detail: string) => {
          overListeners.delete(stop)
          signal.removeEventListener('abort', cancel)
          resolve({ kind: 'ended', detail, lost: 'session' })
        }
        const cancel = () => stop('It is given up.')
        overListeners.add(stop)
        signal.addEventListener('abort', cancel)
        if (over !== undefined) stop(over)
        else if (signal.aborted) cancel()
      }),
    agree: (next) => {
      agreed = next
    },
    hasSession: () => true,
    isOver: () => over !== undefined,
    async close() {
      end('The connection was closed.')
      await opened.close()
    },
  }
}

/** Sends a request and waits for its answer, or for its time to be over. */
function ask(
  pipe: Pipe,
  pending: PendingRequests,
  { id, method, text, options }: { id: string; method: string; text: string; options: LineRequest },
): Promise<Reply> {
  const { deadline, onProgress } = options
  const reason = deadline.ended()
  if (reason) return Promise.resolve(ended(reason, false))
  return new Promise((resolve) => {
    const settle = (reply: Reply) => {
      if (pending.delete(id)) resolve(reply)
    }
    pending.set(id, { settle, progress: onProgress && progressGate(onProgress), heard: 0 })
    deadline.onEnd((why) => {
      if (!pending.has(id)) return
      settle(ended(why, true))
      // The protocol has no word for giving up `initialize`.
      if (method !== 'initialize')
        void pipe.send(notificationText(CANCELLED, { requestId: id, reason: why }))
    })
    void pipe.send(text).then((failure) => failure && settle(failure))
  })
}

function hearProgress(pending: PendingRequests, params: unknown): void {
  const request = isObject(params) ? pending.get(params.progressToken) : undefined
  if (!request) return
  request.heard++
  if (request.heard > MAX_PROGRESS) {
    request.settle(broken('The server floods the gateway with messages.'))
  } else request.progress?.(params)
}
