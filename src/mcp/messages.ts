/** What a body holds: one message of JSON-RPC, or a batch of them. */
import { type JSONRPCMessage, parseJSONRPCMessage } from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'

/** Batches of 2025-03-26 are answered one by one, and only so many. */
const MAX_BATCH = 50

/** A request for a tool in its plain form, which nearly all messages have. */
export type ToolCall = {
  jsonrpc: '2.0'
  id: string | number
  method: 'tools/call'
  params: { name: string; arguments?: Record<string, unknown> }
}

/** @throws Problem `invalid_request` for what is no JSON-RPC 2.0. */
export function messagesIn(body: unknown): JSONRPCMessage[] {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  if (messages.length === 0 || messages.length > MAX_BATCH) {
    throw new Problem('invalid_request', `A batch holds 1 to ${MAX_BATCH} messages.`)
  }
  try {
    return messages.map((message) => (isToolCall(message) ? message : parseJSONRPCMessage(message)))
  } catch {
    throw new Problem('invalid_request', 'The body is not a JSON-RPC 2.0 message.')
  }
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
    Object.keys(params).every((name) => ['name', 'arguments', '_meta'].includes(name))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
