/**
 * The texts within a schema that a seller wrote: its annotations become plain text, what validation
 * or sending depends on stays as it is.
 */
import { clip, hasInvisible, plainLine, plainText } from '#core/plain-text'
import { escapePointer, isObject, type JsonSchema } from '#schemas'

const MAX_TITLE = 200
const MAX_DESCRIPTION = 1_000
/** A longer `x-…` says something to people, or to models. */
const MAX_EXTENSION = 200
/** Deeper schemas are refused by the limits on schemas, after this. */
const MAX_DEPTH = 32

const ONE_SCHEMA = new Set(
  `items additionalProperties not if then else contains propertyNames unevaluatedItems
   unevaluatedProperties contentSchema`.split(/\s+/),
)
const SCHEMA_LIST = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'])
const SCHEMA_MAP = new Set(
  'properties patternProperties dependentSchemas $defs definitions'.split(' '),
)
/** Texts that are no prose: they say what is valid, or are values themselves. */
const NO_PROSE = new Set(
  'type const default example pattern $ref $id $anchor $schema $dynamicRef $dynamicAnchor'.split(
    ' ',
  ),
)

/**
 * `schema` with plain titles (at most 200 characters), descriptions and other annotations (1,000),
 * and without `$comment`. Values such as `enum`, `default` and `examples` stay: they may be sent.
 */
export function plainSchema(schema: JsonSchema): JsonSchema {
  return plain(schema, 1) as JsonSchema
}

function plain(schema: unknown, depth: number): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return schema
  const members = Object.entries(schema)
    .filter(([name]) => name !== '$comment')
    .map(([name, value]) => [name, plainMember(name, value, depth)] as const)
  return Object.fromEntries(members)
}

function plainMember(name: string, value: unknown, depth: number): unknown {
  if (typeof value === 'string') return plainAnnotation(name, value)
  if (Array.isArray(value)) {
    return SCHEMA_LIST.has(name) ? value.map((part) => plain(part, depth + 1)) : value
  }
  if (ONE_SCHEMA.has(name)) return plain(value, depth + 1)
  if (!SCHEMA_MAP.has(name) || !isObject(value)) return value
  const parts = Object.entries(value).map(([key, part]) => [key, plain(part, depth + 2)])
  return Object.fromEntries(parts)
}

function plainAnnotation(name: string, text: string): string {
  if (NO_PROSE.has(name) || (name.startsWith('x-') && text.length <= MAX_EXTENSION)) return text
  if (name === 'title' || name === 'format') return clip(plainLine(text), MAX_TITLE)
  return clip(plainText(text), MAX_DESCRIPTION)
}

/** JSON pointer to the first argument whose name holds invisible characters: names are no prose. */
export function hiddenNameIn(schema: JsonSchema): string | undefined {
  const open: { value: unknown; at: string; depth: number }[] = [
    { value: schema, at: '', depth: 1 },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, at, depth } = next
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) continue
    for (const [name, member] of Object.entries(value)) {
      const place = `${at}/${escapePointer(name)}`
      if (hasInvisible(name)) return place.replace(/[^\x20-\x7e]/g, '?')
      open.push({ value: member, at: place, depth: depth + 1 })
    }
  }
  return undefined
}
