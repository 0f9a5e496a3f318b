/**
 * Clients of 2026-07-28 at relayed gateways, and bare requests of the older era that begin no session:
 * each request stands alone, and goes out on a connection that is kept for its key.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type JSONRPCRequest,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/server'
import type { Relay } from '#connections'
import type { Clock } from '#core/clock'
import { isObject } from '#schemas'
import { canAsk } from './asking.js'
import { createAsker, InputNeeded, type Resumed } from './input-needed.js'
import { LIST_CHANGED } from './list-changed.js'
import { createRelayedLines, type KeptLine } from './relayed-lines.js'
import {
  failure,
  failureOf,
  type KnownCaller,
  type Passed,
  passOn,
  type RelayDeps,
  type RelayedGateway,
} from './relayed-request.js'
import { capabilitiesFor, discoveryOf, MODERN, resultFor } from './relayed-result.js'
import { type Hello, SILENT } from './relayed-session.js'
import { createStateCodec, type RelayedState } from './relayed-state.js'
import { differingHeader } from './repeated-arguments.js'
import { createReply, type Reply } from './reply.js'

type JsonObject = Record<string, unknown>
type Era = Relay['era']

const METHOD_NOT_FOUND = -32_601
const HEADER_MISMATCH = -32_020
const MISSING_CAPABILITY = -32_021

const LISTEN = 'subscriptions/listen'
/** What a client without a session may ask of a server of the session era. */
const STATELESS = new Set([
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'completion/complete'],
  ...['resources/list', 'resources/read', 'resources/templates/list'],
])

export type Lone = {
  req: IncomingMessage
  res: ServerResponse
  gateway: RelayedGateway
  caller: KnownCaller
  message: JSONRPCRequest
  era: Era
}

export type RelayedStateless = {
  /** Answers a request that stands alone, and whose envelope and headers are valid. */
  answer(lone: Lone): Promise<void>
  close(): void
}

