/**
 * Ends the calls that their gateway left behind: every hold past its deadline is released, the buyer
 * gets a receipt of zero, and nothing is ever sent again. A call that runs in this process is not
 * left behind, whatever the time is: a clock that jumps ahead gives no answer away.
 */
import type { Clock } from '#core/clock'
import type { Ledger, OpenHold } from '#ledger'
import type { Store } from '#store'
import type { Sealer } from './call.js'
import { type CallRow, toCall } from './call-rows.js'
import { interrupt } from './conclude.js'
import type { Running } from './recall.js'

const BATCH = 100

type Deps = { store: Store; ledger: Ledger; sealer: Sealer; clock: Clock; running: Running }

/**
 * @param deadlineBeforeMs holds with an earlier deadline are dead; `Infinity` at the start of a
 *   gateway that alone owns its database, when all open holds are its predecessor's.
 * @returns how many calls were ended.
 */
export async function reap(deps: Deps, deadlineBeforeMs: number): Promise<number> {
  const limitMs = Math.min(deadlineBeforeMs, Number.MAX_SAFE_INTEGER)
  for (let ended = 0; ; ) {
    // However many run here, so many more are asked for that a whole batch is left.
    const limit = BATCH + deps.running.size
    const holds = await deps.ledger.openHolds(limitMs, limit)
    const dead = holds.filter(({ reference }) => !deps.running.has(reference))
    await Promise.all(dead.map((hold) => endOne(deps, hold)))
    ended += dead.length
    if (holds.length < limit) return ended
  }
}

async function endOne(deps: Deps, { account, reference }: OpenHold): Promise<void> {
  const [row] = await deps.store.query<CallRow>(
    `select * from calls where buyer_id = ? and id = ?
     union all select * from calls where payer_id = ? and id = ?`,
    [account, reference, account, reference],
  )
  if (!row) throw new Error(`the hold ${reference} has no call`)
  await interrupt(deps, toCall(row))
}
