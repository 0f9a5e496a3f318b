/**
 * A plain tools/call, which nearly all messages are: one with nothing in it that the SDK would have
 * to understand. It is told from all others here, and answered without the SDK's objects.
 */
import type { IncomingHttpHeaders } from 'node:http'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  classifyInboundRequest,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'

export type Era = 'legacy' | 'modern'

export type ToolCall = {
  jsonrpc: '2.0'
  id: string | number
  method: 'tools/call'
  params: {
    name: string
    arguments?: Record<string, unknown>
    _meta?: Record<string, unknown>
  }
}

/** The first revision whose requests carry an envelope; revisions compare as texts. */
const MODERN = '2026-07-28'

/** Envelopes that were found valid: a client sends the same one with each request. */
const validEnvelopes = new Set<string>()
const MAX_ENVELOPES = 1_000
const MAX_ENVELOPE_LENGTH = 1_000

/**
 * The plain tools/call that a body is, when its headers leave no doubt about its era; `undefined`
 * for everything else, which the SDK has to judge.
 */
export function plainCallIn(
  body: unknown,
  headers: IncomingHttpHeaders,
): { call: ToolCall; era: Era } | undefined {
  if (!isToolCall(body)) return undefined
  const era = eraOf(body, headers)
  return era && { call: body, era }
}

function eraOf(call: ToolCall, headers: IncomingHttpHeaders): Era | undefined {
  const version = headers['mcp-protocol-version']
  const { _meta: meta, name } = call.params
  if (meta === undefined) {
    return version === undefined || String(version) < MODERN ? 'legacy' : undefined
  }
  const isPlain =
    version === MODERN &&
    headers['mcp-method'] === 'tools/call' &&
    headers['mcp-name'] === name &&
    !name.startsWith('=?') &&
    accepts(headers.accept) &&
    hasValidEnvelope(call, meta)
  return isPlain ? 'modern' : undefined
}

/** Whether a message is a tools/call with nothing in it that would need the SDK to be understood. */
export function isToolCall(message: unknown): message is ToolCall {
  if (!isObject(message) || message.method !== 'tools/call' || message.jsonrpc !== '2.0')
    return false
  const { id, params } = message
  return (
    Object.keys(message).length === 4 &&
    (typeof id === 'string' || Number.isSafeInteger(id)) &&
    isObject(params) &&
    typeof params.name === 'string' &&
    (params.arguments === undefined || isObject(params.arguments)) &&
    (params._meta === undefined || isObject(params._meta)) &&
    Object.keys(params).every((name) => ['name', 'arguments', '_meta'].includes(name))
  )
}

function accepts(accept: string | undefined): boolean {
  return (
    accept?.includes('application/json') === true && accept.includes('text/event-stream') === true
  )
}

/** An envelope of the three fields alone, of which the SDK says that it is valid. */
function hasValidEnvelope(call: ToolCall, meta: Record<string, unknown>): boolean {
  const { [CLIENT_INFO_META_KEY]: client, [CLIENT_CAPABILITIES_META_KEY]: capabilities } = meta
  if (meta[PROTOCOL_VERSION_META_KEY] !== MODERN || Object.keys(meta).length !== 3) return false
  if (client === undefined || capabilities === undefined) return false
  const envelope = JSON.stringify([client, capabilities])
  if (validEnvelopes.has(envelope)) return true
  if (envelope.length > MAX_ENVELOPE_LENGTH) return false
  if (classifyInboundRequest({ httpMethod: 'POST', body: call }).kind !== 'modern') return false
  if (validEnvelopes.size >= MAX_ENVELOPES) validEnvelopes.clear()
  validEnvelopes.add(envelope)
  return true
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
