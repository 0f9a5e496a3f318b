/** Arguments that a modern server wants repeated in headers (`x-mcp-header` in the input schema). */
import { isHeaderName } from '#upstreams'
import type { ListedTool } from './list-tools.js'
import { isObject, type JsonObject } from './messages.js'
import { headerForm } from './revisions.js'

export type ParamHeader = { path: readonly string[]; header: string }

const MAX_DEPTH = 16

/** What the tool's schema declares; declarations that cannot work are left out. */
export function paramHeadersOf({ inputSchema }: ListedTool): ParamHeader[] {
  return declared(inputSchema, [])
}

function declared(schema: unknown, path: readonly string[]): ParamHeader[] {
  if (!isObject(schema) || path.length > MAX_DEPTH) return []
  const name = schema['x-mcp-header']
  const own =
    typeof name === 'string' && isHeaderName(name) && path.length > 0
      ? [{ path, header: `mcp-param-${name.toLowerCase()}` }]
      : []
  const { properties } = schema
  if (!isObject(properties)) return own
  return [
    ...own,
    ...Object.entries(properties).flatMap(([key, inner]) => declared(inner, [...path, key])),
  ]
}

/** The headers for one call; what is absent or no plain value is left out, as the protocol asks. */
export function paramHeaders(
  declarations: readonly ParamHeader[],
  args: JsonObject,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { path, header } of declarations) {
    const value = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), args)
    if (typeof value === 'string' || typeof value === 'boolean')
      headers[header] = headerForm(String(value))
    else if (Number.isSafeInteger(value)) headers[header] = String(value)
  }
  return headers
}
