/** What the database holds of one market, read past the gateways. Amounts are nano-USDC. */
import type { Outcome } from '#calls'
import { findCall, pastOutcome } from '#calls'
import type { KeptReceipt } from '../faults/kept-records.js'
import { type Database, vault } from './adapter.js'
import type { Market } from './market.js'

export type StoredCall = {
  id: string
  buyer_id: string
  key_id: string
  seller_id: string
  endpoint_id: string
  version: bigint
  outcome: string
  code: string | null
  started_at: bigint
  hold: bigint
  charge: bigint
  fee: bigint
  idempotency_hash: string | null
  quote_id: string | null
  response_hash: string | null
  body_expires_at: bigint | null
  receipt_id: string | null
}

const CALLS = `
  select id, buyer_id, key_id, seller_id, endpoint_id, version, outcome, code, started_at, hold,
    charge, fee, idempotency_hash, quote_id, response_hash, body_expires_at, receipt_id
  from calls where buyer_id = ? order by id`

const RECEIPTS = `
  select id, call_id, buyer_id, chain, seq, jws from receipts where buyer_id = ?
  order by chain, seq`

export function storedCalls(database: Database, market: Market): Promise<StoredCall[]> {
  return ofAllBuyers(market, (id) => database.store.query<StoredCall>(CALLS, [id]))
}

export function storedReceipts(database: Database, market: Market): Promise<KeptReceipt[]> {
  return ofAllBuyers(market, (id) => database.store.query<KeptReceipt>(RECEIPTS, [id]))
}

/** What any gateway would answer to a retry of a call that is over. */
export async function storedOutcome(
  { store, ledger }: Database,
  call: StoredCall,
): Promise<Outcome> {
  const found = await findCall(store, call.buyer_id, call.id)
  return pastOutcome({ store, ledger, sealer: vault }, found)
}

async function ofAllBuyers<T>(
  { buyers }: Market,
  read: (id: string) => Promise<T[]>,
): Promise<T[]> {
  return (await Promise.all(buyers.map(({ id }) => read(id)))).flat()
}
