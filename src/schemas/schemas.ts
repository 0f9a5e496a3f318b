/**
 * Sellers' JSON Schemas are hostile input: they are bounded in size, proved in a thread that may
 * die, and checked against at a bounded cost. No reference ever leaves the document.
 */
import type { Worker } from 'node:worker_threads'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { Problem } from '#core/problem'
import { startThread } from '#core/thread'
import {
  compileSchema,
  escapePointer,
  type Fault,
  isObject,
  type JsonSchema,
  readSchema,
  type Validator,
} from './compile.js'
import { linearRegExp, MAX_PATTERN_SIZE } from './linear-pattern.js'
import type { WorkerMessage } from './prover.js'

export { withoutHints } from './annotations.js'
export {
  escapePointer,
  isObject,
  type JsonSchema,
  resolveLocal,
  type Validator,
} from './compile.js'
export { linearRegExp } from './linear-pattern.js'
export { isPlainSchema, VALUE_KEYWORDS } from './plain.js'

const MAX_SCHEMA_BYTES = 64 * 1024
/** Objects and arrays; scalars are bounded by the bytes. */
const MAX_SCHEMA_NODES = 2_000
const MAX_SCHEMA_DEPTH = 32
/** All patterns of a schema together, in instructions. */
export const MAX_PATTERNS_SIZE = 4 * MAX_PATTERN_SIZE
const MAX_FAULTS = 20

const PROOF_MEMORY_MB = 64
const PROOF_DEADLINE_MS = 2_000
/** What each schema after the first adds to the deadline: an honest one takes 1 to 10 ms. */
const PROOF_EXTRA_MS = 50
/** Schemas that are remembered as proved, by the hash of their text. */
const MAX_PROVED = 10_000

/**
 * What keeps `schema` from being sold: its size, its depth, a reference that does not resolve, a
 * pattern that cannot run in linear time, an `x-in` that is no place. At most 20 faults, none when
 * it is within the limits. It takes milliseconds whatever the schema is, shared or circular parts
 * included.
 */
export function schemaFaults(schema: JsonSchema): Fault[] {
  const tooLarge = sizeFault(schema)
  if (tooLarge !== undefined) return [tooLarge]
  const { faults, patterns } = readSchema(schema)
  return [...faults, ...patternFaults(patterns)].slice(0, MAX_FAULTS)
}

/**
 * Accepts `schema` as the input schema of an endpoint. `where` names it in the message.
 *
 * @throws Problem `invalid_request` (facts: paths) when it is not an object schema within the limits.
 */
export function checkSchemaShape(schema: unknown, where: string): asserts schema is JsonSchema {
  const paths = isObject(schema)
    ? schemaFaults(schema)
    : [{ path: '', message: 'must be a schema' }]
  if (paths.length === 0) paths.push(...rootFaults(schema as JsonSchema))
  const [first] = paths
  if (first === undefined) return
  const at = first.path === '' ? where : `${where} at ${first.path}`
  throw new Problem('invalid_request', `The schema of ${at} ${first.message}.`, {
    facts: { paths },
  })
}

function rootFaults(schema: JsonSchema): Fault[] {
  const faults: Fault[] = []
  if (schema.type !== 'object') faults.push({ path: '', message: 'must have "type": "object"' })
  if (schema.properties !== undefined && !isObject(schema.properties)) {
    faults.push({ path: '/properties', message: 'must be an object' })
  }
  return faults
}

/** Walks without recursion and stops at the first limit, so that no bomb goes off. */
function sizeFault(schema: JsonSchema): Fault | undefined {
  const open: { value: unknown; depth: number }[] = [{ value: schema, depth: 1 }]
  let nodes = 0
  let chars = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next
    chars += typeof value === 'string' ? value.length : 1
    if (typeof value === 'object' && value !== null) {
      if (++nodes > MAX_SCHEMA_NODES) return tooBig(`has more than ${MAX_SCHEMA_NODES} nodes`)
      if (depth > MAX_SCHEMA_DEPTH)
        return tooBig(`is nested deeper than ${MAX_SCHEMA_DEPTH} levels`)
      for (const name of Object.keys(value)) {
        if (name === '__proto__') return tooBig('has a member named __proto__')
        chars += Array.isArray(value) ? 1 : name.length
        open.push({ value: (value as JsonSchema)[name], depth: depth + 1 })
      }
    }
    if (chars > MAX_SCHEMA_BYTES) return tooBig(`is longer than ${MAX_SCHEMA_BYTES} bytes`)
  }
  const bytes = Buffer.byteLength(JSON.stringify(schema))
  return bytes > MAX_SCHEMA_BYTES ? tooBig(`is longer than ${MAX_SCHEMA_BYTES} bytes`) : undefined
}

function tooBig(message: string): Fault {
  return { path: '', message }
}

