/** OpenAPI's schema objects as plain JSON Schema, references written out, within our limits. */
import { Problem } from '#core/problem'
import {
  escapePointer,
  isObject,
  type JsonSchema,
  linearRegExp,
  MAX_PATTERNS_SIZE,
  resolveLocal,
  VALUE_KEYWORDS,
} from '#schemas'
import { listOf, type Members, membersOf, proseOf, type Warn, wordOf } from './document.js'
import {
  addTally,
  createMemory,
  type Memory,
  type SharedParts,
  startTally,
  type Tally,
} from './shared-parts.js'

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']
const MAX_PROSE_CHARS = 1_000
/** The limits on schemas, less what the arguments around them add. */
const MAX_NODES = 1_900
const MAX_BYTES = 64 * 1024
/** A default or a constant of more parts than this says less than it costs. */
const MAX_VALUE_NODES = 100
const MAX_VALUE_LEVELS = 3
/** An enumeration of more is not checked. */
const MAX_VALUES = 5_000

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

/** What a whole import may still write out, and what it wrote before: most parts are used often. */
export type Work = {
  /** Objects and lists; those of a part that is used again count again. */
  nodesLeft: number
  memory: Memory
}

/** The largest public description, of 22,000 operations, takes some 11,000,000. */
const IMPORT_WORK_NODES = 16_000_000

export function startWork(): Work {
  return { nodesLeft: IMPORT_WORK_NODES, memory: createMemory() }
}

type Options = { root: Members; warn: Warn; direction: Direction; work: Work }

type Context = Pick<Options, 'root' | 'direction'> & {
  detail: Detail
  shared: SharedParts
  patternSizes: Memory['patternSizes']
  /** Targets of references being written out just now: meeting one again is a circle. */
  open: object[]
  tally: Tally
  nodesLeft: number
  charsLeft: number
}

const ONE_SCHEMA = ['items', 'additionalProperties', 'not']
const SCHEMA_LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems']

/** Keywords taken over as they are, where their value has the type that JSON Schema asks for. */
const PLAIN: typeof VALUE_KEYWORDS = { ...VALUE_KEYWORDS, default: () => true }

/**
 * Converts with as much detail as the limits allow; `undefined` when even the least is too large.
 * `build` makes the schema with the converter it is given, for each detail anew.
 *
 * @throws Problem `invalid_request` when the import has spent all its work.
 */
export function withinLimits(
  { root, warn, direction, work }: Options,
  build: (convert: (schema: unknown, at: string) => JsonSchema) => JsonSchema,
): JsonSchema | undefined {
  for (const [i, detail] of DETAILS.entries()) {
    if (work.nodesLeft <= 0) {
      throw new Problem('invalid_request', 'the schemas of the document are too large together')
    }
    const context: Context = {
      ...{ root, direction, detail, open: [], tally: startTally(0) },
      shared: work.memory.sharedParts(`${direction} ${i}`),
      patternSizes: work.memory.patternSizes,
      ...{ nodesLeft: MAX_NODES, charsLeft: MAX_BYTES },
    }
    const schema = build((part, at) => membersOf(convert(context, part, { at }, 0)))
    work.nodesLeft -= MAX_NODES - Math.max(0, context.nodesLeft)
    if (isSpent(context) || !fits(schema, context.tally)) continue
    for (const [at, message] of context.tally.warnings) warn(at, message)
    return schema
  }
  return undefined
}

/** Its nodes and levels were counted while it was made. */
function fits(schema: JsonSchema, { patterns }: Tally): boolean {
  return patterns <= MAX_PATTERNS_SIZE && Buffer.byteLength(JSON.stringify(schema)) <= MAX_BYTES
}

function isSpent({ nodesLeft, charsLeft }: Context): boolean {
  return nodesLeft < 0 || charsLeft < 0
}

function spend(context: Context, nodes: number, chars: number): void {
  context.nodesLeft -= nodes
  context.charsLeft -= chars
  context.tally.nodes += nodes
  context.tally.chars += chars
}

