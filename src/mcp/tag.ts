/** The word by which a buyer attributes the cost of its calls, from the header `x-souk-tag`. */
import type { IncomingMessage } from 'node:http'

const MAX_LENGTH = 100

export function tagOf(req: IncomingMessage): string | undefined {
  const tag = req.headers['x-souk-tag']
  return typeof tag === 'string' && tag !== '' ? tag.slice(0, MAX_LENGTH) : undefined
}
