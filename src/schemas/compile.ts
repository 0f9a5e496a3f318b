/**
 * Compiles JSON Schemas that strangers wrote. Ajv turns a schema into code, so it is given a copy
 * that holds nothing but the keywords below, and that code pays for every step it takes.
 *
 * The worker thread loads this file too: it imports npm packages and its neighbours only.
 */
import { _, Ajv2020, type ErrorObject, Name } from 'ajv/dist/2020.js'
import addFormatsModule from 'ajv-formats'
import { annotationFault } from './annotations.js'
import { linearRegExp } from './linear-pattern.js'

export type JsonSchema = Record<string, unknown>
/** Where something is wrong, as a JSON pointer, and what. */
export type Fault = { path: string; message: string }
export type Validator = (value: unknown) => Fault[]

const MAX_FAULTS = 20
/** A longer path names a member that the caller invented; its beginning says enough. */
const MAX_PATH_CHARS = 200
/** One step is some ten nanoseconds of checking; the most that one value may take is about a second. */
const MAX_STEPS = 4_000_000
/** Ajv keeps every failure of every alternative until one holds; more than these are not worth it. */
const MAX_FAILURES = 2_000
const CHARS_PER_STEP = 64
const MEMBERS_PER_STEP = 8
/** A character costs a pattern at worst 15 ns for each instruction of its program. */
const INSTRUCTIONS_PER_STEP = 16

const ONE_SCHEMA = new Set(
  `additionalProperties unevaluatedProperties unevaluatedItems items contains not if then else
   propertyNames`.split(/\s+/),
)
const SCHEMA_LIST = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const SCHEMA_MAP = new Set(['properties', 'patternProperties', 'dependentSchemas', 'dependencies'])
const PLAIN_VALUE = new Set(
  `type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength
   pattern format maxItems minItems uniqueItems maxContains minContains maxProperties minProperties
   required dependentRequired`.split(/\s+/),
)

/** The part of JSON Schema that we check, with all references led to `$defs`, and what is wrong. */
export type SchemaReading = { schema: JsonSchema; faults: Fault[]; patterns: Map<string, string> }

/**
 * Reads a schema of draft 7 or 2020-12 as data: `$id`, anchors, examples and unknown keywords are
 * left behind, so nothing of them reaches Ajv. `patterns` maps each path to its pattern's source.
 * The schema must be bounded in size and depth already.
 */
export function readSchema(root: JsonSchema): SchemaReading {
  const faults: Fault[] = []
  const patterns = new Map<string, string>()
  const targets = new Map<string, { index: number; schema: unknown; path: string }>()

  const readReference = (reference: unknown, path: string): string => {
    const target = typeof reference === 'string' ? resolveLocal(root, reference) : undefined
    if (target === undefined) {
      faults.push({ path, message: 'must be a local reference #/… to a schema in this document' })
      return '#'
    }
    const pointer = String(reference)
    const known = targets.get(pointer) ?? { index: targets.size, schema: target, path: pointer }
    targets.set(pointer, known)
    return `#/$defs/${known.index}`
  }

  const readMember = (out: JsonSchema, name: string, value: unknown, path: string): void => {
    if (ONE_SCHEMA.has(name)) out[name] = read(value, path)
    else if (SCHEMA_LIST.has(name)) out[name] = readList(value, path)
    else if (SCHEMA_MAP.has(name)) out[name] = readMap(name, value, path)
    else if (PLAIN_VALUE.has(name)) out[name] = value
    if (name === 'pattern' && typeof value === 'string') patterns.set(path, value)
    if (name === '$ref') out.$ref = readReference(value, path)
    if (name === '$dynamicRef' || name === '$recursiveRef') {
      faults.push({ path, message: 'is not supported; use a local $ref' })
    }
    const message = annotationFault(name, value)
    if (message !== undefined) faults.push({ path, message })
  }

  const readList = (list: unknown, path: string): unknown =>
    Array.isArray(list) ? list.map((item, index) => read(item, `${path}/${index}`)) : list

  const readMap = (keyword: string, map: unknown, path: string): unknown => {
    if (!isObject(map)) return map
    const entries = Object.entries(map).map(([name, value]): [string, unknown] => {
      const at = `${path}/${escapePointer(name)}`
      if (keyword === 'patternProperties') patterns.set(at, name)
      return [name, keyword === 'dependencies' && Array.isArray(value) ? value : read(value, at)]
    })
    return Object.fromEntries(entries)
  }

  const read = (schema: unknown, path: string): unknown => {
    if (!isObject(schema)) {
      if (typeof schema !== 'boolean') faults.push({ path, message: 'must be a schema' })
      return schema
    }
    const out: JsonSchema = { steps: weightOf(schema) }
    for (const [name, value] of Object.entries(withPrefixItems(schema))) {
      readMember(out, name, value, `${path}/${escapePointer(name)}`)
    }
    return out
  }

  const schema = read(root, '') as JsonSchema
  const definitions: JsonSchema = {}
  // A target may refer to further ones; the map grows while it is walked, each pointer once.
  for (const { index, schema: target, path } of targets.values()) {
    definitions[index] = read(target, path.slice(1))
  }
  return { schema: { ...schema, $defs: definitions }, faults, patterns }
}

