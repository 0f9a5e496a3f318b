/** One request of a client, passed on to the MCP server that its gateway relays whole. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  ProtocolError,
} from '@modelcontextprotocol/server'
import { mayUse, type Principal, refuseSuspended } from '#accounts'
import { type Order, showOutcome } from '#calls'
import {
  type ClientSide,
  type Connections,
  isRpcError,
  type Relay,
  type Relayed,
} from '#connections'
import { elementTexts, memberTexts, objectText } from '#core/json-text'
import { Problem } from '#core/problem'
import type { OfferedTool, OpenGateway } from '#gateways'
import { FEE_BPS, isFree, showPrice } from '#pricing'
import { isObject } from '#schemas'
import { listingSlugOf, type Servers } from '#servers'
import { callNative } from '../native-call.js'
import { nativeResult, purchaseMeta } from '../native-result.js'
import { type Caller, resultText, type Surface } from '../surface.js'
import type { ToolDeps } from '../tools/tool.js'
import { type Facts, withMeta } from './relayed-result.js'

type JsonObject = Record<string, unknown>

export type RelayDeps = ToolDeps & {
  connections: Pick<Connections, 'openRelay'>
  servers: Pick<Servers, 'settingsOf'>
}

/** A gateway that is one MCP server. */
export type RelayedGateway = { open: OpenGateway; server: string; surface: Surface }

/** The way to the server. */
export type RelayLine = Facts & Pick<Relay, 'relay' | 'callTool' | 'repeatedArguments'>

export type KnownCaller = Caller & { principal: Principal }

export type RelayedRequest = {
  caller: KnownCaller
  method: string
  params: JsonObject
  /** What the server says in the course of the request. */
  tell(method: string, params: unknown): void
}

/** What the client is to be told. */
export type Passed =
  /** JSON of the result, and members for its `_meta`. */
  { kind: 'result'; text: string; added?: JsonObject } | Extract<Relayed, { kind: 'error' }>

const INVALID_PARAMS = -32_602
const INTERNAL_ERROR = -32_603

/** Members of `_meta` that say which client is speaking: a relay says that itself. */
const ENVELOPE: readonly string[] = [
  PROTOCOL_VERSION_META_KEY,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
]

/**
 * Refuses those who may not use the server: what it has beside its tools is not for them, either.
 *
 * @throws Problem `gateway_not_found`, as where there is none.
 */
export function requireServer(
  principal: Principal,
  { open: { gateway }, server }: RelayedGateway,
): void {
  const thing = { listing: listingSlugOf(server), server, ownerId: gateway.accountId }
  if (!mayUse(principal, thing)) throw noGateway()
}

export function noGateway(): Problem {
  return new Problem('gateway_not_found', 'There is no such gateway.')
}

/** @throws Problem `upstream_failed`, `upstream_timeout` when the server cannot be reached. */
export async function openLine(
  { servers, connections }: RelayDeps,
  { server }: RelayedGateway,
  client: ClientSide,
): Promise<Relay> {
  const settings = servers.settingsOf(server)
  if (settings) return connections.openRelay(settings, client)
  throw new Problem('upstream_failed', `The MCP server "${server}" is not in use here.`)
}

/**
 * @throws InputNeeded where a person has to approve a call first, Problem `account_suspended` for what
 *   is no call: a call says so in its result.
 */
export async function passOn(
  deps: RelayDeps,
  gateway: RelayedGateway,
  line: RelayLine,
  asked: RelayedRequest,
): Promise<Passed> {
  if (asked.method === 'tools/list') return listTools(gateway, line, asked)
  if (asked.method === 'tools/call') return callTool(deps, gateway, line, asked)
  refuseSuspended(asked.caller.principal)
  return line.relay(asked.method, sentOn(asked.params), optionsOf(asked))
}

