/**
 * Failures in a row, as calls see them: collected in memory for each listing and added to its stored
 * health every few seconds.
 */
import type { Store } from '#store'
import { addStreaks, type Streak } from './health-rows.js'
import type { Observation } from './standing.js'

export type Streaks = {
  observe(observation: Observation): void
  /** Adds what was seen since the last time to what is stored. */
  flush(): Promise<void>
}

export function createStreaks({ store }: { store: Store }): Streaks {
  let seen = new Map<string, Streak>()
  return {
    observe(observation) {
      if (observation.isArguable) return
      const slug = listingOf(observation.endpointId)
      seen.set(slug, longer(seen.get(slug), observation))
    },
    async flush() {
      if (seen.size === 0) return
      const flushed = seen
      seen = new Map()
      try {
        await addStreaks(store, flushed)
      } catch (error) {
        // What was seen since is newer, and ends a streak or goes on with it.
        for (const [slug, streak] of flushed) seen.set(slug, together(streak, seen.get(slug)))
        throw error
      }
    },
  }
}

/** The slug before the dot: slugs have none. */
function listingOf(endpointId: string): string {
  return endpointId.slice(0, endpointId.indexOf('.'))
}

const UP: Streak = { wasUp: true, failures: 0, sinceMs: 0, accounts: new Set() }

function longer(streak: Streak | undefined, { delivered, atMs, buyerId }: Observation): Streak {
  if (delivered) return UP
  const failure = { wasUp: false, failures: 1, sinceMs: atMs, accounts: new Set<string>() }
  if (buyerId !== undefined) failure.accounts.add(buyerId)
  return streak ? together(streak, failure) : failure
}

function together(earlier: Streak, later: Streak | undefined): Streak {
  if (!later) return earlier
  if (later.wasUp) return later
  return {
    wasUp: earlier.wasUp,
    failures: earlier.failures + later.failures,
    sinceMs: earlier.failures > 0 ? earlier.sinceMs : later.sinceMs,
    accounts: new Set([...earlier.accounts, ...later.accounts]),
  }
}