/** Draft 7 wrote tuples as a list in `items`, with the rest in `additionalItems`. */
function withPrefixItems(schema: JsonSchema): JsonSchema {
  if (!Array.isArray(schema.items)) return schema
  const { items, additionalItems, ...others } = schema
  const rest = additionalItems === undefined ? {} : { items: additionalItems }
  return { ...others, prefixItems: items, ...rest }
}

function weightOf(schema: JsonSchema): number {
  const { enum: values, required, properties } = schema
  const compared =
    (Array.isArray(values) ? values.length : 0) +
    (Array.isArray(required) ? required.length : 0) +
    (isObject(properties) ? Object.keys(properties).length : 0)
  return 1 + Math.ceil(compared / MEMBERS_PER_STEP)
}

/** The value at `#` or `#/…`, or `undefined`; only own members count. */
export function resolveLocal(root: unknown, reference: string): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let value: unknown = root
  for (const part of reference.split('/').slice(1)) {
    const name = unescapePointer(part)
    if (typeof value !== 'object' || value === null || name === undefined) return undefined
    if (!Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function unescapePointer(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}

/** A member's name as it stands in a JSON pointer. */
export function escapePointer(name: string): string {
  // Imports ask for millions of them, nearly all without either character.
  return /[~/]/.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Thrown by the meter through Ajv's code; never leaves this file. */
const OUT_OF_STEPS = new Error('The value takes too many steps to check.')
const OUT_OF_PATIENCE = new Error('The value fails in too many ways.')

type Meter = { left: number; failures: ErrorObject[] }

/**
 * Compiles a schema that {@link readSchema} accepts.
 *
 * The validator gives at most 20 faults and ends within {@link MAX_STEPS}, whatever schema and
 * value are: Ajv alone takes exponential time for nested references in `anyOf`.
 *
 * @throws Error with Ajv's reason when the schema does not compile.
 */
export function compileSchema(schema: JsonSchema): Validator {
  const meter: Meter = { left: 0, failures: [] }
  // An instance keeps all that it ever compiled, so each schema has one of its own.
  const check = createAjv(meter).compile(readSchema(schema).schema)
  return (value) => {
    meter.left = MAX_STEPS
    try {
      return check(value) ? [] : faultsOf(check.errors ?? [])
    } catch (error) {
      if (error === OUT_OF_PATIENCE) return faultsOf(meter.failures)
      // A reference that leads to itself without going deeper into the value ends as RangeError.
      if (error !== OUT_OF_STEPS && !(error instanceof RangeError)) throw error
      return [{ path: '', message: OUT_OF_STEPS.message }]
    } finally {
      meter.failures = []
      check.errors = null
    }
  }
}

/**
 * Checks schemas against the meta-schema, which Ajv reports better than a failed compilation.
 *
 * @returns a function that gives the reason why a schema is not one, or `undefined`.
 */
export function createSchemaCheck(): (schema: JsonSchema) => string | undefined {
  const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false })
  return (schema) =>
    ajv.validateSchema(readSchema(schema).schema) === true
      ? undefined
      : ajv.errorsText(ajv.errors, { dataVar: 'it' })
}

function createAjv(meter: Meter): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    meta: false,
    validateSchema: false,
    allErrors: true,
    inlineRefs: false,
    logger: false,
    ownProperties: true,
    multipleOfPrecision: 9,
    code: { regExp: meteredRegExp(meter) },
  })
  // The default export of a CommonJS module is a namespace to TypeScript, a function to Node.
  const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default
  // All of these run in linear time. Left out: "url", "uri-template", "regex", and the full forms of
  // "email" and "uri", whose expressions backtrack; "byte", which accepts any one good line.
  addFormats(ajv, {
    mode: 'full',
    formats: ['date', 'time', 'date-time', 'duration', 'uuid', 'ipv4', 'ipv6', 'hostname'],
  })
  addFormats(ajv, { mode: 'fast', formats: ['uri', 'uri-reference', 'email'] })
  addStepsKeyword(ajv, meter)
  replaceUniqueItems(ajv, meter)
  return ajv
}

