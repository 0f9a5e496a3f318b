/** Tools as their server lists them become tools as they are sold. What a server says is data. Pure. */
import type { ToolDefinition } from '#catalogue'
import type { ListedTool } from '#connections'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { hasInvisible, plainLine } from '#core/plain-text'
import { isObject } from '#schemas'
import type { Discovery, RefusedTool } from './discovery-state.js'
import { MAX_TOOL_NAME, offerOf, type ServerTerms } from './server-schema.js'
import { clientName } from './tool-name.js'

export const MAX_TOOLS = 1_000
/** Deeper schemas are refused where they are sold. */
const MAX_DEPTH = 40
const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const
/** Members of a schema whose own members are names, not keywords. */
const NAMED = new Set(
  'properties patternProperties dependentSchemas dependentRequired $defs definitions'.split(' '),
)
const VALUES = new Set(['enum', 'const', 'default', 'examples'])

/** A server's tools as they are sold, by the names that they have at the server. */
export type SoldTools = ReadonlyMap<string, ToolDefinition>

export type Offered = {
  tools: ToolDefinition[]
  refused: RefusedTool[]
  /** Whether anything differs from what is sold. */
  isChanged: boolean
}

/**
 * What of `listed` is to be sold. A tool whose definition is the one that is sold stays as it is, with
 * what the operator changed by hand; of another definition the server's words hold, and of what was
 * changed by hand price, approval, tags and success rule.
 */
export function offeredOf(
  terms: ServerTerms,
  listed: readonly ListedTool[],
  sold: SoldTools,
  { applied, refused: before }: Pick<Discovery, 'applied' | 'refused'>,
): Offered {
  const tools = new Map<string, ToolDefinition>()
  const refused: RefusedTool[] = []
  for (const tool of listed) {
    const { name } = tool
    if (!isWanted(terms, name)) continue
    const known = sold.get(name)
    const found = readTool(tool, before)
    if ('reason' in found) refused.push(found)
    else if (tools.has(name)) refused.push({ name, reason: 'It is listed twice.' })
    else if (tools.size === MAX_TOOLS) refused.push({ name, reason: TOO_MANY })
    else {
      const isSame = known !== undefined && hashOf(known) === found.hash
      const definition = isSame ? known : definitionOf(terms, tool, found.hash, known)
      tools.set(name, onTerms(terms, definition, known !== undefined, applied))
    }
  }
  const list = [...tools.values()]
  return { tools: list, refused, isChanged: !isSold(tools, sold) }
}

/** The tools that are sold, as `terms` have them now; the server is not asked. */
export function reofferedOf(
  terms: ServerTerms,
  sold: SoldTools,
  applied: Discovery['applied'],
): ToolDefinition[] {
  return [...sold.values()]
    .filter((definition) => isWanted(terms, toolOf(definition)))
    .map((definition) => onTerms(terms, definition, true, applied))
}

/** The name of a discovered tool at its server. */
export function toolOf({ backend, name }: ToolDefinition): string {
  return backend.type === 'mcp' ? backend.tool : name
}

export function hashOf({ backend }: ToolDefinition): string | undefined {
  return backend.type === 'mcp' ? backend.definition_hash : undefined
}

const TOO_MANY = `A server's first ${MAX_TOOLS} tools are sold, and no more.`

function isWanted({ tools: { include, exclude = [] } = {} }: ServerTerms, name: string): boolean {
  return (include?.includes(name) ?? true) && !exclude.includes(name)
}

