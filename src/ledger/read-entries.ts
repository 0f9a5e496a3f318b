/** Entries and open holds as one reads them from outside, for an audit of those who posted them. */
import type { SqliteConnection } from '#store'
import type { LedgerAddress } from './chart.js'

export type StoredPosting = { kind: string; from: LedgerAddress; to: LedgerAddress; amount: bigint }
export type StoredHold = { reference: string; account: string; amount: bigint }
/** A reference with entries that move a buyer's money for a call. */
export type HeldReference = { reference: string; account: string }

/** Readers on a connection that gives integers as `bigint`; amounts are nano-USDC. */
export function entryReader(connection: SqliteConnection) {
  const postings = connection.prepare<[string], StoredPosting>(
    `select p.kind, f.address as "from", t.address as "to", p.amount from ledger_postings p
     join ledger_accounts f on f.id = p.from_id join ledger_accounts t on t.id = p.to_id
     where p.reference = ? order by p.kind, p.position`,
  )
  const hold = connection.prepare<[string], StoredHold>(
    'select reference, account, amount from ledger_holds where reference = ?',
  )
  const holdsAfter = connection.prepare<[string, number], StoredHold>(
    `select reference, account, amount from ledger_holds where reference > ?
     order by reference limit ?`,
  )
  // What a call posts leaves its buyer: from available with the hold, from held with its end.
  const referencesAfter = connection.prepare<[string, number], HeldReference>(
    `select p.reference, min(substr(f.address, 7, instr(substr(f.address, 7), ':') - 1)) as account
     from ledger_postings p join ledger_accounts f on f.id = p.from_id
     where p.reference > ? and p.kind <> 'grant'
     group by p.reference order by p.reference limit ?`,
  )
  return {
    /** All postings of a reference, ordered by kind and position. */
    postingsOf: (reference: string) => postings.all(reference),
    openHold: (reference: string) => hold.get(reference),
    openHoldsAfter: (reference: string, limit: number) => holdsAfter.all(reference, limit),
    /** References of holds, captures and releases, in order. */
    heldReferencesAfter: (reference: string, limit: number) =>
      referencesAfter.all(reference, limit),
  }
}
