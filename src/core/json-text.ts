/** JSON that comes from strangers: decoded strictly, bounded in depth, read without losing digits. */
import { Problem } from './problem.js'

export const MAX_JSON_DEPTH = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** UTF-8 text of `bytes`, or `undefined` when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Parses a request body.
 *
 * @throws Problem `invalid_request` when it is not UTF-8, not JSON, nested deeper than
 *   {@link MAX_JSON_DEPTH}, or has a member named `__proto__`.
 */
export function parseRequestJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw new Problem('invalid_request', 'The body is not valid UTF-8.')
  if (depthOf(text) > MAX_JSON_DEPTH) {
    throw new Problem('invalid_request', `The JSON is nested deeper than ${MAX_JSON_DEPTH} levels.`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Problem('invalid_request', 'The body is not valid JSON.')
  }
  if (/__proto__|\\u00/i.test(text) && hasProtoMember(value)) {
    throw new Problem('invalid_request', 'A member may not be named __proto__.')
  }
  return value
}

/** What an upstream answered, where it is JSON that is not nested too deeply to be looked into. */
export function parseAnswer(body: Uint8Array): { value: unknown } | undefined {
  const text = decodeUtf8(body)
  if (text === undefined || depthOf(text) > MAX_JSON_DEPTH) return undefined
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** How deeply brackets nest, counted without recursion. */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (inString) {
      if (char === 0x5c) i++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x7b || char === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (char === 0x7d || char === 0x5d) depth--
  }
  return deepest
}

function hasProtoMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) return true
  return Object.values(value).some(hasProtoMember)
}

/**
 * Parses an answer, but only where parsing loses nothing: `undefined` when the text is not JSON,
 * is nested too deeply, or holds a number that JavaScript would change.
 */
export function parseLossless(text: string): { value: unknown } | undefined {
  if (depthOf(text) > MAX_JSON_DEPTH) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return numbersSurvive(text) ? { value } : undefined
  } catch {
    return undefined
  }
}

