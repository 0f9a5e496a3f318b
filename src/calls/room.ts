/** Whether a listing's limits leave room for a probe, which is no call and is not counted as one. */
import type { Listing } from '#catalogue'
import type { Ledger } from '#ledger'
import { listingCounters } from './counters.js'

/** A probe steps aside where buyers have used more than this part of any limit. */
const HALF = 2n

/**
 * Whether half of each of the listing's limits, or more, is free now; where it is paused there are no
 * buyers to step aside for, and room for one call is enough.
 */
export async function hasRoom(
  { ledger }: { ledger: Pick<Ledger, 'usedOf' | 'now'> },
  { id, limits, status }: Pick<Listing, 'id' | 'limits' | 'status'>,
): Promise<boolean> {
  if (Object.keys(limits).length === 0) return true
  const counters = listingCounters({ listingId: id, limits }, await ledger.now())
  const used = await ledger.usedOf(counters)
  return counters.every(({ ceiling }, i) =>
    status === 'paused' ? used[i]! < ceiling : used[i]! * HALF <= ceiling,
  )
}
