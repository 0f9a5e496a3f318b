/** The members of a JSON request body as arguments beside those of path, query and header. */
import { Problem } from '#core/problem'
import {
  firstExample,
  follow,
  jsonContent,
  listOf,
  type Members,
  membersOf,
  type Warn,
} from './document.js'
import { namesOf } from './schema.js'

/** One argument of a call, its schema still as the document has it. */
export type Argument = {
  name: string
  place: 'path' | 'query' | 'header' | 'body'
  schema: unknown
  /** JSON pointer to where it is described. */
  at: string
  isRequired: boolean
  description?: string
  example?: unknown
}

type Shape = { properties: Map<string, unknown>; required: Set<string> }

/** Parts of a body's schema that are looked at, references counted each time. */
const MAX_PARTS = 500

/**
 * @throws Problem `invalid_request` with the reason why this body cannot be sent.
 */
export function bodyArguments(from: {
  root: Members
  method: string
  operation: Members
  at: string
  warn: Warn
}): Argument[] {
  const { root, method, operation, warn } = from
  if (operation.requestBody === undefined) return []
  const at = `${from.at}/requestBody`
  const body = follow(root, operation.requestBody)
  const content = membersOf(body?.content)
  const types = Object.keys(content)
  if (types.length === 0) return []
  if (method === 'GET' || method === 'HEAD') {
    warn(at, `${method} sends no body; it is left out.`)
    return []
  }
  const media = jsonContent(content)
  if (media === undefined) {
    throw new Problem('invalid_request', `its body is ${types.slice(0, 3).join(', ')}, not JSON`)
  }
  const shape = shapeOf(root, membersOf(media).schema, { left: MAX_PARTS })
  if (shape === undefined || shape.properties.size === 0) {
    throw new Problem('invalid_request', 'its body is not an object with declared properties')
  }
  return argumentsOf(root, shape, membersOf(media), { at, isSent: body?.required === true })
}

/** Where the body itself may be left out, none of its members is required. */
function argumentsOf(
  root: Members,
  shape: Shape,
  media: Members,
  { at, isSent }: { at: string; isSent: boolean },
): Argument[] {
  const examples = membersOf(firstExample(media))
  return [...shape.properties].flatMap(([name, schema]) => {
    const described = follow(root, schema)
    if (described?.readOnly === true) return []
    const isRequired = isSent && shape.required.has(name)
    const own = Object.hasOwn(examples, name) ? examples[name] : described?.example
    const example = own === undefined ? {} : { example: own }
    return [{ name, place: 'body' as const, schema, at, isRequired, ...example }]
  })
}

/**
 * The members of an object schema, collected through references, `allOf`, and alternatives: of
 * those, all members are known and those required that each of them requires. `undefined` for what
 * is no object.
 */
function shapeOf(root: Members, schema: unknown, parts: { left: number }): Shape | undefined {
  const resolved = follow(root, schema)
  if (resolved === undefined || --parts.left < 0) return undefined
  const types = [resolved.type].flat()
  if (resolved.type !== undefined && !types.includes('object')) return undefined
  const shape: Shape = {
    properties: new Map(
      Object.entries(membersOf(resolved.properties)).filter(([name]) => name !== '__proto__'),
    ),
    required: new Set(namesOf(resolved.required)),
  }
  for (const part of listOf(resolved.allOf)) {
    const inner = shapeOf(root, part, parts)
    if (inner === undefined) return undefined
    addProperties(shape, inner, 'allOf')
    for (const name of inner.required) shape.required.add(name)
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    const alternatives = listOf(resolved[keyword]).flatMap(
      (part) => shapeOf(root, part, parts) ?? [],
    )
    if (alternatives.length === 0 && listOf(resolved[keyword]).length > 0) return undefined
    addAlternatives(shape, alternatives)
  }
  return shape
}

function addAlternatives(shape: Shape, alternatives: readonly Shape[]): void {
  const [first, ...others] = alternatives
  if (first === undefined) return
  const union: Shape = { properties: new Map(), required: new Set() }
  for (const alternative of alternatives) addProperties(union, alternative, 'anyOf')
  addProperties(shape, union, 'allOf')
  for (const name of first.required) {
    if (others.every(({ required }) => required.has(name))) shape.required.add(name)
  }
}

/** A member described twice must fit both (`allOf`) or either description (`anyOf`). */
function addProperties(into: Shape, from: Shape, keyword: 'allOf' | 'anyOf'): void {
  for (const [name, schema] of from.properties) {
    const known = into.properties.get(name)
    const isNew = known === undefined || isSame(known, schema)
    into.properties.set(name, isNew ? schema : { [keyword]: [known, schema] })
  }
}

function isSame(one: unknown, other: unknown): boolean {
  const reference = membersOf(one).$ref
  return one === other || (reference !== undefined && reference === membersOf(other).$ref)
}
