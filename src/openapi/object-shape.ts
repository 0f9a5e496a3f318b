/** The members of an object schema, wherever it says them. */
import { isObject } from '#schemas'
import { follow, listOf, type Members, membersOf } from './document.js'
import { namesOf } from './schema.js'

export type Shape = {
  properties: Map<string, unknown>
  required: Set<string>
  /** Whether members beyond these are described too. */
  isOpen: boolean
}

/** Parts of a schema that are looked at, references counted each time. */
const MAX_PARTS = 500

/** The shape of an object schema, or `undefined` for what is no object, or none for certain. */
export function shapeOf(root: Members, schema: unknown): Shape | undefined {
  return partShape(root, schema, { left: MAX_PARTS })
}

/**
 * The members of an object schema, collected through references, `allOf`, and alternatives: of
 * those, all members are known and those required that each of them requires. `undefined` for what
 * is no object, or need not be one.
 */
function partShape(root: Members, schema: unknown, parts: { left: number }): Shape | undefined {
  const resolved = follow(root, schema)
  if (resolved === undefined || --parts.left < 0) return undefined
  const types = [resolved.type].flat()
  if (resolved.type !== undefined && !types.includes('object')) return undefined
  const shape: Shape = {
    properties: new Map(
      Object.entries(membersOf(resolved.properties)).filter(([name]) => name !== '__proto__'),
    ),
    required: new Set(namesOf(resolved.required)),
    isOpen: isObject(resolved.additionalProperties) || resolved.additionalProperties === true,
  }
  for (const part of listOf(resolved.allOf)) {
    const inner = partShape(root, part, parts)
    if (inner === undefined) return undefined
    addProperties(shape, inner, 'allOf')
    shape.isOpen ||= inner.isOpen
    for (const name of inner.required) shape.required.add(name)
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    const alternatives = listOf(resolved[keyword])
      .filter((part) => membersOf(part).type !== 'null')
      .map((part) => partShape(root, part, parts))
    if (!alternatives.every((it) => it !== undefined)) return undefined
    addAlternatives(shape, alternatives)
  }
  return shape
}

function addAlternatives(shape: Shape, alternatives: readonly Shape[]): void {
  const [first, ...others] = alternatives
  if (first === undefined) return
  const union: Shape = { properties: new Map(), required: new Set(), isOpen: false }
  for (const alternative of alternatives) addProperties(union, alternative, 'anyOf')
  addProperties(shape, union, 'allOf')
  shape.isOpen ||= alternatives.some(({ isOpen }) => isOpen)
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
