/** OpenAPI's schema objects as plain JSON Schema, references written out, within our limits. */
import { Problem } from '#core/problem'
import {
  escapePointer,
  isObject,
  type JsonSchema,
  linearRegExp,
  resolveLocal,
  schemaFaults,
} from '#schemas'
import { listOf, type Members, membersOf, proseOf, type Warn } from './document.js'

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']
const MAX_PROSE_CHARS = 1_000
const MAX_NODES = 2_000

/** Which direction a schema is for: read-only members are not sent, write-only ones do not return. */
export type Direction = 'request' | 'response'

/** How much of a schema is kept: levels of schemas within schemas, and whether texts stay. */
type Detail = { levels: number; hasProse: boolean }

/** Tried in turn until one fits the limits on size. */
const DETAILS: Detail[] = [
  { levels: 12, hasProse: true },
  { levels: 7, hasProse: false },
  { levels: 4, hasProse: false },
  { levels: 2, hasProse: false },
]

/**
 * Schema objects that a whole import may still write out. The largest public descriptions take
 * some 150,000; all of them take about two seconds.
 */
export type Work = { nodesLeft: number }

export const IMPORT_WORK_NODES = 400_000

type Options = { root: Members; warn: Warn; direction: Direction; work: Work }

type Context = Pick<Options, 'root' | 'warn' | 'direction'> & {
  detail: Detail
  /** References being written out just now: meeting one again is a circle. */
  open: Set<string>
  nodesLeft: number
}

const isFiniteNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown) => Number.isInteger(value) && Number(value) >= 0
const isText = (value: unknown) => typeof value === 'string'

/** Keywords taken over as they are, where their value has the type that JSON Schema asks for. */
const PLAIN: Record<string, (value: unknown) => boolean> = {
  multipleOf: (value) => isFiniteNumber(value) && Number(value) > 0,
  maximum: isFiniteNumber,
  minimum: isFiniteNumber,
  exclusiveMaximum: isFiniteNumber,
  exclusiveMinimum: isFiniteNumber,
  maxLength: isCount,
  minLength: isCount,
  maxItems: isCount,
  minItems: isCount,
  maxProperties: isCount,
  minProperties: isCount,
  uniqueItems: (value) => typeof value === 'boolean',
  format: isText,
  enum: (value) => Array.isArray(value) && value.length > 0,
  const: () => true,
  default: () => true,
}

/**
 * Converts with as much detail as the limits allow; `undefined` when even the least is too large.
 * `build` makes the schema with the converter it is given, for each detail anew.
 *
 * @throws Problem `invalid_request` when the import has spent all its work.
 */
export function withinLimits(
  options: Options,
  build: (convert: (schema: unknown, at: string) => JsonSchema) => JsonSchema,
): JsonSchema | undefined {
  for (const detail of DETAILS) {
    if (options.work.nodesLeft <= 0) {
      throw new Problem('invalid_request', 'the schemas of the document are too large together')
    }
    const warnings: [string, string][] = []
    const warn: Warn = (at, message) => warnings.push([at, message])
    const context = { ...options, warn, detail, open: new Set<string>(), nodesLeft: MAX_NODES }
    const schema = build((part, at) => membersOf(convert(context, part, at, 0)))
    options.work.nodesLeft -= MAX_NODES - Math.max(0, context.nodesLeft)
    if (context.nodesLeft < 0 || schemaFaults(schema).length > 0) continue
    for (const [at, message] of warnings) options.warn(at, message)
    return schema
  }
  return undefined
}

/** Anything goes where a schema is missing, circular, too deep, or elsewhere. */
const ANYTHING: JsonSchema = {}

