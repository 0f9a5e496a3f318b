/**
 * Principals by the hash of their key, so that a call does not ask the database who is calling.
 * Entries live two seconds: a key that another gateway revoked is refused here no later than that.
 */
import type { Clock } from '#core/clock'
import type { Principal } from './accounts.js'

const LIFE_MS = 2_000
const MAX_ENTRIES = 10_000

export type KeyCache = {
  get(hash: string): Principal | undefined
  put(hash: string, principal: Principal | undefined): Principal | undefined
  clear(): void
}

export function createKeyCache(clock: Clock): KeyCache {
  const entries = new Map<string, { principal: Principal; untilMs: number }>()
  return {
    get(hash) {
      const entry = entries.get(hash)
      if (entry && entry.untilMs > clock.now()) return entry.principal
      entries.delete(hash)
      return undefined
    },
    put(hash, principal) {
      if (!principal) return undefined
      if (entries.size >= MAX_ENTRIES) entries.clear()
      entries.set(hash, { principal, untilMs: clock.now() + LIFE_MS })
      return principal
    },
    clear: () => entries.clear(),
  }
}
