/** Looking into an OpenAPI document: references within it, its members, its texts. */
import { clip, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { isObject, resolveLocal } from '#schemas'

export type Members = Record<string, unknown>
export type Warning = { at: string; message: string }
/** Notes what could not be taken over; `at` is a JSON pointer into the document. */
export type Warn = (at: string, message: string) => void

/** A reference may lead to a reference; more hops than this are a circle. */
const MAX_HOPS = 16

/** A refusal that names the place in the document. */
export function notOpenApi(at: string, message: string): Problem {
  const place = at === '' ? 'The document' : `${at} of the document`
  return new Problem('invalid_request', `${place} ${message}.`, {
    facts: { paths: [{ path: at, message }] },
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

/** A word as text, empty for what is none: an object of a stranger may have a `toString` of its own. */
export function wordOf(value: unknown): string {
  return typeof value === 'object' || value === undefined ? '' : String(value)
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

/** What is looked at of a text to find `maxChars` of prose in it, markup and all. */
const RAW_FACTOR = 10

/** The first of `texts` that says something, as plain text, cut to `maxChars`. */
export function proseOf(maxChars: number, ...texts: unknown[]): string | undefined {
  for (const text of texts) {
    if (typeof text !== 'string') continue
    const plain = plainText(text.slice(0, RAW_FACTOR * maxChars))
    if (plain !== '') return clip(plain, maxChars)
  }
  return undefined
}

/** Lower-case words joined by hyphens, at most 64 characters; `listArticlesV2` gives `list-articles-v2`. */
export function kebabOf(text: string): string {
  return text
    .slice(0, 1_000)
    .normalize('NFKD')
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1-$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1-$2')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '')
}

/** The example beside or within a schema, of a parameter or a media type. */
export function firstExample(described: Members): unknown {
  const [named] = Object.values(membersOf(described.examples))
  const schema = membersOf(described.schema)
  return described.example ?? membersOf(named).value ?? schema.example ?? listOf(schema.examples)[0]
}

/** Whether two parts say the same; circles, which aliases of YAML can make, never do. */
export function saysTheSame(one: unknown, other: unknown): boolean {
  try {
    return one === other || JSON.stringify(one) === JSON.stringify(other)
  } catch {
    return false
  }
}
