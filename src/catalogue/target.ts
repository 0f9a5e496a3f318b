/** What a call of an endpoint is sent to, as the definition says. */
import type { HttpTarget } from '#upstreams'
import { type EndpointDefinition, type HttpDefinition, isHttp } from './listing.js'

export type Target =
  | ({ kind: 'http' } & HttpTarget)
  /** A handler's own address: it is sent the arguments as JSON, signed. */
  | { kind: 'tool'; url: string }
  /** A tool of an MCP server, by the names of both. */
  | { kind: 'mcp'; server: string; tool: string }
  /** A function of this process, by its tool's name. */
  | { kind: 'code'; name: string }

/** The longest answer of a tool that declares itself: it is for a model to read. */
export const MAX_TOOL_ANSWER_BYTES = 1024 * 1024

export function targetOf(definition: EndpointDefinition): Target {
  if (isHttp(definition)) return { kind: 'http', ...httpTargetOf(definition) }
  const { backend, name } = definition
  switch (backend.type) {
    case 'tool':
      return { kind: 'tool', url: backend.handler_url }
    case 'mcp':
      return { kind: 'mcp', server: backend.server, tool: backend.tool }
    case 'code':
      return { kind: 'code', name }
  }
}

export function httpTargetOf(definition: HttpDefinition): HttpTarget {
  return {
    baseUrl: definition.base_url,
    method: definition.method,
    path: definition.path,
    inputSchema: definition.input_schema,
  }
}