/** Whether JavaScript keeps every number of `text`, which must be valid JSON. */
function numbersSurvive(text: string): boolean {
  // Any decimal of at most 15 significant digits without exponent survives; only then look closer.
  if (!/[\d.]{16}|\d[eE][+-]?\d/.test(text)) return true
  let position = 0
  while (position < text.length) {
    const char = text[position]!
    if (char === '"') position = endOfString(text, position)
    else if (char === '-' || (char >= '0' && char <= '9')) {
      const token = numberAt(text, position)!
      if (significance(token) !== significance(String(Number.parseFloat(token)))) return false
      position += token.length
    } else position++
  }
  return true
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** The number that starts at `at`, digits untouched, `undefined` when none does. */
function numberAt(text: string, at: number): string | undefined {
  NUMBER.lastIndex = at
  return NUMBER.exec(text)?.[0]
}

/** A number's digits and exponent in one normal form, so that 1.0, 1 and 10e-1 are alike. */
function significance(token: string): string {
  const [mantissa = '', exponent = '0'] = token
    .replace('-', token.startsWith('-') ? '' : '-')
    .split(/[eE]/)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = (whole + fraction).replace(/^0+/, '')
  const trimmed = digits.replace(/0+$/, '')
  if (trimmed === '') return '0'
  const power = Number.parseInt(exponent, 10) - fraction.length + digits.length - trimmed.length
  return `${token.startsWith('-') ? '-' : ''}${trimmed}e${power}`
}

/** The value that an RFC 6901 pointer names, `undefined` when there is none. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const name of pointerPath(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    // The length of an array is a property in JavaScript, but no element.
    if (Array.isArray(value) && name === 'length') return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** The member names of an RFC 6901 pointer. */
export function pointerPath(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * The raw text of the number that `pointer` names in the JSON `text`, digits untouched;
 * `undefined` when there is no number there. `text` must be valid JSON. Of members with one name
 * the last wins, as it does in `JSON.parse`. The text is walked once.
 */
export function numberTextAt(text: string, pointer: string): string | undefined {
  const at = placeOf(text, pointer)
  return at === undefined ? undefined : numberAt(text, at)
}

/** The raw text of the value that `pointer` names in the valid JSON `text`; the last of equal names. */
export function valueTextAt(text: string, pointer: string): string | undefined {
  const at = placeOf(text, pointer)
  return at === undefined ? undefined : text.slice(at, endOfValue(text, at))
}

/** Where the value starts that `pointer` names. */
function placeOf(text: string, pointer: string): number | undefined {
  const path = pointerPath(pointer)
  let found: number | undefined
  walk(skipSpace(text, 0), 0)
  return found

  /** Walks the value at `at`, which `level` names of the path lead to; gives where it ends. */
  function walk(at: number, level: number): number {
    found = level === path.length ? at : undefined
    const isObject = text[at] === '{'
    if (level === path.length || (!isObject && text[at] !== '[')) return endOfValue(text, at)
    let position = skipSpace(text, at + 1)
    for (let index = 0; text[position] !== '}' && text[position] !== ']'; index++) {
      let name = String(index)
      if (isObject) ({ name, position } = memberAt(text, position))
      const end = name === path[level] ? walk(position, level + 1) : endOfValue(text, position)
      position = nextPart(text, end)
    }
    return position + 1
  }
}

/** The members of the object `text`, which must be valid JSON, as they stand there; the last of equal names. */
export function memberTexts(text: string): Map<string, string> {
  const members = new Map<string, string>()
  for (let at = firstPart(text); text[at] !== '}'; ) {
    const { name, position } = memberAt(text, at)
    const end = endOfValue(text, position)
    members.set(name, text.slice(position, end))
    at = nextPart(text, end)
  }
  return members
}

/** The elements of the array `text`, which must be valid JSON, as they stand there. */
export function elementTexts(text: string): string[] {
  const elements: string[] = []
  for (let at = firstPart(text); text[at] !== ']'; ) {
    const end = endOfValue(text, at)
    elements.push(text.slice(at, end))
    at = nextPart(text, end)
  }
  return elements
}

/** JSON of an object, its members as their texts are. */
export function objectText(members: Iterable<readonly [name: string, text: string]>): string {
  const parts = Array.from(members, ([name, text]) => `${JSON.stringify(name)}:${text}`)
  return `{${parts.join(',')}}`
}

/** Where the first part of the object or array `text` starts, or its end. */
function firstPart(text: string): number {
  return skipSpace(text, skipSpace(text, 0) + 1)
}

/** Where the part after the one that ends at `end` starts, or the end of all. */
function nextPart(text: string, end: number): number {
  const position = skipSpace(text, end)
  return text[position] === ',' ? skipSpace(text, position + 1) : position
}

/** The name of the member at `at`, and where its value starts. */
function memberAt(text: string, at: number): { name: string; position: number } {
  const end = endOfString(text, at)
  const name = JSON.parse(text.slice(at, end))
  return { name, position: skipSpace(text, skipSpace(text, end) + 1) }
}

function skipSpace(text: string, at: number): number {
  let position = at
  while (position < text.length && text.charCodeAt(position) <= 0x20) position++
  return position
}

function endOfString(text: string, at: number): number {
  let position = at + 1
  while (text[position] !== '"') position += text[position] === '\\' ? 2 : 1
  return position + 1
}

function endOfValue(text: string, at: number): number {
  if (text[at] === '"') return endOfString(text, at)
  let depth = 0
  let position = at
  while (position < text.length) {
    const char = text[position]
    if (char === '"') {
      position = endOfString(text, position)
      continue
    }
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') {
      if (depth === 0) return position
      depth--
      if (depth === 0) return position + 1
    } else if (depth === 0 && (char === ',' || char!.charCodeAt(0) <= 0x20)) return position
    position++
  }
  return position
}
