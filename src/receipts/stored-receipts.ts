/** Receipts in the database: written once, never changed, readable by both parties. */
import { sha256Hex } from '#core/canonical-json'
import { Problem } from '#core/problem'
import {
  defineInsert,
  int,
  type Pipeline,
  parameterRows,
  type Reader,
  type SqliteConnection,
  type Store,
} from '#store'
import type { Head } from './chain.js'

export const insertReceipt = defineInsert('receipts', {
  id: 'text',
  call_id: 'text',
  buyer_id: 'text',
  seller_id: 'text',
  chain: 'text',
  seq: 'bigint',
  jws: 'text',
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
    return row && headAt(row.seq, row.jws)
  }
}

/** Where the stored chains of `buyers` end; none for a buyer without a receipt. */
export async function readHeads(
  read: Pipeline['run'],
  chainId: string,
  buyers: readonly string[],
): Promise<Map<string, Head>> {
  const rows = await read<{ buyer: string; seq: bigint; jws: string }>(
    `select distinct on (buyer_id) buyer_id as buyer, seq, jws from receipts
     where buyer_id = any($1::text[]) and chain = $2 order by buyer_id, seq desc`,
    [buyers, chainId],
  )
  return new Map(rows.map(({ buyer, seq, jws }) => [buyer, headAt(seq, jws)]))
}

function headAt(seq: unknown, jws: string): Head {
  return { seq: int(seq), prev: sha256Hex(jws) }
}

/** Receipts looked up from outside, for an audit. */
export function receiptReader({ all }: Reader) {
  return {
    /** The receipts of these ids that there are. */
    async find(ids: readonly string[]): Promise<Map<string, { call_id: string; jws: string }>> {
      if (ids.length === 0) return new Map()
      const rows = await all<{ id: string; call_id: string; jws: string }>(
        `select id, call_id, jws from receipts where id in (${parameterRows(ids.length, 1)})`,
        ids,
      )
      return new Map(rows.map(({ id, ...receipt }) => [id, receipt]))
    },
    /** How many receipts each buyer has. It reads no receipt, only the index of the chains. */
    async counts(): Promise<Map<string, number>> {
      const rows = await all<{ buyer: string; count: bigint }>(
        'select buyer_id as buyer, count(*) as count from receipts group by buyer_id',
      )
      return new Map(rows.map(({ buyer, count }) => [buyer, int(count)]))
    },
  }
}
