/** A conversation over streamable HTTP: every request is a POST with an answer of its own. */
import type { Clock } from '#core/clock'
import { headerText, retryAfterMs, startDeadline, type Unanswered } from '#upstreams'
import { CANCELLED, createHearing, PROGRESS } from './hearing.js'
import type { HttpEnd, RawHeaders } from './http-exchange.js'
import { type Conversation, createSender, NO_TIMEOUT_MS, type SenderDeps } from './http-sender.js'
import type { Hearer, Line, LineRequest, ListenEnd, Reply, Speaker } from './line.js'
import {
  type JsonObject,
  type Message,
  newMessageId,
  notificationText,
  requestText,
} from './messages.js'
import { progressGate } from './progress.js'
import { envelopeOf, repeatingHeaders, withMeta } from './revisions.js'
import type { Server } from './server.js'

export function httpLine(
  deps: SenderDeps & { clock: Clock },
  server: Server,
  speaker: Speaker,
  hearer: Hearer,
): Line {
  const conversation: Conversation = { agreed: undefined, sessionId: undefined }
  const sender = createSender(deps, server, conversation)
  const hearing = createHearing(hearer, (text) => void sender.note(text))
  const envelope = envelopeOf(speaker)
  let isOver = false
  let hasOpened = false
  let lastHeard: Record<string, string> = {}
  const isModern = () => conversation.agreed?.era === 'modern'
  const ownMeta = () => (isModern() ? envelope : undefined)

  function hear(message: Message, progress?: Progressing, own?: Notified): void {
    if (message.kind !== 'notification') hearing.hear(message)
    else if (message.method === PROGRESS) progress?.(message.params)
    else if (own) own(message.method, message.params)
    else hearing.hear(message)
  }

  async function request(
    method: string,
    params: JsonObject | undefined,
    { deadline, onProgress, onNotification, headers, isLong }: LineRequest,
  ): Promise<Reply> {
    const id = newMessageId()
    const progress = onProgress && progressGate(onProgress)
    const end = await sender.send({
      method: 'POST',
      id,
      body: requestText(id, method, withMeta(params, ownMeta(), progress && id)),
      headers: isModern() ? { ...headers, ...repeatingHeaders(method, params) } : headers,
      deadline,
      isLong,
      onMessage: (message) => hear(message, progress, onNotification),
      onHead(status, fields) {
        if (method === 'initialize' && status < 300) conversation.sessionId = sessionIdIn(fields)
      },
    })
    // The protocol has no word for giving up `initialize`.
    if (!isModern() && method !== 'initialize' && isGivenUp(end)) {
      void sender.note(notificationText(CANCELLED, { requestId: id, reason: end.reason }))
    }
    return replyOf(end, deps.clock)
  }

  async function listen(signal: AbortSignal): Promise<ListenEnd> {
    const deadline = startDeadline(NO_TIMEOUT_MS, signal)
    const isPost = isModern()
    const end = await sender.send({
      method: isPost ? 'POST' : 'GET',
      body: isPost ? listenText(envelope) : null,
      headers: isPost ? { 'mcp-method': LISTEN } : { accept: 'text/event-stream', ...lastHeard },
      deadline,
      isLong: true,
      onHead: (status) => {
        hasOpened ||= status < 300
      },
      onMessage: (message) => hear(message),
    })
    deadline.clear()
    if (end.kind === 'ended' && end.lastEventId !== undefined) {
      lastHeard = { 'last-event-id': end.lastEventId }
    }
    return listenEnd(end, hasOpened)
  }

  return {
    request,
    notify: (method, params) =>
      sender.note(notificationText(method, withMeta(params, ownMeta(), undefined))),
    listen,
    agree: (agreed) => {
      conversation.agreed = agreed
    },
    hasSession: () => conversation.sessionId !== undefined,
    isOver: () => isOver,
    async close() {
      if (isOver) return
      isOver = true
      hearing.close()
      if (conversation.sessionId !== undefined) await sender.note(null)
    },
  }
}

/** Given up by us while the server works on it. In the modern era the closed stream tells it so. */
function isGivenUp(end: HttpEnd): end is Unanswered {
  if (end.kind !== 'unanswered' || !end.dispatched) return false
  return end.reason === 'timeout' || end.reason === 'cancelled'
}

type Progressing = (params: unknown) => void
type Notified = LineRequest['onNotification']

const LISTEN = 'subscriptions/listen'

function listenText(envelope: JsonObject): string {
  const params = { _meta: envelope, notifications: { toolsListChanged: true } }
  return requestText(newMessageId(), LISTEN, params)
}

/**
 * @param hasOpened whether the server gave a stream before. One that never did has none, whichever
 *   status it says it with; one that did and now refuses has forgotten the session.
 */
function listenEnd(end: HttpEnd, hasOpened: boolean): ListenEnd {
  if (end.kind === 'unanswered') return { kind: 'ended', detail: end.detail, lost: 'server' }
  if (end.kind !== 'status' || end.status < 300) {
    return { kind: 'ended', detail: 'The server ended its stream.', lost: 'stream' }
  }
  const isRefused = [400, 404, 405, 406, 501].includes(end.status)
  if (isRefused && !hasOpened) return { kind: 'unsupported' }
  const detail = `The server answers with status ${end.status}.`
  return { kind: 'ended', detail, lost: isRefused ? 'session' : 'server' }
}

function replyOf(end: HttpEnd, clock: Clock): Reply {
  if (end.kind === 'unanswered') return end
  if (end.kind === 'ended') throw new Error('a request ends with its answer')
  if (end.kind === 'answer') {
    return end.message.kind === 'error'
      ? { kind: 'error', error: end.message.error, status: end.status }
      : end.message
  }
  if (end.error) return { kind: 'error', error: end.error, status: end.status }
  const waitMs = retryAfterMs(headerText(end.headers['retry-after']), clock.now())
  return { kind: 'status', status: end.status, retryAfterMs: waitMs }
}

/** Visible ASCII, as the protocol asks for. */
function sessionIdIn(headers: RawHeaders): string | undefined {
  const id = headerText(headers['mcp-session-id'])
  return id !== undefined && /^[\x21-\x7e]{1,1024}$/.test(id) ? id : undefined
}
