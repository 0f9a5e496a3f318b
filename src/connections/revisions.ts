/** The protocol's revisions, and what each request carries because of them. */
import type { Speaker } from './line.js'
import { isObject, type JsonObject } from './messages.js'

/** The first revision without sessions, and the only one so far. */
export const MODERN_REVISION = '2026-07-28'
/** The newest revision that begins with `initialize`; what is asked for. */
export const SESSION_REVISION = '2025-11-25'
const SESSION_REVISIONS: readonly unknown[] = [
  SESSION_REVISION,
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
]

/** A revision that can be spoken after `initialize`. */
export function isSessionRevision(version: unknown): version is string {
  return SESSION_REVISIONS.includes(version)
}

/** Which member of the parameters the header `Mcp-Name` repeats. */
const NAMED_BY: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** The headers of a modern request that repeat its body. */
export function repeatingHeaders(
  method: string,
  params: JsonObject | undefined,
): Record<string, string> {
  const field = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined
  const name = field === undefined ? undefined : params?.[field]
  return typeof name === 'string'
    ? { 'mcp-method': method, 'mcp-name': headerForm(name) }
    : { 'mcp-method': method }
}

/** A text as a header value: itself where that is safe, else in base64 between marks. */
export function headerForm(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text)
  if (isPlain && !/^=\?base64\?.*\?=$/.test(text)) return text
  return `=?base64?${Buffer.from(text).toString('base64')}?=`
}

/** What every modern request says of the client. */
export function envelopeOf({ capabilities, clientInfo }: Speaker): JsonObject {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN_REVISION,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': clientInfo,
  }
}

/**
 * `params` with our own `_meta` over the caller's. A progress token of the caller's is never passed
 * on: it would mean another client's request, or none.
 */
export function withMeta(
  params: JsonObject | undefined,
  envelope: JsonObject | undefined,
  progressToken: string | undefined,
): JsonObject | undefined {
  const given = isObject(params?._meta) ? params._meta : undefined
  if (!given && !envelope && progressToken === undefined) return params
  const { progressToken: _, ...kept } = given ?? {}
  const meta = { ...kept, ...envelope, ...(progressToken === undefined ? {} : { progressToken }) }
  return { ...params, _meta: meta }
}
