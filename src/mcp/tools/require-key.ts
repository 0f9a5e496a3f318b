import type { Principal } from '#accounts'
import { Problem } from '#core/problem'
import type { Caller } from '../surface.js'

/** @throws Problem `unauthenticated` for a caller who only looks, without a key. */
export function requireKey({ principal }: Caller): Principal {
  if (principal) return principal
  throw new Problem('unauthenticated', 'This tool needs an API key.')
}
