/**
 * How often somebody may try something. Counted in the database, in windows that begin on the clock,
 * so that gateways which share one count together. Who tried is kept as a hash.
 */
import { hash } from 'node:crypto'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { int, type Store } from '#store'

export type Rule = { name: string; most: number; windowMs: number }

export type Throttle = {
  /** Counts one try of `subject`. @throws Problem `rate_limited` past the most of this window. */
  take(rule: Rule, subject: string): Promise<void>
  /** `subject` did nothing wrong: its tries no longer count. */
  forgive(rule: Rule, subject: string): Promise<void>
  /** Deletes what no longer counts. */
  purge(): Promise<void>
}

/** No window is longer. */
const LONGEST_WINDOW_MS = 24 * 60 * 60_000

export function createThrottle({ store, clock }: { store: Store; clock: Clock }): Throttle {
  const startOf = ({ windowMs }: Rule) => Math.floor(clock.now() / windowMs) * windowMs
  return {
    async take(rule, subject) {
      const windowStart = startOf(rule)
      const [row] = await store
        .db('attempts')
        .insert({ scope: scopeOf(rule, subject), window_start: windowStart, count: 1 })
        .onConflict(['scope', 'window_start'])
        .merge({ count: store.db.raw('attempts.count + 1') })
        .returning('count')
      if (int(row.count) <= rule.most) return
      throw new Problem('rate_limited', 'There were too many tries.', {
        action: 'Wait, then try again.',
        retryAfterMs: windowStart + rule.windowMs - clock.now(),
      })
    },
    async forgive(rule, subject) {
      await store
        .db('attempts')
        .where({ scope: scopeOf(rule, subject) })
        .delete()
    },
    async purge() {
      const oldest = clock.now() - LONGEST_WINDOW_MS
      await store.db('attempts').where('window_start', '<', oldest).delete()
    },
  }
}

function scopeOf({ name }: Rule, subject: string): string {
  return `${name}:${hash('sha256', subject)}`
}