/** `steps: weight` stands in every schema object that we compile and pays for one visit. */
function addStepsKeyword(ajv: Ajv2020, meter: Meter): void {
  const spend = (
    value: unknown,
    weight: number,
    count: number,
    failures: ErrorObject[] | null,
  ): void => {
    meter.left -= weight * sizeOf(value) + count / MEMBERS_PER_STEP
    if (meter.left < 0) throw OUT_OF_STEPS
    if (count > MAX_FAILURES) {
      meter.failures = failures ?? []
      throw OUT_OF_PATIENCE
    }
  }
  ajv.addKeyword({
    keyword: 'steps',
    schemaType: 'number',
    before: '$ref',
    code: ({ gen, data, schema }) => {
      const spendName = gen.scopeValue('func', { ref: spend })
      // The two names under which Ajv's code counts and collects the failures so far.
      gen.code(_`${spendName}(${data}, ${schema}, ${new Name('errors')}, ${new Name('vErrors')})`)
    },
  })
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / CHARS_PER_STEP
  if (isObject(value)) return 1 + Object.keys(value).length / MEMBERS_PER_STEP
  return 1
}

/** Ajv compares every item with every other one; a set of their texts takes linear time. */
function replaceUniqueItems(ajv: Ajv2020, meter: Meter): void {
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    validate: (wanted: boolean, items: unknown[]) => {
      const seen = new Set<string>()
      return (
        !wanted ||
        items.every((item) => {
          const text = JSON.stringify(item, sortedMembers)
          meter.left -= 1 + text.length / MEMBERS_PER_STEP
          if (meter.left < 0) throw OUT_OF_STEPS
          return seen.size < seen.add(text).size
        })
      )
    },
  })
}

function sortedMembers(_name: string, value: unknown): unknown {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
}

/** What Ajv calls in place of `new RegExp`: linear, and paid for by length and program size. */
function meteredRegExp(meter: Meter) {
  const regExp = (source: string) => {
    const pattern = linearRegExp(source)
    const stepsPerChar = pattern.programSize() / INSTRUCTIONS_PER_STEP
    return {
      test: (text: string) => {
        meter.left -= 1 + text.length * stepsPerChar
        if (meter.left < 0) throw OUT_OF_STEPS
        return pattern.test(text)
      },
      // Ajv takes this for the identity of the pattern.
      toString: () => source,
    }
  }
  // Ajv would write this into stand-alone code, which we never ask for.
  return Object.assign(regExp, { code: 'linearRegExp' })
}

function faultsOf(errors: ErrorObject[]): Fault[] {
  const faults = new Map<string, Fault>()
  for (const error of errors) {
    const { path, message } = faultOf(error)
    const fault = { path: path.slice(0, MAX_PATH_CHARS), message }
    if (faults.size < MAX_FAULTS) faults.set(`${fault.path} ${message}`, fault)
  }
  return [...faults.values()]
}

function faultOf({ instancePath, keyword, params, message }: ErrorObject): Fault {
  const member = (name: unknown) => `${instancePath}/${escapePointer(String(name))}`
  switch (keyword) {
    case 'required':
      return { path: member(params.missingProperty), message: 'is required' }
    case 'additionalProperties':
      return { path: member(params.additionalProperty), message: 'is not declared' }
    case 'unevaluatedProperties':
      return { path: member(params.unevaluatedProperty), message: 'is not declared' }
    case 'enum':
      return { path: instancePath, message: `must be one of ${listed(params.allowedValues)}` }
    case 'const':
      return { path: instancePath, message: `must be ${listed([params.allowedValue])}` }
    default:
      return { path: instancePath, message: message ?? `does not satisfy ${keyword}` }
  }
}

/** JSON of the values, cut where it would no longer be read. */
function listed(values: unknown[]): string {
  const text = values
    .slice(0, 30)
    .map((value) => JSON.stringify(value))
    .join(', ')
  return text.length > 300 || values.length > 30 ? `${text.slice(0, 300)}…` : text
}
