/** Schemas whose proof is reading them: nothing in them can surprise the compiler. */
import { isObject, type JsonSchema } from './compile.js'
import { linearRegExp } from './linear-pattern.js'

/** Patterns whose sizes are remembered: the schemas of one document have few different ones. */
const MAX_KNOWN_PATTERNS = 1_000

const TYPES: readonly unknown[] = [
  ...['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'],
]

type Check = (value: unknown) => boolean

const isFiniteNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0
const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0
const isDistinct = (list: readonly unknown[]) => new Set(list).size === list.length

/** Keywords that bound or describe a value, and the values of them that every compiler takes. */
export const VALUE_KEYWORDS: Readonly<Record<string, Check>> = {
  enum: isList,
  const: () => true,
  multipleOf: (value) => isFiniteNumber(value) && (value as number) > 0,
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
  format: (value) => typeof value === 'string',
}

/** All keywords that hold no schema. */
const VALUES: Readonly<Record<string, Check>> = {
  ...VALUE_KEYWORDS,
  type: (value) =>
    TYPES.includes(value) ||
    (isList(value) && value.every((name) => TYPES.includes(name)) && isDistinct(value)),
  required: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string') && isDistinct(value),
}

const ONE_SCHEMA = new Set(['items', 'additionalProperties', 'not'])
const SCHEMA_LIST = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
/** Keywords that mean something to the compiler but are not read here: references, conditions. */
const NOT_PLAIN = new Set(
  `$ref $dynamicRef $recursiveRef patternProperties propertyNames contains minContains maxContains
   if then else unevaluatedProperties unevaluatedItems dependencies dependentSchemas
   dependentRequired additionalItems`.split(/\s+/),
)

/**
 * Whether `schema` compiles within the limits of a proof for certain, so that it needs none: it has
 * only keywords whose code grows with their size, with values that they can have, and no reference.
 * The schema must be without faults (`schemaFaults`): its size, and that of its patterns, bound the
 * work.
 *
 * `false` says nothing about the schema: it has to be proved.
 */
export function isPlainSchema(schema: JsonSchema): boolean {
  return isPlain(schema)
}

function isPlain(schema: unknown): boolean {
  if (typeof schema === 'boolean') return true
  if (!isObject(schema)) return false
  return Object.entries(schema).every(([name, value]) => {
    if (NOT_PLAIN.has(name)) return false
    if (name === 'pattern') return isPattern(value)
    if (name === 'properties') return isObject(value) && Object.values(value).every(isPlain)
    if (ONE_SCHEMA.has(name)) return isPlain(value)
    if (SCHEMA_LIST.has(name)) return isList(value) && value.every(isPlain)
    // What is no keyword never reaches the compiler.
    return !Object.hasOwn(VALUES, name) || VALUES[name]!(value)
  })
}

const knownPatterns = new Map<string, boolean>()

function isPattern(source: unknown): boolean {
  if (typeof source !== 'string') return false
  const known = knownPatterns.get(source)
  if (known !== undefined) return known
  if (knownPatterns.size >= MAX_KNOWN_PATTERNS) knownPatterns.clear()
  const compiles = doesCompile(source)
  knownPatterns.set(source, compiles)
  return compiles
}

function doesCompile(source: string): boolean {
  try {
    linearRegExp(source)
    return true
  } catch {
    return false
  }
}