/** The hash of a tool's definition, or why it cannot be sold. */
function readTool(
  tool: ListedTool,
  before: readonly RefusedTool[],
): { hash: string } | RefusedTool {
  const { name } = tool
  const shown = { name: plainLine(name.toWellFormed()).slice(0, 300) }
  if (name === '' || hasInvisible(name)) {
    return { ...shown, reason: 'Its name is empty or has invisible characters.' }
  }
  if (name.length > MAX_TOOL_NAME) {
    return { ...shown, reason: `Its name is longer than ${MAX_TOOL_NAME} characters.` }
  }
  if (!isObject(tool.inputSchema ?? {})) {
    return { ...shown, reason: 'Its input schema is no object.' }
  }
  try {
    // What hosts tell one another in `_meta` is never shown, and may differ each time.
    const { _meta, ...definition } = tool
    const hash = sha256Hex(canonicalJson(definition))
    return before.find((it) => it.hash === hash) ?? { hash }
  } catch {
    // Too deep to be walked, or a text that is no Unicode.
    return { ...shown, reason: 'Its definition cannot be read.' }
  }
}

function definitionOf(
  terms: ServerTerms,
  tool: ListedTool,
  hash: string,
  known: ToolDefinition | undefined,
): ToolDefinition {
  const { name, description, inputSchema, outputSchema } = tool
  const hints = isObject(tool.annotations) ? tool.annotations : {}
  const title = [tool.title, hints.title].find((it) => typeof it === 'string' && it !== '')
  const annotations = Object.fromEntries(
    HINTS.filter((hint) => typeof hints[hint] === 'boolean').map((hint) => [hint, hints[hint]]),
  )
  const input = withoutHints(isObject(inputSchema) ? inputSchema : {}, 1) as Record<string, unknown>
  return {
    title: typeof title === 'string' ? title : name,
    description: typeof description === 'string' ? description : '',
    input_schema: { type: 'object', ...input },
    ...(isObject(outputSchema) && {
      output_schema: withoutHints(outputSchema, 1) as Record<string, unknown>,
    }),
    ...(known?.tags && { tags: known.tags }),
    price: known?.price ?? offerOf(terms).price,
    success: known?.success ?? { status: '2xx' },
    requires_approval: known?.requires_approval ?? offerOf(terms).requires_approval,
    backend: { type: 'mcp', server: terms.name, tool: name, definition_hash: hash },
    name,
    ...(Object.keys(annotations).length > 0 && { annotations }),
  }
}

/** With the name, the price and the approval that hold now, where none was set by hand. */
function onTerms(
  terms: ServerTerms,
  definition: ToolDefinition,
  isKnown: boolean,
  applied: Discovery['applied'],
): ToolDefinition {
  const offer = offerOf(terms)
  const isByHand = (field: 'price' | 'requires_approval') =>
    isKnown && applied !== null && !isSame(definition[field], applied[field])
  const tool = toolOf(definition)
  return {
    ...definition,
    name: clientName(terms.prefix ?? terms.name, tool),
    backend: { ...definition.backend, server: terms.name } as ToolDefinition['backend'],
    price: isByHand('price') ? definition.price : offer.price,
    requires_approval: isByHand('requires_approval')
      ? definition.requires_approval
      : offer.requires_approval,
  }
}

function isSold(tools: SoldTools, sold: SoldTools): boolean {
  if (tools.size !== sold.size) return false
  return [...tools].every(([name, tool]) => isSame(tool, sold.get(name)))
}

function isSame(one: unknown, other: unknown): boolean {
  return other !== undefined && canonicalJson(one) === canonicalJson(other)
}

/** Without keywords `x-…`, which could aim an argument at something; arguments may be named so. */
function withoutHints(schema: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return schema
  if (Array.isArray(schema)) return schema.map((part) => withoutHints(part, depth + 1))
  if (!isObject(schema)) return schema
  const members = Object.entries(schema).filter(([keyword]) => !keyword.startsWith('x-'))
  return Object.fromEntries(
    members.map(([keyword, value]) => {
      if (VALUES.has(keyword)) return [keyword, value]
      if (!NAMED.has(keyword) || !isObject(value)) return [keyword, withoutHints(value, depth + 1)]
      const parts = Object.entries(value).map(([name, part]) => [
        name,
        withoutHints(part, depth + 2),
      ])
      return [keyword, Object.fromEntries(parts)]
    }),
  )
}