/** The server's list, as it is, without what this client may not buy now. */
async function listTools(
  { open }: RelayedGateway,
  line: RelayLine,
  asked: RelayedRequest,
): Promise<Passed> {
  const reply = await line.relay('tools/list', sentOn(asked.params), optionsOf(asked))
  if (reply.kind === 'error') return reply
  const offered = await open.tools(asked.caller.principal)
  const sold = new Map<unknown, OfferedTool>(offered.map((tool) => [tool.name, tool]))
  const members = memberTexts(reply.text)
  const tools = members.get('tools') ?? ''
  const shown = (tools.startsWith('[') ? elementTexts(tools) : []).flatMap((tool) => {
    const offer = sold.get(JSON.parse(tool)?.name)
    return offer ? [withPrice(tool, offer)] : []
  })
  return { kind: 'result', text: objectText(members.set('tools', `[${shown.join(',')}]`)) }
}

/** What costs something says so; all else is the server's own. */
function withPrice(tool: string, { offer }: OfferedTool): string {
  if (isFree(offer.price)) return tool
  const price = { 'souk/price': showPrice(offer.price, FEE_BPS) }
  return objectText(withMeta(memberTexts(tool), price))
}

async function callTool(
  deps: RelayDeps,
  { open, server }: RelayedGateway,
  line: RelayLine,
  { caller, params, tell }: RelayedRequest,
): Promise<Passed> {
  const { name, arguments: args = {}, _meta = {} } = params
  if (typeof name !== 'string' || !isObject(args) || !isObject(_meta)) {
    return failure(INVALID_PARAMS, 'tools/call takes a name, arguments and _meta.')
  }
  let reply: Relayed | undefined
  const via: Order['via'] = async (dispatch, { signal, onProgress, callId, tag }) => {
    // The gateway was given another server while this client was connected.
    if (dispatch.server !== server) return ELSEWHERE
    const options = { signal, onProgress, callId, tag, onNotification: tell }
    // The name that the server gave: a client may have added a version.
    const sent = { ...sentOn(params), name: dispatch.tool }
    const { relayed, answer } = await line.callTool(sent, options)
    reply = relayed
    return answer
  }
  try {
    const native = { caller, params: { name, arguments: args, _meta }, via }
    const shown = await callNative(deps, open, native, (offer, outcome): Passed => {
      if (!reply) {
        return { kind: 'result', text: resultText(nativeResult(offer, outcome, deps.publicUrl)) }
      }
      if (reply.kind === 'error') return reply
      const { publicUrl } = deps
      const purchase = showOutcome(outcome, { bodyLimitBytes: 0, publicUrl })
      return { ...reply, added: purchaseMeta(purchase) }
    })
    return 'kind' in shown ? shown : { kind: 'result', text: resultText(shown) }
  } catch (error) {
    if (error instanceof ProtocolError) return failure(error.code, error.message, error.data)
    throw error
  }
}

const ELSEWHERE = {
  kind: 'unanswered',
  reason: 'unreachable',
  detail: 'This gateway relays another server by now.',
  dispatched: false,
  latencyMs: 0,
} as const

/** Without what is meant for this gateway, or said by the relay itself. */
function sentOn(params: JsonObject): JsonObject {
  if (!isObject(params._meta)) return params
  const { _meta, ...rest } = params
  const meta = Object.entries(_meta).filter(
    ([name]) => !ENVELOPE.includes(name) && !name.startsWith('souk/'),
  )
  return meta.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(meta) }
}

function optionsOf({ caller, tell }: RelayedRequest) {
  return { signal: caller.signal(), onProgress: caller.onProgress, onNotification: tell }
}

export function failure(code: number, message: string, data?: unknown): Passed {
  const error = { code, message, ...(data !== undefined && { data }) }
  return { kind: 'error', error, status: undefined, isStale: false }
}

/** What of an exception a client may be told; others are the gateway's own. */
export function failureOf(error: unknown): Passed {
  if (isRpcError(error)) return failure(error.code, error.message, error.data)
  if (error instanceof Problem) return failure(INTERNAL_ERROR, error.message, error.toJSON())
  throw error
}
