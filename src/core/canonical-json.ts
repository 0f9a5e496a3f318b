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
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Problem('invalid_request', 'A number is not finite.')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([name, member]) => `${quoted(name)}:${canonicalJson(member)}`).join(',')}}`
  }
  throw new Problem('invalid_request', `A ${typeof value} has no JSON form.`)
}

function quoted(text: string): string {
  if (!text.isWellFormed()) {
    throw new Problem('invalid_request', 'A string has a lone surrogate, which has no UTF-8 form.')
  }
  return JSON.stringify(text)
}

/** SHA-256 in lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data)
}
