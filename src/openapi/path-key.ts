/** A key of `paths` as the path that is sent: many documents put more into it than a path. */
import { cannot } from './argument.js'

export type PathKey = {
  path: string
  /** What the key says behind a question mark: sent with every call. */
  fixedQuery: [name: string, value: string][]
}

/**
 * A fragment tells operations apart and is never sent; what must be percent-encoded is.
 *
 * @throws Problem `invalid_request` with the reason why the operation is left out.
 */
export function readPathKey(key: string): PathKey {
  const [beforeFragment = ''] = key.split('#', 1)
  const [path = '', ...rest] = beforeFragment.split('?')
  const query = rest.join('?')
  if (/[{}]/.test(query)) throw cannot('its path has variables in a query')
  return { path: encodeLiterals(path), fixedQuery: [...new URLSearchParams(query)] }
}

/** Every second part of the split is a variable, which stays as it is. */
function encodeLiterals(path: string): string {
  return path
    .toWellFormed()
    .split(/(\{[^{}]*\})/)
    .map((part, i) =>
      i % 2 === 1 ? part : part.replace(/[^\x21-\x7e]+|["<>`^]/g, encodeURIComponent),
    )
    .join('')
}