/** Where a part stands; written out only when there is something to say of it. */
type Place = { at: string } | { below: Place; keyword: string; name: string | number | undefined }

function pointerTo(place: Place): string {
  if ('at' in place) return place.at
  const { below, keyword, name } = place
  return `${pointerTo(below)}/${keyword}${name === undefined ? '' : `/${escapePointer(`${name}`)}`}`
}

/** Anything goes where a schema is missing, circular, too deep, or elsewhere. */
function anything(context: Context): JsonSchema {
  spend(context, 1, 2)
  return {}
}

/** Converts what a reference leads to, or takes what came of it elsewhere. */
function convertShared(context: Context, part: object, place: Place, level: number): unknown {
  const { shared, detail, open } = context
  const known = shared.find(part, level, detail.levels, open)
  if (known !== undefined) {
    spend(context, known.nodes, known.chars)
    addTally(context.tally, known, level)
    return known.schema
  }
  const outer = context.tally
  const tally = startTally(level)
  context.tally = tally
  const schema = convert(context, part, place, level)
  context.tally = outer
  outer.nodes += tally.nodes
  outer.chars += tally.chars
  // The part itself is the last of the open references; circles within it concern nobody else.
  const isClosed = tally.circleAt >= open.length - 1
  const circleAt = isClosed ? Number.POSITIVE_INFINITY : tally.circleAt
  const converted = { ...tally, circleAt, schema, level, height: tally.deepest - level }
  if (isClosed && !isSpent(context)) shared.keep(part, converted)
  addTally(outer, converted, level)
  return schema
}

function convert(context: Context, schema: unknown, place: Place, level: number): unknown {
  if (typeof schema === 'boolean') return schema
  if (!isObject(schema)) return anything(context)
  if (level > context.detail.levels) {
    context.tally.isCut = true
    return anything(context)
  }
  context.tally.deepest = Math.max(context.tally.deepest, level)
  // Past the limit the result is thrown away; stopping here keeps references from doubling.
  if (isSpent(context)) return {}
  if (typeof schema.$ref === 'string') return convertReference(context, schema, place, level)
  spend(context, 1, 2)
  const out: JsonSchema = { ...typeOf(schema), ...plainKeywords(context, schema, place) }
  // Null as an alternative takes a level of its own, where it cannot be one of the types.
  const below = schema.nullable === true && typeof out.type !== 'string' ? level + 2 : level + 1
  const inner = (part: unknown, keyword: string, name?: string | number) =>
    convert(context, part, { below: place, keyword, name }, below)
  if (isObject(schema.properties)) Object.assign(out, convertMembers(context, schema, inner))
  for (const keyword of ONE_SCHEMA) {
    const part = schema[keyword]
    if (isObject(part) || typeof part === 'boolean') out[keyword] = inner(part, keyword)
  }
  for (const keyword of SCHEMA_LISTS) {
    const list = schema[keyword]
    if (!Array.isArray(list) || list.length === 0) continue
    spend(context, 1, keyword.length)
    if (list.length > MAX_NODES) spend(context, list.length, 0)
    else out[keyword] = list.map((part, index) => inner(part, keyword, index))
  }
  if (Array.isArray(out.type)) spend(context, 1, 0)
  if (schema.nullable !== true) return out
  // The list of types or alternatives, the schema of null, and null among the values.
  spend(context, 3, 30)
  return orNull(out)
}

function convertReference(context: Context, schema: Members, place: Place, level: number): unknown {
  const reference = wordOf(schema.$ref)
  const target = resolveLocal(context.root, reference)
  if (typeof target !== 'object' || target === null) {
    const shown = reference.slice(0, 200)
    const message = `The reference ${shown} leads nowhere; anything is accepted.`
    context.tally.warnings.push([pointerTo(place), message])
    return anything(context)
  }
  const circle = context.open.indexOf(target)
  if (circle !== -1) {
    context.tally.circleAt = Math.min(context.tally.circleAt, circle)
    return anything(context)
  }
  context.open.push(target)
  context.tally.within.add(target)
  const converted = convertShared(context, target, { at: reference.slice(1) }, level)
  context.open.pop()
  const description = descriptionOf(context, schema)
  return isObject(converted) ? { ...converted, ...description } : converted
}

