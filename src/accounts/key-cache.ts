/**
 * Principals by the hash of their key, or by its id, so that a call does not ask the database who is
 * calling. An entry holds for two seconds after it was read or last known to be as it was: a key that
 * another gateway revoked is refused here no later than that, also when the clock steps back. Those who
 * ask for one key at the same time share one look.
 */
import type { Clock } from '#core/clock'
import type { Principal } from './accounts.js'

const LIFE_MS = 2_000
const MAX_ENTRIES = 10_000

export type KeyCache = {
  /** The principal that is known, or that `load` finds; one that does not exist is not kept. */
  read(name: string, load: () => Promise<Principal | undefined>): Promise<Principal | undefined>
  clear(): void
  /** No key had changed at this time since the entries were read. */
  confirm(atMs: number): void
}

export function createKeyCache(clock: Clock): KeyCache {
  const entries = new Map<string, { principal: Principal; readAtMs: number }>()
  const looks = new Map<string, Promise<Principal | undefined>>()
  let confirmedAtMs = Number.NEGATIVE_INFINITY
  return {
    read: async (name, load) => known(name) ?? looks.get(name) ?? look(name, load),
    clear() {
      entries.clear()
      // What is being read now may be what was changed: nobody else joins, and it is not kept.
      looks.clear()
    },
    confirm(atMs) {
      confirmedAtMs = atMs
    },
  }

  function known(name: string): Principal | undefined {
    const entry = entries.get(name)
    if (!entry) return undefined
    const now = clock.now()
    const isFresh = (sinceMs: number) => now >= sinceMs && now - sinceMs < LIFE_MS
    if (isFresh(entry.readAtMs) || isFresh(confirmedAtMs)) return entry.principal
    entries.delete(name)
    return undefined
  }

  async function look(
    name: string,
    load: () => Promise<Principal | undefined>,
  ): Promise<Principal | undefined> {
    const readAtMs = clock.now()
    const looking = load()
    looks.set(name, looking)
    try {
      const principal = await looking
      if (principal && looks.get(name) === looking) {
        if (entries.size >= MAX_ENTRIES) entries.clear()
        entries.set(name, { principal, readAtMs })
      }
      return principal
    } finally {
      if (looks.get(name) === looking) looks.delete(name)
    }
  }
}