function convert(context: Context, schema: unknown, at: string, level: number): unknown {
  if (typeof schema === 'boolean') return schema
  if (!isObject(schema) || level > context.detail.levels) return ANYTHING
  // Past the limit the result is thrown away; stopping here keeps references from doubling.
  if (--context.nodesLeft < 0) return ANYTHING
  if (typeof schema.$ref === 'string') return convertReference(context, schema, at, level)
  const out: JsonSchema = { ...typeOf(schema), ...plainKeywords(context, schema, at) }
  const inner = (part: unknown, ...names: string[]) =>
    convert(context, part, [at, ...names.map(escapePointer)].join('/'), level + 1)
  if (isObject(schema.properties)) Object.assign(out, convertMembers(context, schema, inner))
  for (const keyword of ['items', 'additionalProperties', 'not']) {
    if (isObject(schema[keyword]) || typeof schema[keyword] === 'boolean') {
      out[keyword] = inner(schema[keyword], keyword)
    }
  }
  for (const keyword of ['allOf', 'anyOf', 'oneOf', 'prefixItems']) {
    const list = schema[keyword]
    if (!Array.isArray(list) || list.length === 0) continue
    out[keyword] = list.map((part, index) => inner(part, keyword, String(index)))
  }
  return schema.nullable === true ? orNull(out) : out
}

function convertReference(context: Context, schema: Members, at: string, level: number): unknown {
  const reference = String(schema.$ref)
  if (context.open.has(reference)) return ANYTHING
  const target = resolveLocal(context.root, reference)
  if (target === undefined) {
    context.warn(
      at,
      `The reference ${reference.slice(0, 200)} leads nowhere; anything is accepted.`,
    )
    return ANYTHING
  }
  context.open.add(reference)
  const converted = convert(context, target, at, level)
  context.open.delete(reference)
  const description = descriptionOf(context, schema)
  return isObject(converted) ? { ...converted, ...description } : converted
}

function convertMembers(
  { direction }: Context,
  schema: Members,
  inner: (part: unknown, ...names: string[]) => unknown,
): JsonSchema {
  const hidden = direction === 'request' ? 'readOnly' : 'writeOnly'
  const properties: [string, unknown][] = []
  for (const [name, member] of Object.entries(membersOf(schema.properties))) {
    if (name === '__proto__' || membersOf(member)[hidden] === true) continue
    properties.push([name, inner(member, 'properties', name)])
  }
  const names = new Set(properties.map(([name]) => name))
  const required = namesOf(schema.required).filter((name) => names.has(name))
  return {
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  }
}

/** The distinct texts of a `required` list. */
export function namesOf(value: unknown): string[] {
  return [...new Set(listOf(value).filter((name) => typeof name === 'string'))]
}

function typeOf(schema: Members): JsonSchema {
  const types = [schema.type].flat().filter((type) => TYPES.includes(String(type)))
  const distinct = [...new Set(types)]
  if (distinct.length > 0) return { type: distinct.length === 1 ? distinct[0] : distinct }
  return isObject(schema.properties) ? { type: 'object' } : {}
}

function plainKeywords(context: Context, schema: Members, at: string): JsonSchema {
  const out: JsonSchema = descriptionOf(context, schema)
  for (const [keyword, fits] of Object.entries(PLAIN)) {
    const value = schema[keyword]
    if (value !== undefined && fits(value)) out[keyword] = value
  }
  excludeBounds(schema, out)
  if (typeof schema.pattern === 'string') {
    try {
      linearRegExp(schema.pattern)
      out.pattern = schema.pattern
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      context.warn(
        `${at}/pattern`,
        `The pattern cannot run in linear time and is dropped: ${reason}`,
      )
    }
  }
  return out
}

/** OpenAPI 3.0 says with a boolean that a bound does not belong to the range. */
function excludeBounds(schema: Members, out: JsonSchema): void {
  for (const side of ['Minimum', 'Maximum']) {
    const bound = side.toLowerCase()
    if (schema[`exclusive${side}`] !== true || out[bound] === undefined) continue
    out[`exclusive${side}`] = out[bound]
    delete out[bound]
  }
}

function descriptionOf({ detail }: Context, schema: Members): JsonSchema {
  const description = detail.hasProse && proseOf(MAX_PROSE_CHARS, schema.description)
  return description ? { description } : {}
}

/** OpenAPI 3.0's `nullable`, said in JSON Schema. */
function orNull({ type, description, ...others }: JsonSchema): JsonSchema {
  const prose = description === undefined ? {} : { description }
  if (typeof type !== 'string') {
    const alternative = { ...(type !== undefined && { type }), ...others }
    return { ...prose, anyOf: [alternative, { type: 'null' }] }
  }
  const values = others.enum
  const withNull = Array.isArray(values) && !values.includes(null) && { enum: [...values, null] }
  return { type: [type, 'null'], ...prose, ...others, ...withNull }
}
