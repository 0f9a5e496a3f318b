/** What a body holds: one message of JSON-RPC, or a batch of them. */
import { type JSONRPCMessage, parseJSONRPCMessage } from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'
import { isToolCall } from './plain-call.js'

/** Batches of 2025-03-26 are answered one by one, and only so many. */
const MAX_BATCH = 50

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
