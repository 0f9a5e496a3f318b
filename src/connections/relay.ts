/** A connection of its own for one client: everything goes through in both directions, ids re-mapped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '#core/problem'
import { type Answer, startDeadline } from '#upstreams'
import { createBackOff } from './back-off.js'
import { callHeaders } from './call-tool.js'
import { NO_TIMEOUT_MS } from './http-sender.js'
import { type KeptServer, learnParamHeaders } from './kept-server.js'
import type { Agreed, Era, Reply, Speaker } from './line.js'
import type { ListedTool } from './list-tools.js'
import { type ErrorBody, isObject, type JsonObject } from './messages.js'
import { notOpen } from './negotiation.js'
import { type OpenDeps, openSession, type Session } from './open-session.js'
import { paramHeaders } from './param-headers.js'
import type { Progress } from './progress.js'
import { isSessionRevision, MODERN_REVISION, SESSION_REVISION } from './revisions.js'
import { type RpcError, rpcError } from './rpc-error.js'
import { type Server, scrubbedJson, scrubbedText, scrubbedValue } from './server.js'
import { problemOf } from './server-test.js'
import { isStale } from './staleness.js'
import { answerOf, HEADER_MISMATCH, UNSHOWABLE, UNSUPPORTED_VERSION } from './tool-answer.js'

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
  /** Of a paid call: how the server tells it from others. */
  callId?: string | undefined
  tag?: string | undefined
}

/** What came of a request, for one who passes it on. */
export type Relayed =
  /** JSON of the result as it came, secrets taken out. */
  | { kind: 'result'; text: string }
  | {
      kind: 'error'
      error: ErrorBody
      /** Of the server's answer, where it came over HTTP. */
      status: number | undefined
      /** Whether the server knows the session no more, so that nothing was executed. */
      isStale: boolean
    }

export type Relay = {
  era: Era
  protocolVersion: string
  serverInfo: Record<string, unknown> | undefined
  capabilities: Record<string, unknown>
  instructions: string | undefined
  /** An error of the server as it came, or -32603 when it gave no answer of use. Never throws. */
  relay(
    method: string,
    params?: Record<string, unknown>,
    options?: RelayRequestOptions,
  ): Promise<Relayed>
  /** A tools/call and what it is paid by; a result without content is an error. Never throws. */
  callTool(
    params: Record<string, unknown>,
    options?: RelayRequestOptions,
  ): Promise<{ relayed: Relayed; answer: Answer }>
  /** The arguments that a modern client has to repeat in headers, by the names of these. */
  repeatedArguments(tool: string, args: Record<string, unknown>): Record<string, string>
  /** Never throws; what cannot be sent is lost. */
  notify(method: string, params?: Record<string, unknown>): Promise<void>
  close(): Promise<void>
}

const STEADY_MS = 60_000
const REPLACED = 'The server was changed or removed.'

/** @throws Problem when no connection comes about. */
export async function openRelay(
  deps: OpenDeps,
  kept: KeptServer,
  client: ClientSide,
): Promise<Relay> {
  const { server } = kept
  const session = await openSession(deps, server, {
    speaker: speakerFor(client),
    hearer: {
      onRequest: (method, params, options) =>
        client.onRequest(method, scrubbedValue(server, params), options),
      onNotification: (method, params) =>
        client.onNotification(method, scrubbedValue(server, params)),
    },
    prefer: client.protocolVersion === MODERN_REVISION ? 'modern' : 'session',
  })
  if ('kind' in session) throw problemOf(server, session)
  if (kept.isClosed) {
    await session.line.close()
    throw new Problem('upstream_failed', REPLACED)
  }
  const { over, close, signal } = lifeOf(kept, session, client)
  // A modern client asks for its stream itself.
  if (session.agreed.era === 'session') void hearUnasked(session, signal, over)
  const ask: Ask = (method, params, options = {}) =>
    exchange(kept, session, over, { method, params, options })
  return {
    ...toldOf(server, session),
    relay: async (method, params, options) =>
      relayed(kept, session, method, await ask(method, params, options)),
    callTool: (params, options) => callTool(deps, kept, session, ask, params, options),
    repeatedArguments: (tool, args) => paramHeaders(kept.paramHeaders.get(tool) ?? [], args),
    notify: (method, params) => session.line.notify(method, params),
    close,
  }
}

