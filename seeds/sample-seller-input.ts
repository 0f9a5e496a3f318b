import { decodeUtf8 } from '#core/json-text'
import { badInput } from './sample-seller-refusal.js'

/** The query argument `name`; refused when it is absent or empty. */
export function textIn(query: URLSearchParams, name: string): string {
  const text = query.get(name)
  if (!text) throw badInput(`The query argument "${name}" is missing.`)
  return text
}

const DECIMAL = /^[+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,2})?$/

/** The query argument `name` as a number between `least` and `most`, both included. */
export function numberIn(
  query: URLSearchParams,
  name: string,
  { least, most }: { least: number; most: number },
): number {
  const text = textIn(query, name)
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) {
    throw badInput(`"${name}" must be a number from ${least} to ${most}.`)
  }
  return value
}

/** The members of a JSON body. */
export function objectIn(body: Uint8Array): Record<string, unknown> {
  const text = decodeUtf8(body)
  if (text === undefined) throw badInput('The body is not valid UTF-8.')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badInput('The body is not valid JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput('The body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

/** The member `text` of a JSON body. */
export function bodyText(body: Record<string, unknown>): string {
  if (typeof body.text !== 'string' || body.text === '') {
    throw badInput('"text" must be a string that is not empty.')
  }
  return body.text
}