function convertMembers(
  context: Context,
  schema: Members,
  inner: (part: unknown, keyword: string, name?: string) => unknown,
): JsonSchema {
  const { direction } = context
  const hidden = direction === 'request' ? 'readOnly' : 'writeOnly'
  const properties: [string, unknown][] = []
  for (const [name, member] of Object.entries(membersOf(schema.properties))) {
    if (isSpent(context)) break
    if (name === '__proto__' || membersOf(member)[hidden] === true) continue
    spend(context, 0, name.length + 4)
    properties.push([name, inner(member, 'properties', name)])
  }
  const names = new Set(properties.map(([name]) => name))
  const required = namesOf(schema.required).filter((name) => names.has(name))
  spend(context, 2, 0)
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
  if (typeof schema.type === 'string' && TYPES.includes(schema.type)) return { type: schema.type }
  const types = [schema.type].flat().filter((type) => TYPES.includes(wordOf(type)))
  const distinct = [...new Set(types)]
  if (distinct.length > 0) return { type: distinct.length === 1 ? distinct[0] : distinct }
  return isObject(schema.properties) ? { type: 'object' } : {}
}

function plainKeywords(context: Context, schema: Members, place: Place): JsonSchema {
  const out: JsonSchema = descriptionOf(context, schema)
  for (const keyword in schema) {
    if (!Object.hasOwn(PLAIN, keyword)) continue
    const value = schema[keyword]
    if (value === undefined || !PLAIN[keyword]!(value)) continue
    const nodes = nodesOf(value)
    if (nodes === undefined) continue
    spend(context, nodes, keyword.length + (typeof value === 'string' ? value.length : 4))
    out[keyword] = value
  }
  excludeBound(schema, out, 'minimum', 'exclusiveMinimum')
  excludeBound(schema, out, 'maximum', 'exclusiveMaximum')
  if (typeof schema.pattern === 'string') {
    const size = patternSize(context, schema.pattern)
    if (typeof size === 'number') {
      out.pattern = schema.pattern
      context.tally.patterns += size
      spend(context, 0, schema.pattern.length)
    } else {
      const message = `The pattern cannot run in linear time and is dropped: ${size}`
      context.tally.warnings.push([`${pointerTo(place)}/pattern`, message])
    }
  }
  return out
}

/** In instructions, or why the pattern is dropped. */
function patternSize({ patternSizes }: Context, source: string): number | string {
  const known = patternSizes.get(source)
  if (known !== undefined) return known
  let size: number | string
  try {
    size = linearRegExp(source).programSize()
  } catch (error) {
    size = error instanceof Error ? error.message : String(error)
  }
  patternSizes.set(source, size)
  return size
}

/** Objects and lists within a value, or `undefined` when it is larger or deeper than it may be. */
function nodesOf(value: unknown, level = 0): number | undefined {
  if (typeof value !== 'object' || value === null) return 0
  if (level === MAX_VALUE_LEVELS || listOf(value).length > MAX_VALUES) return undefined
  let nodes = 1
  for (const [name, member] of Object.entries(value)) {
    const inner = name === '__proto__' ? undefined : nodesOf(member, level + 1)
    if (inner === undefined) return undefined
    nodes += inner
    if (nodes > MAX_VALUE_NODES) return undefined
  }
  return nodes
}

/** OpenAPI 3.0 says with a boolean that a bound does not belong to the range. */
function excludeBound(
  schema: Members,
  out: JsonSchema,
  bound: 'minimum' | 'maximum',
  exclusive: 'exclusiveMinimum' | 'exclusiveMaximum',
): void {
  if (schema[exclusive] !== true || out[bound] === undefined) return
  out[exclusive] = out[bound]
  delete out[bound]
}

function descriptionOf(context: Context, schema: Members): JsonSchema {
  if (!context.detail.hasProse) return {}
  const description = proseOf(MAX_PROSE_CHARS, schema.description)
  if (description === undefined) return {}
  spend(context, 0, description.length)
  return { description }
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