/** How a relay ends: by its client, by its server, or with what is kept of the server. */
function lifeOf(kept: KeptServer, { line }: Session, { onClose }: ClientSide) {
  const closing = new AbortController()
  let ending: Promise<void> | undefined
  const closeByForce = () => {
    over(REPLACED)
    return close()
  }
  kept.closers.add(closeByForce)
  return { over, close, signal: closing.signal }

  function over(reason: string): void {
    if (ending) return
    void close()
    onClose?.(reason)
  }

  function close(): Promise<void> {
    closing.abort()
    kept.closers.delete(closeByForce)
    ending ??= line.close()
    return ending
  }
}

/** What was agreed on, as a client may know it. */
function toldOf(server: Server, { agreed }: Session): Agreed {
  const { capabilities, serverInfo, instructions } = agreed
  return {
    ...agreed,
    capabilities: (scrubbedValue(server, capabilities) ?? {}) as JsonObject,
    serverInfo: scrubbedValue(server, serverInfo) as JsonObject | undefined,
    instructions: instructions && scrubbedText(server, instructions),
  }
}

/** A server of the other era than its client's is told of nothing that the client could not do there. */
function speakerFor({ capabilities, clientInfo, protocolVersion }: ClientSide): Speaker {
  const inSession = isSessionRevision(protocolVersion)
    ? { capabilities, protocolVersion }
    : { capabilities: {}, protocolVersion: SESSION_REVISION }
  return { capabilities, clientInfo, inSession }
}

type Ask = (
  method: string,
  params: JsonObject | undefined,
  options: RelayRequestOptions | undefined,
) => Promise<Reply>

async function exchange(
  kept: KeptServer,
  session: Session,
  over: (reason: string) => void,
  asked: { method: string; params: JsonObject | undefined; options: RelayRequestOptions },
): Promise<Reply> {
  const { server } = kept
  const { method, params, options } = asked
  const timeoutMs = options.timeoutMs ?? server.callTimeoutMs
  const deadline = startDeadline(timeoutMs === 0 ? NO_TIMEOUT_MS : timeoutMs, options.signal)
  const { onProgress, onNotification } = options
  const args = isObject(params?.arguments) ? params.arguments : {}
  const reply = await session.line.request(method, params, {
    deadline,
    onProgress,
    onNotification:
      onNotification && ((name, value) => onNotification(name, scrubbedValue(server, value))),
    headers:
      method === 'tools/call'
        ? callHeaders(kept, session, { tool: String(params?.name), arguments: args }, options)
        : undefined,
    isLong: timeoutMs === 0,
  })
  deadline.clear()
  if (isStale(session, reply)) over('The server no longer knows the session.')
  if (method === 'tools/list' && reply.kind === 'result' && Array.isArray(reply.value.tools)) {
    learnParamHeaders(kept, reply.value.tools.filter(isNamed))
  }
  return reply
}

async function callTool(
  { maxBodyBytes }: OpenDeps,
  kept: KeptServer,
  session: Session,
  ask: Ask,
  params: JsonObject,
  options: RelayRequestOptions | undefined,
): Promise<{ relayed: Relayed; answer: Answer }> {
  const startedMs = performance.now()
  const reply = await ask('tools/call', params, options)
  const latencyMs = performance.now() - startedMs
  const scrubber = kept.server.scrubber()
  const answer = answerOf(reply, { scrubber, maxBodyBytes, latencyMs })
  const isEmpty = reply.kind === 'result' && answer.kind === 'unanswered'
  if (isEmpty) return { relayed: ourError(answer.detail), answer }
  return { relayed: relayed(kept, session, 'tools/call', reply), answer }
}

function relayed({ server }: KeptServer, session: Session, method: string, reply: Reply): Relayed {
  if (reply.kind === 'result') {
    const bytes = scrubbedJson(server.scrubber(), reply.bytes)
    return bytes ? { kind: 'result', text: bytes.toString() } : ourError(UNSHOWABLE)
  }
  const { code, message, data } = errorOf(server, reply, method)
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  const status = reply.kind === 'error' ? reply.status : undefined
  return { kind: 'error', error, status, isStale: isStale(session, reply) }
}

function ourError(message: string): Relayed {
  return { kind: 'error', error: { code: -32603, message }, status: undefined, isStale: false }
}

function isNamed(value: unknown): value is ListedTool {
  return isObject(value) && typeof value.name === 'string'
}

/** What a client learns; what concerns the gateway's own connection it is told in plain words. */
function errorOf(
  server: Server,
  reply: Exclude<Reply, { kind: 'result' }>,
  method: string,
): RpcError {
  if (reply.kind !== 'error' || isOurs(reply.error.code)) {
    return rpcError(-32603, problemOf(server, notOpen(reply, method)).message)
  }
  const { code, message, data } = reply.error
  return rpcError(code, scrubbedText(server, message), scrubbedValue(server, data))
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
