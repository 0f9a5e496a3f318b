/**
 * An account's entries in the order in which they were booked. Only an entry's first posting is
 * found, and neither holds nor releases: each row here is one more page that a paid call writes.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.raw(`create index ledger_postings_out on ledger_postings (from_id, at, reference, kind)
    where position = 0 and kind not in ('hold', 'release')`)
  await db.raw(`create index ledger_postings_in on ledger_postings (to_id, at, reference, kind)
    where position = 0 and kind not in ('hold', 'release')`)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index ledger_postings_in')
  await db.raw('drop index ledger_postings_out')
}
