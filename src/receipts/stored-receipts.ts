/** Receipts in the database: written once, never changed, readable by both parties. */
import { sha256Hex } from '#core/canonical-json'
import { Problem } from '#core/problem'
import { defineWrite, int, type SqliteConnection, type Store } from '#store'
import type { Head } from './chain.js'

export const insertReceipt = defineWrite({
  sql: `insert into receipts (id, call_id, buyer_id, seller_id, chain, seq, jws)
    values (?, ?, ?, ?, ?, ?, ?)`,
})

/** The JWS of a receipt, whoever asks. */
export async function receiptText(store: Store, id: string): Promise<string | undefined> {
  const [row] = await store.query<{ jws: string }>('select jws from receipts where id = ?', [id])
  return row?.jws
}

/**
 * The JWS of a receipt that `accountId` is a party to, as buyer or as seller.
 *
 * @throws Problem `receipt_not_found`.
 */
export async function findReceipt(store: Store, accountId: string, id: string): Promise<string> {
  const [row] = await store.query<{ jws: string }>(
    'select jws from receipts where id = ? and (buyer_id = ? or seller_id = ?)',
    [id, accountId, accountId],
  )
  if (!row) throw new Problem('receipt_not_found', 'There is no such receipt of this account.')
  return row.jws
}

/** Where the stored chain of each buyer ends, `undefined` for a buyer without a receipt. */
export function storedHeads(
  connection: SqliteConnection,
  chainId: string,
): (buyer: string) => Head | undefined {
  const last = connection.prepare<[string, string], { seq: unknown; jws: string }>(
    'select seq, jws from receipts where buyer_id = ? and chain = ? order by seq desc limit 1',
  )
  return (buyer) => {
    const row = last.get(buyer, chainId)
    return row && { seq: int(row.seq), prev: sha256Hex(row.jws) }
  }
}

/** Receipts looked up from outside, for an audit. */
export function receiptReader(connection: SqliteConnection) {
  const byId = connection.prepare<[string], { call_id: string; jws: string }>(
    'select call_id, jws from receipts where id = ?',
  )
  // It reads no receipt, only the index of the chains.
  const buyers = connection.prepare<[], { buyer: string; count: bigint }>(
    'select buyer_id as buyer, count(*) as count from receipts group by buyer_id',
  )
  return {
    find: (id: string) => byId.get(id),
    /** How many receipts each buyer has. */
    counts: () => new Map(buyers.all().map(({ buyer, count }) => [buyer, int(count)])),
  }
}
