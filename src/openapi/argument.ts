/** What an operation takes, as arguments of a call: names that differ, and how each is sent. */
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import { follow, listOf, type Members, membersOf, wordOf } from './document.js'

export type Place = 'path' | 'query' | 'header' | 'cookie' | 'body'

/** One argument of a call, its schema still as the document has it. */
export type Argument = {
  /** Its name on the wire. */
  name: string
  place: Place
  schema: unknown
  /** The `x-` annotations that say how it is sent, where that is not as plain arguments are. */
  form: Members
  /** JSON pointer to where it is described. */
  at: string
  isRequired: boolean
  description?: string
  example?: unknown
}

/** Why an operation is left out. */
export function cannot(reason: string): Problem {
  return new Problem('invalid_request', reason)
}

/**
 * The arguments by names that differ: the first keeps its own, and those of the path always do; the
 * others are called after their place, such as `body_id`, and say their own name in `x-name`.
 */
export function named(inArguments: readonly Argument[]): Map<string, Argument> {
  const found = new Map<string, Argument>()
  const ofPath = new Set(inArguments.filter(isInPath).map(({ name }) => name))
  for (const argument of inArguments) {
    const { name, place, form } = argument
    const isFree = (it: string) =>
      it !== '__proto__' && !found.has(it) && (place === 'path' || !ofPath.has(it))
    if (isFree(name)) {
      found.set(name, argument)
      continue
    }
    let other = `${place}_${name}`
    for (let number = 2; !isFree(other); number++) other = `${place}_${name}_${number}`
    // A whole body has no name on the wire.
    const isWhole = form['x-body'] !== undefined
    found.set(other, isWhole ? argument : { ...argument, form: { ...form, 'x-name': name } })
  }
  return found
}

function isInPath({ place }: Argument): boolean {
  return place === 'path'
}

const DELIMITED = ['spaceDelimited', 'pipeDelimited', 'tabDelimited']
const STYLES: Record<Place, string[]> = {
  path: ['simple', 'label', 'matrix', ...DELIMITED],
  query: ['form', 'deepObject', ...DELIMITED],
  header: ['simple', ...DELIMITED],
  cookie: ['form'],
  body: ['form', 'deepObject', ...DELIMITED],
}

/** Whether a style makes a difference: it does for lists and objects only. */
export type Kinds = { isList: boolean; isObject: boolean }

/** How many alternatives of alternatives are looked into. */
const MAX_LEVELS = 4

/** What values of a schema may be; what is not described is taken for plain. */
export function kindsOf(root: Members, schema: unknown, level = 0): Kinds {
  const resolved = follow(root, schema) ?? {}
  const types = [resolved.type].flat()
  const kinds = {
    isList: types.includes('array') || resolved.items !== undefined,
    isObject:
      types.includes('object') ||
      isObject(resolved.properties) ||
      isObject(resolved.additionalProperties),
  }
  if (level === MAX_LEVELS) return kinds
  const parts = [resolved.allOf, resolved.anyOf, resolved.oneOf].flatMap(listOf).slice(0, 50)
  for (const part of parts) {
    const inner = kindsOf(root, part, level + 1)
    kinds.isList ||= inner.isList
    kinds.isObject ||= inner.isObject
  }
  return kinds
}

/**
 * The annotations for a style as a parameter or an encoding states it, none where plain arguments
 * are sent so anyway.
 */
export function styleForm(stated: Members, place: Place, kinds: Kinds): Members {
  const fallback = STYLES[place][0]!
  const style = STYLES[place].includes(wordOf(stated.style)) ? wordOf(stated.style) : fallback
  const explode = typeof stated.explode === 'boolean' ? stated.explode : style === 'form'
  const form: Members = {}
  const isMarked = style === 'label' || style === 'matrix'
  const isTaken = kinds.isList || kinds.isObject
  // A list is repeated in a query and joined by commas elsewhere without being told.
  const isPlainList = place === 'path' ? !isTaken : !kinds.isObject || (place === 'body' && explode)
  if (style !== fallback ? isTaken || isMarked : !isPlainList) form['x-style'] = style
  if (isTaken && style !== 'deepObject' && explode !== (style === 'form')) {
    if (kinds.isObject || place !== 'header') form['x-explode'] = explode
  }
  if (stated.allowReserved === true && (place === 'query' || place === 'body')) {
    form['x-allow-reserved'] = true
  }
  return form
}

/** The JSON Schema of a file in a form. */
export function fileSchema(description: unknown): Members {
  return {
    type: 'object',
    description: typeof description === 'string' ? description : 'A file.',
    properties: {
      base64: { type: 'string', description: 'Its bytes.' },
      filename: { type: 'string' },
      content_type: { type: 'string' },
    },
    required: ['base64'],
    additionalProperties: false,
  }
}

/** Whether a text stands for bytes. */
export function isBinary(root: Members, schema: unknown): boolean {
  const resolved = follow(root, schema) ?? {}
  const isOwn = (it: Members) =>
    it.format === 'binary' ||
    (typeof it.contentMediaType === 'string' &&
      (it.contentEncoding === undefined || it.contentEncoding === 'binary'))
  const alternatives = [resolved.anyOf, resolved.oneOf].flatMap(listOf).slice(0, 50)
  return isOwn(resolved) || alternatives.some((part) => isOwn(membersOf(follow(root, part))))
}
