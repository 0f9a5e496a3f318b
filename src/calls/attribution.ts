/** What the headers of a request say of a call beside what it is: the same on every face. */
import { Problem } from '#core/problem'

/** See `Order`. */
export type Attribution = { tag: string | undefined; trace: string | undefined }

type Headers = Record<string, string | string[] | undefined>

/** The first one that is there counts. */
const TAG_HEADERS = ['x-souk-tag', 'x-aig-tag'] as const
/** What travels on in headers, and finds calls again in usage. */
const TAG = /^[\x20-\x7e]{1,100}$/

/**
 * The buyer's word that a cost is attributed to, and the trace of a call in whose course this one is
 * made.
 *
 * @throws Problem `invalid_request` for a tag that is not plain ASCII, or longer than 100 characters.
 */
export function attributionIn(headers: Headers): Attribution {
  return { tag: tagIn(headers), trace: textIn(headers, 'x-souk-trace') }
}

function tagIn(headers: Headers): string | undefined {
  const name = TAG_HEADERS.find((name) => textIn(headers, name) !== undefined)
  const tag = name && textIn(headers, name)
  if (tag === undefined || TAG.test(tag)) return tag
  throw new Problem('invalid_request', `${name} must be at most 100 printable ASCII characters.`)
}

function textIn(headers: Headers, name: string): string | undefined {
  const text = headers[name]
  return typeof text === 'string' && text !== '' ? text : undefined
}
