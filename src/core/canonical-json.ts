/** RFC 8785 canonical JSON and the hashes taken over it. */
import { hash } from 'node:crypto'
import { Problem } from './problem.js'

/**
 * The RFC 8785 form: members sorted by UTF-16 code units, ECMAScript numbers, no white space.
 * Members whose value is `undefined` are left out, as `JSON.stringify` does.
 *
 * @throws Problem `invalid_request` for a number that is not finite or a string with a lone surrogate.
 */
export function canonicalJson(value: unknown): string {
  return write(value)
}

/**
 * {@link canonicalJson} for many values that share parts: an object that was met before is not
 * written out again, so none of them may change meanwhile.
 */
export function createCanonicalJson(): (value: unknown) => string {
  const written = new WeakMap<object, string>()
  return (value) => write(value, written)
}

function write(value: unknown, written?: WeakMap<object, string>): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Problem('invalid_request', 'A number is not finite.')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => write(item ?? null, written)).join(',')}]`
  }
  if (typeof value !== 'object') {
    throw new Problem('invalid_request', `A ${typeof value} has no JSON form.`)
  }
  const text = written?.get(value) ?? writeObject(value as Record<string, unknown>, written)
  written?.set(value, text)
  return text
}

/** Calls and imports spend much of their time here, so it makes no array for each member. */
function writeObject(value: Record<string, unknown>, written?: WeakMap<object, string>): string {
  let text = ''
  // Without a comparison, texts are sorted by UTF-16 code units.
  for (const name of Object.keys(value).sort()) {
    const member = value[name]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${quoted(name)}:${write(member, written)}`
  }
  return `{${text}}`
}

function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  if (!text.isWellFormed()) {
    throw new Problem('invalid_request', 'A string has a lone surrogate, which has no UTF-8 form.')
  }
  return JSON.stringify(text)
}

/** Short texts that are their own JSON form, as nearly all names are. */
const PLAIN = /^[ !#-[\]-~]{0,64}$/

/** SHA-256 in lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data)
}
