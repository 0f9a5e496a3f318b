/**
 * Principals by the hash of their key, so that a call does not ask the database who is calling.
 * Entries live two seconds: a key that another gateway revoked is refused here no later than that.
 */
import type { Clock } from '#core/clock'
import type { Principal } from './accounts.js'

const LIFE_MS = 2_000
const MAX_ENTRIES = 10_000

export type KeyCache = {
  /** The principal that is known, or that `load` finds; one that does not exist is not kept. */
  read(hash: string, load: () => Promise<Principal | undefined>): Promise<Principal | undefined>
  clear(): void
}

export function createKeyCache(clock: Clock): KeyCache {
  const entries = new Map<string, { principal: Principal; untilMs: number }>()
  let clears = 0
  return {
    async read(hash, load) {
      const entry = entries.get(hash)
      if (entry && entry.untilMs > clock.now()) return entry.principal
      entries.delete(hash)
      const clearsBefore = clears
      const principal = await load()
      // What was read before a revocation must not outlive it here.
      if (!principal || clears !== clearsBefore) return principal
      if (entries.size >= MAX_ENTRIES) entries.clear()
      entries.set(hash, { principal, untilMs: clock.now() + LIFE_MS })
      return principal
    },
    clear() {
      clears++
      entries.clear()
    },
  }
}
