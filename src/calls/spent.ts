/** What a buyer paid for an endpoint: a measure of how well it knows it, not a statement. */
import { type Nanos, nanos } from '#core/money'
import type { Store } from '#store'

/** A buyer's latest calls that are looked at: a buyer of millions is not read through for a mark. */
const LATEST_CALLS = 5_000

/** What the account's latest 5,000 calls paid for the endpoint, without fees, in nano-USDC. */
export async function spentOn(store: Store, buyerId: string, endpointId: string): Promise<Nanos> {
  const [row] = await store.query<{ spent: bigint | null }>(
    `select cast(sum(latest.charge) as bigint) as spent
     from (select endpoint_id, outcome, charge from calls
           where buyer_id = ? order by id desc limit ${LATEST_CALLS}) as latest
     where latest.endpoint_id = ? and latest.outcome = 'charged'`,
    [buyerId, endpointId],
  )
  return nanos(row?.spent ?? 0n)
}
