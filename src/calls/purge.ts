/** Forgets what is kept only for a while: bodies, quotes and idempotency keys, in small steps. */
import type { Clock } from '#core/clock'
import { int, type Store } from '#store'

/** Rows deleted in one statement, so that no step holds the database for long. */
const STEP = 500
/** Bodies are kept up to this many bytes in all; past it the ones that expire first go first. */
const BODY_QUOTA_BYTES = 1024 * 1024 * 1024

type Deps = { store: Store; clock: Clock }

/** One round; what it leaves the next one takes. */
export async function purge({ store, clock }: Deps): Promise<void> {
  const now = clock.now()
  const { db } = store
  for (const [table, id] of [
    ['call_bodies', 'call_id'],
    ['idempotency_keys', 'hash'],
    ['quotes', 'id'],
  ] as const) {
    const dead = db(table).where('expires_at', '<', now).limit(STEP).select(id)
    await db(table).where('expires_at', '<', now).whereIn(id, dead).delete()
  }
  const ended = db('ledger_counters').where('ends_at', '<', now).limit(STEP)
  await db('ledger_counters').whereIn(['scope', 'window'], ended.select('scope', 'window')).delete()
  const held = await db('call_bodies').sum({ bytes: 'bytes' }).first()
  if (int(held?.bytes ?? 0) > BODY_QUOTA_BYTES) {
    const first = db('call_bodies').orderBy('expires_at').limit(STEP).select('call_id')
    await db('call_bodies').whereIn('call_id', first).delete()
  }
}
