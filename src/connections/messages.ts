/** JSON-RPC messages as they come from a server, results kept as the bytes that they were. */
import { isUtf8 } from 'node:buffer'
import { valueTextAt } from '#core/json-text'

export type JsonObject = Record<string, unknown>

export type ErrorBody = { code: number; message: string; data?: unknown }

export type Message =
  | { kind: 'result'; id: unknown; value: JsonObject; bytes: Buffer }
  | { kind: 'error'; id: unknown; error: ErrorBody }
  | { kind: 'request'; id: string | number; method: string; params: unknown }
  | { kind: 'notification'; method: string; params: unknown }

/**
 * The messages in `bytes`, one or a batch; `undefined` when they are none. `id` is the id whose
 * answer is awaited: the usual form of it is read with a single parse.
 */
export function readMessages(bytes: Buffer, id?: string): Message[] | undefined {
  if (!isUtf8(bytes)) return undefined
  const usual = id === undefined ? undefined : usualResult(bytes, id)
  if (usual) return [usual]
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (!Array.isArray(value))
      return [messageOf(value, bytes)].filter((message) => message !== null)
    return value
      .map((each) => messageOf(each, Buffer.from(JSON.stringify(each))))
      .filter((message) => message !== null)
  } catch {
    return undefined
  }
}

/**
 * Both orders in which servers write `jsonrpc`, `id` and `result`. What lies between the known ends
 * must be one JSON value, so nothing else can hide in it.
 */
function usualResult(bytes: Buffer, id: string): Message | undefined {
  const first = `{"jsonrpc":"2.0","id":"${id}","result":`
  if (startsWith(bytes, first)) return resultBetween(bytes, id, first.length, 1)
  const last = `,"jsonrpc":"2.0","id":"${id}"}`
  if (startsWith(bytes, RESULT_FIRST) && endsWith(bytes, last)) {
    return resultBetween(bytes, id, RESULT_FIRST.length, last.length)
  }
  return undefined
}

const RESULT_FIRST = '{"result":'

function startsWith(bytes: Buffer, text: string): boolean {
  return bytes.toString('latin1', 0, text.length) === text
}

function endsWith(bytes: Buffer, text: string): boolean {
  return bytes.length > text.length && bytes.toString('latin1', bytes.length - text.length) === text
}

function resultBetween(
  bytes: Buffer,
  id: string,
  before: number,
  after: number,
): Message | undefined {
  const result = bytes.subarray(before, bytes.length - after)
  try {
    const value: unknown = JSON.parse(result.toString())
    return isObject(value) ? { kind: 'result', id, value, bytes: result } : undefined
  } catch {
    return undefined
  }
}

function messageOf(value: unknown, bytes: Buffer): Message | null {
  if (!isObject(value)) return null
  const { id, method, params, result, error } = value
  if (typeof method === 'string') {
    if (typeof id === 'string' || typeof id === 'number')
      return { kind: 'request', id, method, params }
    return { kind: 'notification', method, params }
  }
  if (isObject(result)) {
    const text = valueTextAt(bytes.toString(), '/result')!
    return { kind: 'result', id, value: result, bytes: Buffer.from(text) }
  }
  return isObject(error) ? { kind: 'error', id, error: errorOf(error) } : null
}

function errorOf({ code, message, data }: JsonObject): ErrorBody {
  return {
    code: Number.isInteger(code) ? (code as number) : -32603,
    message: typeof message === 'string' ? message : 'The server gives no message.',
    ...(data === undefined || !isWritable(data) ? {} : { data }),
  }
}

/** Reading takes any depth of nesting, writing does not. */
export function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Ids are ours alone: unique in the process, so no two clients' ids ever meet at a server. */
let lastId = 0
export function newMessageId(): string {
  return `souk-${++lastId}`
}

export function requestText(id: string, method: string, params: JsonObject | undefined): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

export function notificationText(method: string, params: JsonObject | undefined): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}

export function resultText(id: string | number, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: result ?? {} })
}

export function errorText(id: string | number, error: ErrorBody): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error })
}