export function createRelayedStateless(
  deps: RelayDeps & { clock: Clock; stateKey: Buffer },
): RelayedStateless {
  const lines = createRelayedLines(deps)
  const states = createStateCodec({ key: deps.stateKey, clock: deps.clock })
  const asker = createAsker({ key: deps.stateKey, clock: deps.clock })
  return { answer, close: lines.close }

  async function answer(lone: Lone): Promise<void> {
    const { req, res, gateway, caller, message, era } = lone
    const reply = createReply(req, res, false)
    const { principal } = caller
    const hello = helloIn(message, era)
    const of = { gateway, principal, hello }
    const { passed, line } = await lines
      .use(of, async (line) => ({ line, passed: await work(lone, line, reply) }))
      .catch((error) => ({ line: undefined, passed: failureOf(error) }))
    const { id, method } = message
    const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`
    if (passed.kind === 'result') {
      const facts = line ?? { serverInfo: undefined }
      const result = resultFor(era, method, passed.text, facts, passed.added)
      reply.answer(`${head}"result":${result}}`)
    } else {
      reply.answer(`${head}"error":${JSON.stringify(passed.error)}}`)
    }
    reply.end(passed.kind === 'error' ? statusOf(passed, era) : 200)
  }

  async function work(lone: Lone, line: KeptLine, reply: Reply): Promise<Passed> {
    const { req, message, era } = lone
    const { method, params = {} } = message
    if (era === 'modern') {
      if (method === 'server/discover') return { kind: 'result', text: discoveryOf(line) }
      if (method === LISTEN) return listen(lone, line, reply)
      const differing = mismatch(line, message, req)
      if (differing) return differing
    }
    if (!canRelay(line.era, era, method)) return failure(METHOD_NOT_FOUND, 'Method not found')
    const token = isObject(params._meta) ? params._meta.progressToken : undefined
    const tell = (name: string, value: unknown) =>
      void reply.notify({ jsonrpc: '2.0', method: name, params: value })
    const onProgress: KnownCaller['onProgress'] = (progress) =>
      tell('notifications/progress', { progressToken: token, ...progress })
    const caller = token === undefined ? lone.caller : { ...lone.caller, onProgress }
    if (era === 'session') return passOn(deps, lone.gateway, line, { caller, method, params, tell })
    return withState({ ...lone, caller }, line, tell)
  }

  /** The server's state goes out wrapped, and is unwrapped when the client brings it back. */
  async function withState(
    { gateway, caller, message: { method, params = {} } }: Lone,
    line: KeptLine,
    tell: (method: string, params: unknown) => void,
  ): Promise<Passed> {
    const { inputResponses, requestState, ...own } = params as JsonObject & Resumed
    const asked = `${method} ${JSON.stringify(own.name ?? own.uri)}`
    const { principal } = caller
    const binding = { principal, gatewayId: gateway.surface.id, server: gateway.server, asked }
    const state: RelayedState = requestState === undefined ? {} : states.open(requestState, binding)
    const isApproval = state.approval !== undefined
    const resumed: Resumed = isApproval ? { inputResponses, requestState: state.approval } : {}
    const answers = isApproval ? state.answers : inputResponses
    const sent = {
      ...own,
      ...(answers !== undefined && { inputResponses: answers }),
      ...(state.upstream !== undefined && { requestState: state.upstream }),
    }
    const ask = canAsk(capabilitiesIn(params)) ? asker(principal, resumed) : undefined
    const request = { caller: { ...caller, ask }, method, params: sent, tell }
    try {
      const passed = await passOn(deps, gateway, line, request)
      if (passed.kind === 'error' || !passed.text.includes('"input_required"')) return passed
      return {
        ...passed,
        text: wrapped(passed.text, (upstream) => states.seal({ upstream }, binding)),
      }
    } catch (error) {
      if (!(error instanceof InputNeeded)) throw error
      const { inputRequests, requestState: approval } = error
      const next = { ...state, answers, approval }
      const needed = { resultType: 'input_required', inputRequests }
      const text = JSON.stringify({ ...needed, requestState: states.seal(next, binding) })
      return { kind: 'result', text }
    }
  }
}

/** A result that asks for input with a state of ours around the server's. */
function wrapped(text: string, seal: (upstream: unknown) => string): string {
  const result = JSON.parse(text)
  if (result.resultType !== 'input_required') return text
  // Of a server without a state there is nothing to bring back.
  if (result.requestState === undefined) return text
  return JSON.stringify({ ...result, requestState: seal(result.requestState) })
}

/** Stays open until the client goes, or the server ends it. */
async function listen(
  { gateway, caller, message: { id, params = {} } }: Lone,
  line: KeptLine,
  reply: Reply,
): Promise<Passed> {
  const subscription = { [SUBSCRIPTION_ID_META_KEY]: id }
  const tell = (method: string, value: unknown) => {
    const own = isObject(value) ? value : {}
    const meta = isObject(own._meta) ? own._meta : {}
    reply.notify({
      jsonrpc: '2.0',
      method,
      params: { ...own, _meta: { ...meta, ...subscription } },
    })
  }
  const wanted = isObject(params.notifications) ? params.notifications : {}
  const unwatch =
    wanted.toolsListChanged === true
      ? gateway.surface.watch?.(caller.principal, () => tell(LIST_CHANGED.method, {}))
      : undefined
  try {
    if (line.era === 'session')
      return await listenToSession(line, caller, wanted, tell, subscription)
    const options = { timeoutMs: 0, signal: caller.signal(), onNotification: tell }
    const passed = await line.relay(LISTEN, { notifications: params.notifications }, options)
    if (passed.kind === 'error') return passed
    return { ...passed, added: subscription }
  } finally {
    unwatch?.()
  }
}

/** Of what servers of the session era say unasked, what clients of this one can ask to hear. */
const CHANGES: Record<string, { field: string; of: string }> = {
  'notifications/tools/list_changed': { field: 'toolsListChanged', of: 'tools' },
  'notifications/prompts/list_changed': { field: 'promptsListChanged', of: 'prompts' },
  'notifications/resources/list_changed': { field: 'resourcesListChanged', of: 'resources' },
}

function listenToSession(
  line: KeptLine,
  { signal }: KnownCaller,
  wanted: JsonObject,
  tell: (method: string, params: unknown) => void,
  subscription: JsonObject,
): Promise<Passed> {
  const able = capabilitiesFor('modern', line)
  const honored = Object.entries(CHANGES).filter(([, { field, of }]) => {
    const capability = able[of]
    return wanted[field] === true && isObject(capability) && capability.listChanged === true
  })
  const notifications = Object.fromEntries(honored.map(([, { field }]) => [field, true]))
  tell('notifications/subscriptions/acknowledged', { notifications })
  const heard = new Set(honored.map(([method]) => method))
  return new Promise((resolve) => {
    const unhear = line.hear((method, params) => {
      if (heard.has(method)) tell(method, params)
    })
    const done = () => {
      unhear()
      resolve({ kind: 'result', text: '{}', added: subscription })
    }
    if (heard.size === 0 || signal().aborted) done()
    else signal().addEventListener('abort', done, { once: true })
  })
}

function canRelay(server: Era, client: Era, method: string): boolean {
  if (client === 'modern') return server === 'modern' || STATELESS.has(method)
  return STATELESS.has(method)
}

function mismatch(
  line: KeptLine,
  { method, params = {} }: JSONRPCRequest,
  { headers }: IncomingMessage,
): Passed | undefined {
  const { name, arguments: args } = params
  if (method !== 'tools/call' || typeof name !== 'string' || !isObject(args)) return undefined
  const expected = line.repeatedArguments(name, args)
  const header = differingHeader(expected, headers)
  if (header === undefined) return undefined
  const message = `Bad Request: the header ${header} does not repeat the argument that it stands for.`
  return failure(HEADER_MISMATCH, message, { mismatch: { header } })
}

/** Who speaks, as the envelope says; a bare request says nothing of it. */
function helloIn({ params = {} }: JSONRPCRequest, era: Era): Hello {
  if (era === 'session') return SILENT
  const info = metaIn(params)[CLIENT_INFO_META_KEY]
  return {
    capabilities: capabilitiesIn(params),
    clientInfo: isObject(info) ? (info as Hello['clientInfo']) : SILENT.clientInfo,
    protocolVersion: MODERN,
  }
}

function capabilitiesIn(params: JsonObject): JsonObject {
  const capabilities = metaIn(params)[CLIENT_CAPABILITIES_META_KEY]
  return isObject(capabilities) ? capabilities : {}
}

function metaIn(params: JsonObject): JsonObject {
  return isObject(params._meta) ? params._meta : {}
}

function statusOf({ error, status }: Extract<Passed, { kind: 'error' }>, era: Era): number {
  if (era === 'session') return 200
  if (status !== undefined) return status
  if (error.code === METHOD_NOT_FOUND) return 404
  return error.code === HEADER_MISMATCH || error.code === MISSING_CAPABILITY ? 400 : 200
}
