/** Forgets what is kept only for a while: bodies, quotes, idempotency keys, counters; in small steps. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '#core/clock'
import { int, type Store, type Tx } from '#store'

/** Rows deleted in one statement: 50 bodies of 64 KiB hold the event loop for 3 ms. */
const STEP = 50
/** Bodies are kept up to this many bytes in all; past it the ones that expire first go first. */
const BODY_QUOTA_BYTES = 1024 * 1024 * 1024

/** Counters stay longer: a clock that is set back finds what was spent in the window before. */
const COUNTER_GRACE_MS = 2 * 60 * 60 * 1_000

type Deps = {
  store: Store
  clock: Clock
  /** Ends the round, by throwing, when it is no longer this gateway's to do. */
  fence?(tx: Tx): Promise<void>
}

/** One round. It takes all that is due, and lets calls through between its steps. */
export async function purge(deps: Deps): Promise<void> {
  const now = deps.clock.now()
  await forget(deps, 'call_bodies', ['expires_at', 'call_id'], 'expires_at', now)
  await forget(deps, 'idempotency_keys', ['key_id', 'hash'], 'expires_at', now)
  await forget(deps, 'quotes', ['id'], 'expires_at', now)
  await forget(deps, 'ledger_counters', ['scope', 'window'], 'ends_at', now - COUNTER_GRACE_MS)
  while ((await keptBytes(deps.store)) > BODY_QUOTA_BYTES) {
    const key = ['expires_at', 'call_id']
    await step(deps, (tx) => {
      const first = tx('call_bodies').orderBy(key).limit(STEP).select(key)
      return tx('call_bodies').whereIn(key, first).delete()
    })
  }
}

async function forget(
  deps: Deps,
  table: string,
  key: readonly string[],
  endsAt: string,
  nowMs: number,
): Promise<void> {
  for (let removed = STEP; removed === STEP; ) {
    removed = await step(deps, (tx) => {
      const dead = tx(table).where(endsAt, '<', nowMs).limit(STEP).select(key)
      // Somebody may have taken a key over since it was found dead.
      return tx(table).whereIn(key, dead).where(endsAt, '<', nowMs).delete()
    })
  }
}

async function step({ store, fence }: Deps, work: (tx: Tx) => Promise<number>): Promise<number> {
  const removed = await store.inTransaction(async (tx) => {
    await fence?.(tx)
    return work(tx)
  })
  await nextTurn()
  return removed
}

async function keptBytes({ db }: Store): Promise<number> {
  const kept = await db('call_bodies').sum({ bytes: 'bytes' }).first()
  return int(kept?.bytes ?? 0)
}
