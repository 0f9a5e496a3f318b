/** Forgets what is kept only for a while: bodies, quotes, idempotency keys, counters; in small steps. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '#core/clock'
import { type Db, int, type Store } from '#store'

/** Rows deleted in one statement: 50 bodies of 64 KiB hold the event loop for 3 ms. */
const STEP = 50
/** Bodies are kept up to this many bytes in all; past it the ones that expire first go first. */
const BODY_QUOTA_BYTES = 1024 * 1024 * 1024

/** Counters stay longer: a clock that is set back finds what was spent in the window before. */
const COUNTER_GRACE_MS = 2 * 60 * 60 * 1_000

type Deps = { store: Store; clock: Clock }

/** One round. It takes all that is due, and lets calls through between its steps. */
export async function purge({ store: { db }, clock }: Deps): Promise<void> {
  const now = clock.now()
  await forget(db, 'call_bodies', ['expires_at', 'call_id'], 'expires_at', now)
  await forget(db, 'idempotency_keys', ['key_id', 'hash'], 'expires_at', now)
  await forget(db, 'quotes', ['id'], 'expires_at', now)
  await forget(db, 'ledger_counters', ['scope', 'window'], 'ends_at', now - COUNTER_GRACE_MS)
  while ((await keptBytes(db)) > BODY_QUOTA_BYTES) {
    const key = ['expires_at', 'call_id']
    const first = db('call_bodies').orderBy(key).limit(STEP).select(key)
    await db('call_bodies').whereIn(key, first).delete()
    await nextTurn()
  }
}

async function forget(
  db: Db,
  table: string,
  key: readonly string[],
  endsAt: string,
  nowMs: number,
): Promise<void> {
  for (let removed = STEP; removed === STEP; ) {
    const dead = db(table).where(endsAt, '<', nowMs).limit(STEP).select(key)
    removed = await db(table).whereIn(key, dead).delete()
    await nextTurn()
  }
}

async function keptBytes(db: Db): Promise<number> {
  const kept = await db('call_bodies').sum({ bytes: 'bytes' }).first()
  return int(kept?.bytes ?? 0)
}
