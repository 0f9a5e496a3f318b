/** Reading an OpenAPI document: text to objects, references within it, what is wrong with it. */
import { CST, Lexer, parse, YAMLError } from 'yaml'
import { Problem } from '#core/problem'
import { isObject, resolveLocal } from '#schemas'

export type Members = Record<string, unknown>
export type Warning = { at: string; message: string }
/** Notes what could not be taken over; `at` is a JSON pointer into the document. */
export type Warn = (at: string, message: string) => void

const MAX_TEXT_BYTES = 5 * 1024 * 1024
const MAX_ALIASES = 100
/** YAML nests by brackets, by dashes within a line, and by indentation. */
const MAX_BRACKETS = 64
const MAX_INDICATORS_IN_LINE = 16
const MAX_INDENT = 400
/** Parsing this many takes some two seconds; the largest public descriptions have 420,000. */
const MAX_TOKENS = 1_000_000
/** A reference may lead to a reference; more hops than this are a circle. */
const MAX_HOPS = 16

/**
 * The document as objects, its version and its paths checked.
 *
 * @throws Problem `invalid_request` saying where it is not an OpenAPI 3.0 or 3.1 document.
 */
export function readDocument(document: unknown): Members & { paths: Members } {
  const root = typeof document === 'string' ? parseText(document) : document
  if (!isObject(root)) throw notOpenApi('', 'is not an object')
  if (root.swagger !== undefined) {
    throw new Problem(
      'invalid_request',
      `The document is Swagger ${String(root.swagger)}; only OpenAPI 3.0 and 3.1 are read.`,
      { action: 'Convert the document to OpenAPI 3 and send it again.' },
    )
  }
  const version = root.openapi
  if (typeof version !== 'string') throw notOpenApi('/openapi', 'must be a version such as "3.1.0"')
  if (!/^3\.[01](\.|$)/.test(version)) {
    throw notOpenApi('/openapi', `is ${version.slice(0, 20)}; only 3.0 and 3.1 are read`)
  }
  if (!isObject(root.paths)) throw notOpenApi('/paths', 'must be an object of paths')
  return root as Members & { paths: Members }
}

/** A refusal that names the place in the document. */
export function notOpenApi(at: string, message: string): Problem {
  const place = at === '' ? 'The document' : `${at} of the document`
  return new Problem('invalid_request', `${place} ${message}.`, {
    facts: { paths: [{ path: at, message }] },
  })
}

function parseText(text: string): unknown {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw notOpenApi('', `is larger than ${MAX_TEXT_BYTES} bytes`)
  }
  try {
    return /^\s*\{/.test(text) ? JSON.parse(text) : parseYaml(text)
  } catch (error) {
    if (error instanceof SyntaxError) throw notOpenApi('', `is not valid JSON: ${error.message}`)
    if (error instanceof YAMLError) throw notOpenApi('', `is not valid YAML: ${error.message}`)
    // Too many aliases, or nesting that exhausts the stack of the parser.
    if (error instanceof ReferenceError || error instanceof RangeError) {
      throw notOpenApi('', 'is nested too deeply or repeats itself too often')
    }
    throw error
  }
}

/** The parser takes gigabytes for a short text of many dashes, so its tokens are looked at before. */
function refuseHeavyYaml(text: string): void {
  let brackets = 0
  let indicators = 0
  let tokens = 0
  let isScalar = false
  for (const token of new Lexer().lex(text)) {
    // The lexer announces the text of a scalar with a token of its own.
    const type = isScalar ? 'scalar' : CST.tokenType(token)
    isScalar = token === CST.SCALAR
    if (type === 'newline') indicators = 0
    else if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--
    else if (brackets === 0 && type?.endsWith('-ind')) indicators++
    if (++tokens > MAX_TOKENS) throw notOpenApi('', 'has too many parts')
    const isIndented = type === 'space' && token.length > MAX_INDENT
    if (isIndented || brackets > MAX_BRACKETS || indicators > MAX_INDICATORS_IN_LINE) {
      throw notOpenApi('', 'is nested too deeply')
    }
  }
}

function parseYaml(text: string): unknown {
  refuseHeavyYaml(text)
  // Looking for equal keys compares each with all others, which a long document makes slow.
  return parse(text, {
    maxAliasCount: MAX_ALIASES,
    uniqueKeys: false,
    logLevel: 'error',
    prettyErrors: false,
  })
}

/**
 * `value`, or what its `$ref` leads to within the document; `undefined` when that is no object, a
 * circle, or outside the document.
 */
export function follow(root: unknown, value: unknown): Members | undefined {
  let current = value
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    if (!isObject(current)) return undefined
    if (typeof current.$ref !== 'string') return current
    current = resolveLocal(root, current.$ref)
  }
  return undefined
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

export function membersOf(value: unknown): Members {
  return isObject(value) ? value : {}
}

/** Control, zero-width and bidirectional characters hide text from people but not from models. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g

/** The first of `texts` that says something, without invisible characters, cut to `maxChars`. */
export function proseOf(maxChars: number, ...texts: unknown[]): string | undefined {
  for (const text of texts) {
    if (typeof text !== 'string') continue
    const clean = text.replace(INVISIBLE, '').trim()
    if (clean === '') continue
    return clean.length <= maxChars ? clean : `${clean.slice(0, maxChars - 1).toWellFormed()}…`
  }
  return undefined
}

/** Lower-case words joined by hyphens, at most 64 characters; `listArticlesV2` gives `list-articles-v2`. */
export function kebabOf(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1-$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1-$2')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '')
}

/** The media type object of JSON, also with parameters such as a charset. */
export function jsonContent(content: unknown): unknown {
  const found = Object.entries(membersOf(content)).find(([type]) =>
    /^application\/json\s*(;|$)/i.test(type),
  )
  return found?.[1]
}

/** The example beside or within a schema, of a parameter or a media type. */
export function firstExample(described: Members): unknown {
  const [named] = Object.values(membersOf(described.examples))
  const schema = membersOf(described.schema)
  return described.example ?? membersOf(named).value ?? schema.example ?? listOf(schema.examples)[0]
}
