/** The HTTP transport of 2024-11-05: one event stream from the server, a POST for each message to it. */
import type { Clock } from '#core/clock'
import {
  type Deadline,
  ended,
  headerText,
  retryAfterMs,
  startDeadline,
  type Unanswered,
} from '#upstreams'
import type { HttpEnd } from './http-exchange.js'
import { createSender, NO_TIMEOUT_MS, type SenderDeps } from './http-sender.js'
import type { NotSent, Pipe, PipeEar } from './pipe-line.js'
import type { Server } from './server.js'

/** Opens the stream and waits until the server says where messages go. Never throws. */
export async function openSsePipe(
  deps: SenderDeps & { clock: Clock },
  server: Server,
  ear: PipeEar,
  connecting: Deadline,
): Promise<Pipe | NotSent> {
  const sender = createSender(deps, server, { agreed: undefined, sessionId: undefined })
  const closing = new AbortController()
  const streaming = startDeadline(NO_TIMEOUT_MS, closing.signal)
  const where = await new Promise<URL | NotSent>((resolve) => {
    connecting.onEnd((reason) => {
      closing.abort()
      resolve(ended(reason, false))
    })
    const stream = sender.send({
      method: 'GET',
      body: null,
      headers: { accept: 'text/event-stream' },
      deadline: streaming,
      isLong: true,
      hasOtherAnswers: true,
      onMessage: (message, bytes) => ear.onMessage(message, bytes),
      onOther: (type, data) => void (type === 'endpoint' && resolve(endpointOf(data, server.url!))),
    })
    void stream.then((end) => {
      streaming.clear()
      resolve(notSent(end, deps.clock) ?? NO_ENDPOINT)
      ear.onEnd('The server ended its stream.')
    })
  })
  if (!(where instanceof URL)) {
    closing.abort()
    return where
  }
  return {
    async send(text) {
      const deadline = startDeadline(server.callTimeoutMs, closing.signal)
      const { onMessage } = ear
      const post = { method: 'POST' as const, url: where, body: text, hasOtherAnswers: true }
      const end = await sender.send({ ...post, deadline, onMessage })
      deadline.clear()
      return notSent(end, deps.clock)
    },
    async close() {
      closing.abort()
    },
  }
}

const NO_ENDPOINT: Unanswered = {
  kind: 'unanswered',
  reason: 'broken',
  detail: 'The server does not say where messages go.',
  dispatched: false,
}

/** Messages hold the credential, so they go to the origin of the stream only. */
function endpointOf(data: string, base: URL): URL | NotSent {
  const url = URL.canParse(data, base.href) ? new URL(data, base) : undefined
  if (url?.origin === base.origin) return url
  const detail = 'The server wants its messages at another origin than its own.'
  return { kind: 'unanswered', reason: 'blocked', detail, dispatched: false }
}

function notSent(end: HttpEnd, clock: Clock): NotSent | undefined {
  if (end.kind === 'unanswered') return end
  if (end.kind !== 'status' || end.status < 300) return undefined
  const waitMs = retryAfterMs(headerText(end.headers['retry-after']), clock.now())
  return { kind: 'status', status: end.status, retryAfterMs: waitMs }
}
