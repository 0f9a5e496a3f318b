/** A connection of its own for one client: everything goes through in both directions, ids re-mapped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startDeadline } from '#upstreams'
import { createBackOff } from './back-off.js'
import { NO_TIMEOUT_MS } from './http-sender.js'
import { type KeptServer, learnParamHeaders } from './kept-server.js'
import type { Era, Reply } from './line.js'
import type { ListedTool } from './list-tools.js'
import { isObject, type JsonObject } from './messages.js'
import { notOpen } from './negotiation.js'
import { type OpenDeps, openSession, type Session } from './open-session.js'
import { paramHeaders } from './param-headers.js'
import type { Progress } from './progress.js'
import { MODERN_REVISION } from './revisions.js'
import { rpcError } from './rpc-error.js'
import { type Server, scrubbedValue } from './server.js'
import { problemOf } from './server-test.js'
import { isStale } from './staleness.js'
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from './tool-answer.js'

/** The client that a relay speaks for. */
export type ClientSide = {
  capabilities: Record<string, unknown>
  clientInfo: { name: string; version: string } & Record<string, unknown>
  /**
   * The revision that the client speaks. A server that speaks both eras is spoken to in the
   * client's own, so that whatever the client can do works.
   */
  protocolVersion: string
  /** A request of the server; the result to send back, or an `RpcError` thrown. */
  onRequest(method: string, params: unknown, options: { signal: AbortSignal }): Promise<unknown>
  /** A notification of the server, progress of running requests excepted. Must not throw. */
  onNotification(method: string, params: unknown): void
  /** The server is gone, or no longer knows the session: requests fail from now on. */
  onClose?: ((reason: string) => void) | undefined
}

export type RelayRequestOptions = {
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
  /**
   * Notifications in this request's own stream; without it they go to the client's. Those of
   * `subscriptions/listen` carry a subscription id of ours, to be replaced by the client's.
   */
  onNotification?: ((method: string, params: unknown) => void) | undefined
  /** Instead of the settings' own limit; 0 for none, as `subscriptions/listen` needs. */
  timeoutMs?: number | undefined
}

export type Relay = {
  era: Era
  protocolVersion: string
  serverInfo: Record<string, unknown> | undefined
  capabilities: Record<string, unknown>
  instructions: string | undefined
  /**
   * @throws RpcError of the server as it came, or -32603 with a plain sentence when it gave no
   *   answer of use.
   */
  request(
    method: string,
    params?: Record<string, unknown>,
    options?: RelayRequestOptions,
  ): Promise<unknown>
  /** Never throws; what cannot be sent is lost. */
  notify(method: string, params?: Record<string, unknown>): Promise<void>
  close(): Promise<void>
}

const STEADY_MS = 60_000

/** @throws Problem when no connection comes about. */
export async function openRelay(
  deps: OpenDeps,
  kept: KeptServer,
  client: ClientSide,
): Promise<Relay> {
  const { server } = kept
  const { capabilities, clientInfo } = client
  const session = await openSession(deps, server, {
    speaker: { capabilities, clientInfo },
    hearer: {
      onRequest: (method, params, options) =>
        client.onRequest(method, scrubbedValue(server, params), options),
      onNotification: (method, params) =>
        client.onNotification(method, scrubbedValue(server, params)),
    },
    prefer: client.protocolVersion === MODERN_REVISION ? 'modern' : 'session',
  })
  if ('kind' in session) throw problemOf(server, session)
  const closing = new AbortController()
  let isOver = false
  const over = (reason: string) => {
    if (isOver) return
    isOver = true
    closing.abort()
    client.onClose?.(reason)
  }
  // A modern client asks for its stream itself.
  if (session.agreed.era === 'session') void hearUnasked(session, closing.signal, over)

  const close = async () => {
    isOver = true
    closing.abort()
    kept.closers.delete(closeByForce)
    await session.line.close()
  }
  const closeByForce = () => {
    over('The server was changed or removed.')
    return close()
  }
  kept.closers.add(closeByForce)
  return {
    ...session.agreed,
    request: (method, params, options = {}) =>
      request(kept, session, over, method, params, options),
    notify: (method, params) => session.line.notify(method, params),
    close,
  }
}

async function request(
  kept: KeptServer,
  session: Session,
  over: (reason: string) => void,
  method: string,
  params: JsonObject | undefined,
  options: RelayRequestOptions,
): Promise<unknown> {
  const { server } = kept
  const timeoutMs = options.timeoutMs ?? server.callTimeoutMs
  const deadline = startDeadline(timeoutMs === 0 ? NO_TIMEOUT_MS : timeoutMs, options.signal)
  const { onProgress, onNotification } = options
  const reply = await session.line.request(method, params, {
    deadline,
    onProgress,
    onNotification:
      onNotification && ((name, value) => onNotification(name, scrubbedValue(server, value))),
    headers: headersOf(kept, session, method, params),
    isLong: timeoutMs === 0,
  })
  deadline.clear()
  if (isStale(session, reply)) over('The server no longer knows the session.')
  if (reply.kind !== 'result') throw errorOf(server, reply, method)
  if (method === 'tools/list' && Array.isArray(reply.value.tools)) {
    learnParamHeaders(kept, reply.value.tools.filter(isNamed))
  }
  return scrubbedValue(server, reply.value)
}

function headersOf(
  { paramHeaders: declared }: KeptServer,
  { agreed }: Session,
  method: string,
  params: JsonObject | undefined,
): Record<string, string> | undefined {
  if (agreed.era !== 'modern' || method !== 'tools/call') return undefined
  const wanted = declared.get(String(params?.name))
  return wanted && isObject(params?.arguments) ? paramHeaders(wanted, params.arguments) : undefined
}

function isNamed(value: unknown): value is ListedTool {
  return isObject(value) && typeof value.name === 'string'
}

/** What a client learns; what concerns the gateway's own connection it is told in plain words. */
function errorOf(server: Server, reply: Exclude<Reply, { kind: 'result' }>, method: string): Error {
  if (reply.kind !== 'error' || isOurs(reply.error.code)) {
    return rpcError(-32603, problemOf(server, notOpen(reply, method)).message)
  }
  const { code, message, data } = reply.error
  return rpcError(code, String(scrubbedValue(server, message)), scrubbedValue(server, data))
}

function isOurs(code: number): boolean {
  return code === HEADER_MISMATCH || code === UNSUPPORTED_VERSION
}

/** The stream of what a server of the session era says unasked, taken up again when it ends. */
async function hearUnasked(
  { line }: Session,
  signal: AbortSignal,
  over: (reason: string) => void,
): Promise<void> {
  const backOff = createBackOff()
  while (!signal.aborted) {
    const startedMs = performance.now()
    const end = await line.listen(signal)
    if (signal.aborted || end.kind === 'unsupported') return
    if (end.lost === 'session') return over(end.detail)
    if (performance.now() - startedMs > STEADY_MS) backOff.succeeded()
    backOff.failed()
    await sleep(backOff.waitMs(), undefined, { signal, ref: false }).catch(() => {})
  }
}
