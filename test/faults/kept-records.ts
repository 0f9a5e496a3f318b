/** What the database holds, read past the gateway. Amounts are nano-USDC. */
import SqliteDatabase from 'better-sqlite3'
import { connectPipeline } from '#store'

export type KeptCall = {
  id: string
  buyer_id: string
  key_id: string
  outcome: string
  charge: bigint
  fee: bigint
  idempotency_hash: string
  receipt_id: string | null
  response_hash: string | null
  has_body: bigint
  /** Postings of its captures, but for what went back to the buyer. */
  captured: bigint
  /** How many times it was held, captured or released. */
  entries: bigint
}

export type KeptReceipt = {
  id: string
  call_id: string
  buyer_id: string
  chain: string
  seq: bigint
  jws: string
}

export type KeptRecords = { calls: KeptCall[]; receipts: KeptReceipt[]; openHolds: bigint }

const CALLS = `
  select c.id, c.buyer_id, c.key_id, c.outcome, c.charge, c.fee, c.idempotency_hash, c.receipt_id,
    c.response_hash,
    cast(exists (select 1 from call_bodies b
      where b.expires_at = c.body_expires_at and b.call_id = c.id) as integer) as has_body,
    (select coalesce(sum(p.amount), 0) from ledger_postings p
      join ledger_accounts a on a.id = p.to_id
      where p.reference = c.id and p.kind = 'capture'
        and a.address <> 'buyer:' || c.buyer_id || ':available') as captured,
    (select count(distinct p.kind) from ledger_postings p where p.reference = c.id) as entries
  from calls c order by c.id`

const RECEIPTS = `
  select id, call_id, buyer_id, chain, seq, jws from receipts order by buyer_id, chain, seq`

const OPEN_HOLDS = 'select count(*) as n from ledger_holds'

/** One snapshot of the file; a gateway may be running on it. */
export function keptRecords(file: string): KeptRecords {
  const db = new SqliteDatabase(file, { readonly: true, fileMustExist: true })
  try {
    db.defaultSafeIntegers(true)
    return db.transaction(() => ({
      calls: db.prepare<[], KeptCall>(CALLS).all(),
      receipts: db.prepare<[], KeptReceipt>(RECEIPTS).all(),
      openHolds: db.prepare<[], { n: bigint }>(OPEN_HOLDS).get()!.n,
    }))()
  } finally {
    db.close()
  }
}

/** One snapshot of a PostgreSQL database; gateways may be running on it. */
export async function keptRecordsOnPostgres(url: string): Promise<KeptRecords> {
  const database = await connectPipeline(url)
  try {
    const [, calls, receipts, [open]] = await Promise.all([
      database.run('begin isolation level repeatable read'),
      database.run<KeptCall>(CALLS),
      database.run<KeptReceipt>(RECEIPTS),
      database.run<{ n: bigint }>(OPEN_HOLDS),
    ])
    return { calls, receipts, openHolds: open!.n }
  } finally {
    await database.close()
  }
}
