/**
 * Ends the calls that their gateway left behind: every hold past its deadline is released, the buyer
 * gets a receipt of zero, and nothing is ever sent again.
 */
import type { Clock } from '#core/clock'
import type { Ledger, OpenHold } from '#ledger'
import type { Store } from '#store'
import type { Sealer } from './call.js'
import { type CallRow, toCall } from './call-rows.js'
import { interrupt } from './conclude.js'

const BATCH = 100

type Deps = { store: Store; ledger: Ledger; sealer: Sealer; clock: Clock }

/**
 * @param deadlineBeforeMs holds with an earlier deadline are dead; `Infinity` at the start of a
 *   gateway that alone owns its database, when all open holds are its predecessor's.
 * @returns how many calls were ended.
 */
export async function reap(deps: Deps, deadlineBeforeMs: number): Promise<number> {
  const limitMs = Math.min(deadlineBeforeMs, Number.MAX_SAFE_INTEGER)
  for (let ended = 0; ; ) {
    const holds = await deps.ledger.openHolds(limitMs, BATCH)
    await Promise.all(holds.map((hold) => endOne(deps, hold)))
    ended += holds.length
    if (holds.length < BATCH) return ended
  }
}

async function endOne(deps: Deps, { account, reference }: OpenHold): Promise<void> {
  const [row] = await deps.store.query<CallRow>(
    'select * from calls where buyer_id = ? and id = ?',
    [account, reference],
  )
  if (!row) throw new Error(`the hold ${reference} has no call`)
  await interrupt(deps, toCall(row))
}
