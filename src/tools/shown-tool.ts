/** A tool as its account sees it: everything but the value of its secret. */
import type { ToolDefinition, ToolNow, ToolVersion } from '#catalogue'
import { toRfc3339 } from '#core/clock'
import { FEE_BPS, readPrice, showPrice } from '#pricing'
import type { Tool } from './tool-rows.js'

/** In a list: what it is, and where it is called. */
export function showTool(tool: Tool, mcpUrl: string, now: ToolNow) {
  const { definition, version, visibility, status, changedAtMs } = now
  return {
    ...{ id: tool.id, name: tool.name, title: definition.title, version },
    ...{ mcp_url: mcpUrl, endpoint_id: tool.endpointId, source: tool.source, visibility, status },
    ...handlerOf(definition),
    price: priceOf(definition),
    require_human_approval: definition.requires_approval,
    created_at: toRfc3339(tool.createdAtMs),
    changed_at: toRfc3339(changedAtMs),
  }
}

/** What its latest version takes and gives, and which versions there were, the latest first. */
export function showDetails({ definition }: ToolNow, versions: readonly ToolVersion[]) {
  const { description, input_schema, output_schema, annotations, tags } = definition
  return {
    ...{ description, input_schema },
    ...(output_schema && { output_schema }),
    ...(annotations && { annotations }),
    ...(tags && { tags }),
    versions: versions.map(showVersion),
  }
}

function showVersion({ version, definition, credential, createdAtMs }: ToolVersion) {
  const slot = credential ?? { type: 'none', name: null }
  return {
    version,
    ...handlerOf(definition),
    handler_auth: { type: slot.type, ...(slot.name !== null && { name: slot.name }) },
    price: priceOf(definition),
    created_at: toRfc3339(createdAtMs),
  }
}

function handlerOf({ backend }: ToolDefinition) {
  return backend.type === 'tool' ? { handler_url: backend.handler_url } : {}
}

function priceOf({ price }: ToolDefinition) {
  return { ...price, ...showPrice(readPrice(price), FEE_BPS) }
}