function patternFaults(patterns: Map<string, string>): Fault[] {
  const faults: Fault[] = []
  let size = 0
  for (const [path, source] of patterns) {
    try {
      size += linearRegExp(source).programSize()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const shown = JSON.stringify(source.slice(0, 100))
      faults.push({
        path,
        message: `has the pattern ${shown}, which cannot run in linear time: ${reason}`,
      })
    }
    if (size > MAX_PATTERNS_SIZE) {
      return [...faults, { path, message: 'has patterns that are too large together' }]
    }
  }
  return faults
}

let lastProof: Promise<unknown> = Promise.resolve()
const proved = new Set<string>()

/**
 * Compiles the schemas in one worker thread with a limit on memory and a deadline (2 s, plus 50 ms
 * for each schema after the first). One batch runs at a time, so that hostile schemas never have
 * more than one core and 64 MB, however many are sent at once. What was proved before is not
 * proved again: most changes of a listing leave its schemas as they are.
 *
 * @throws Problem `invalid_request` naming the schema that does not compile within the limits.
 */
export async function proveSchemas(
  schemas: readonly { where: string; schema: JsonSchema }[],
): Promise<void> {
  const unproved = schemas
    .map((entry) => ({ ...entry, hash: sha256Hex(canonicalJson(entry.schema)) }))
    .filter(({ hash }) => !proved.has(hash))
  if (unproved.length === 0) return
  const turn = lastProof.then(() => proveInWorker(unproved))
  lastProof = turn.catch(() => undefined)
  await turn
  if (proved.size > MAX_PROVED) proved.clear()
  for (const { hash } of unproved) proved.add(hash)
}

async function proveInWorker(
  schemas: readonly { where: string; schema: JsonSchema }[],
): Promise<void> {
  const worker = startWorker(schemas.map(({ schema }) => schema))
  let begun = 0
  let deadline: NodeJS.Timeout | undefined
  const verdict = await new Promise<string | undefined>((resolve) => {
    const allowedMs = PROOF_DEADLINE_MS + PROOF_EXTRA_MS * (schemas.length - 1)
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'done') resolve(undefined)
      else if (message.kind === 'refused') resolve(message.reason)
      else {
        begun++
        // The time that the thread takes to start is ours, not the seller's.
        deadline ??= setTimeout(() => resolve('it takes too long to compile'), allowedMs)
      }
    })
    worker.on('error', (error) => resolve(error.message))
    worker.on('exit', () => resolve('it takes too much memory to compile'))
  })
  clearTimeout(deadline)
  await worker.terminate()
  if (verdict === undefined) return
  if (begun === 0) throw new Error(`The schema worker did not start: ${verdict}`)
  const where = schemas[begun - 1]!.where
  throw new Problem('invalid_request', `The schema of ${where} cannot be used: ${verdict}.`)
}

function startWorker(schemas: readonly JsonSchema[]): Worker {
  return startThread(new URL('./prover.js', import.meta.url), {
    workerData: schemas,
    resourceLimits: {
      maxOldGenerationSizeMb: PROOF_MEMORY_MB,
      maxYoungGenerationSizeMb: 16,
      codeRangeSizeMb: 16,
    },
  })
}

/**
 * Validators of proven schemas, compiled when first asked for and kept by `hash`, the SHA-256 of
 * the schema; the one not used for longest goes first.
 *
 * A validator gives at most 20 faults, `[]` for a valid value. A member that the root's
 * `properties` does not declare is a fault, whatever else the schema says.
 */
export function createValidators({ capacity = 500 }: { capacity?: number } = {}): {
  for(schema: JsonSchema, hash: string): Validator
  /** The schema alone decides, also about arguments that it does not name. */
  forTool(schema: JsonSchema, hash: string): Validator
} {
  const kept = new Map<string, Validator>()
  return {
    for: (schema, hash) => keep(hash, () => withDeclaredOnly(schema, compileSchema(schema))),
    forTool: (schema, hash) => keep(`tool ${hash}`, () => compileSchema(schema)),
  }

  function keep(name: string, make: () => Validator): Validator {
    const validator = kept.get(name) ?? make()
    kept.delete(name)
    kept.set(name, validator)
    if (kept.size > capacity) kept.delete(kept.keys().next().value!)
    return validator
  }
}

function withDeclaredOnly(schema: JsonSchema, validate: Validator): Validator {
  const properties = isObject(schema.properties) ? schema.properties : {}
  return (value) => {
    const undeclared = isObject(value) ? undeclaredFaults(value, properties) : []
    const others = validate(value).filter(({ path }) => undeclared.every((it) => it.path !== path))
    return [...undeclared, ...others].slice(0, MAX_FAULTS)
  }
}

function undeclaredFaults(value: JsonSchema, properties: JsonSchema): Fault[] {
  return Object.keys(value)
    .filter((name) => !Object.hasOwn(properties, name))
    .slice(0, MAX_FAULTS)
    .map((name) => ({ path: `/${escapePointer(name).slice(0, 200)}`, message: 'is not declared' }))
}
