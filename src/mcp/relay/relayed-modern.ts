/**
 * Clients of 2026-07-28 at relayed gateways, and bare requests of the older era that begin no session:
 * each request stands alone, and goes out on a connection that is kept for its key.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CLIENT_INFO_META_KEY, type JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Relay } from '#connections'
import type { Clock } from '#core/clock'
import { isObject } from '#schemas'
import { createReply, type Reply } from '../reply.js'
import { createRelayedLines, type KeptLine } from './relayed-lines.js'
import { LISTEN, listen } from './relayed-listen.js'
import {
  failure,
  failureOf,
  type KnownCaller,
  type Passed,
  passOn,
  type RelayDeps,
  type RelayedGateway,
} from './relayed-request.js'
import { discoveryOf, MODERN, resultFor } from './relayed-result.js'
import { capabilitiesIn, createResumable, metaIn } from './relayed-resuming.js'
import { type Hello, SILENT } from './relayed-session.js'
import { differingHeader } from './repeated-arguments.js'

type Era = Relay['era']

const METHOD_NOT_FOUND = -32_601
const HEADER_MISMATCH = -32_020
const MISSING_CAPABILITY = -32_021

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
  const resumable = createResumable(deps)
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
    return resumable({ ...lone, caller }, line, tell)
  }
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

function statusOf({ error, status }: Extract<Passed, { kind: 'error' }>, era: Era): number {
  if (era === 'session') return 200
  if (status !== undefined) return status
  if (error.code === METHOD_NOT_FOUND) return 404
  return error.code === HEADER_MISMATCH || error.code === MISSING_CAPABILITY ? 400 : 200
}
