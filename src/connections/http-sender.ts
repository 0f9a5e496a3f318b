/** Sends the HTTP requests of one conversation: its credential, its session, its streams taken up again. */
import { Problem } from '#core/problem'
import { type Deadline, ended, startDeadline, type Unanswered, type Upstreams } from '#upstreams'
import { broken, type ExchangeOptions, exchange, type HttpEnd } from './http-exchange.js'
import type { Agreed } from './line.js'
import type { Server } from './server.js'

export type SenderDeps = {
  upstreams: Pick<Upstreams, 'open'>
  userAgent: string
  maxBodyBytes: number
}

/** What later requests repeat of what earlier ones brought. */
export type Conversation = { agreed: Agreed | undefined; sessionId: string | undefined }

export type Sent = Omit<ExchangeOptions, 'maxBytes'> & {
  /** Instead of the server's own. */
  url?: URL | undefined
  method: 'GET' | 'POST' | 'DELETE'
  body: string | null
  headers?: Record<string, string> | undefined
  isLong?: boolean | undefined
}

export type Sender = {
  /** Sends and waits for the answer, however many streams it takes. Never throws. */
  send(sent: Sent): Promise<HttpEnd>
  /** Sends what gets no answer: a notification or response, or the end of the session. */
  note(body: string | null): Promise<void>
}

/** For streams that stay open; the longest that a timer can wait. */
export const NO_TIMEOUT_MS = 2 ** 31 - 1
/** For messages that nobody waits for. */
const NOTE_TIMEOUT_MS = 10_000
/** How often a stream that ends early is taken up again, and the wait unless the server names one. */
const MAX_RESUMES = 20
const RESUME_MS = 1000

export function createSender(deps: SenderDeps, server: Server, conversation: Conversation): Sender {
  const fixedHeaders = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'user-agent': deps.userAgent,
    ...server.headers,
  }

  function sendWith(token: string | undefined, sent: Sent): Promise<HttpEnd> {
    const headers: Record<string, string> = { ...fixedHeaders, ...sent.headers }
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const { agreed, sessionId } = conversation
    if (agreed) headers['mcp-protocol-version'] = agreed.protocolVersion
    if (sessionId !== undefined) headers['mcp-session-id'] = sessionId
    const body = sent.body === null ? null : Buffer.from(sent.body)
    const { method, isLong } = sent
    const url = sent.url ?? server.url!
    const request = { url, pool: server.id, method, headers, body, isLong }
    return exchange(deps.upstreams, request, { ...sent, maxBytes: deps.maxBodyBytes })
  }

  /** A 401 was not executed, so it is sent once more, with a new token. */
  async function sendOnce(sent: Sent): Promise<HttpEnd> {
    const first = await tokenFor(server, sent.deadline)
    if (typeof first === 'object') return first
    const end = await sendWith(first, sent)
    if (first === undefined || end.kind !== 'status' || end.status !== 401) return end
    server.refused(first)
    const second = await tokenFor(server, sent.deadline)
    return typeof second === 'object' ? second : sendWith(second, sent)
  }

  /**
   * Takes up a stream that the server ended before its answer (2025-11-25). The call may have run,
   * so whatever fails here is an end, never a reason to send it again.
   */
  async function resumed(first: HttpEnd, sent: Sent): Promise<HttpEnd> {
    let end = first
    for (let resumes = 0; end.kind === 'ended'; resumes++) {
      const { lastEventId } = end
      if (lastEventId === undefined || conversation.agreed?.era !== 'session') break
      if (resumes === MAX_RESUMES) break
      await pause(end.retryMs ?? RESUME_MS, sent.deadline)
      const headers = { 'last-event-id': lastEventId, accept: 'text/event-stream' }
      const next = await sendOnce({ ...sent, method: 'GET', body: null, headers })
      if (next.kind === 'status') break
      if (next.kind === 'unanswered') return { ...next, dispatched: true }
      end = next.kind === 'ended' ? { ...next, lastEventId: next.lastEventId ?? lastEventId } : next
    }
    return end
  }

  return {
    async send(sent) {
      const end = await sendOnce(sent)
      if (end.kind !== 'ended' || sent.id === undefined) return end
      const last = await resumed(end, sent)
      return last.kind === 'ended'
        ? broken('The server ended its stream before it answered.')
        : last
    },
    async note(body) {
      const deadline = startDeadline(NOTE_TIMEOUT_MS, undefined)
      await sendOnce({ method: body === null ? 'DELETE' : 'POST', body, deadline, onMessage() {} })
      deadline.clear()
    },
  }
}

/** The token of a request; no token in time, or none at all, is an end of the request. */
function tokenFor(
  server: Server,
  deadline: Deadline,
): Promise<string | undefined | Unanswered> | undefined {
  const waiting = server.bearer()
  if (!waiting) return undefined
  return new Promise((resolve) => {
    deadline.onEnd((reason) => resolve(ended(reason, false)))
    waiting.then(resolve, (error) => resolve(withoutToken(error)))
  })
}

function withoutToken(error: unknown): Unanswered {
  const isTimeout = error instanceof Problem && error.code === 'upstream_timeout'
  return {
    kind: 'unanswered',
    reason: isTimeout ? 'timeout' : 'unauthorized',
    // What the operator's own provider throws may hold its secret.
    detail: error instanceof Problem ? error.message : 'The token provider of the server failed.',
    dispatched: false,
  }
}

/** Waits, less when the call has to stop. */
function pause(ms: number, deadline: Deadline): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    deadline.onEnd(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
