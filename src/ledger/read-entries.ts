/** Entries and open holds as one reads them from outside, for an audit of those who posted them. */
import { type Nanos, nanos } from '#core/money'
import { parameterRows, type Reader } from '#store'
import type { LedgerAddress } from './chart.js'

export type StoredPosting = { kind: string; from: LedgerAddress; to: LedgerAddress; amount: bigint }
export type StoredHold = { reference: string; account: string; amount: bigint }
/** A posting that moves a buyer's money for a call; its first three fields are its key. */
export type HeldPosting = { reference: string; kind: string; position: bigint; account: string }

/** Where the postings of {@link entryReader} begin. */
export const BEFORE_ALL_POSTINGS: Omit<HeldPosting, 'account'> = {
  reference: '',
  kind: '',
  position: 0n,
}

/** Amounts are nano-USDC. */
export function entryReader({ all }: Pick<Reader, 'all'>) {
  return {
    /** All postings of each of these references, ordered by kind and position. */
    async postingsOf(references: readonly string[]): Promise<Map<string, StoredPosting[]>> {
      const rows = await all<StoredPosting & { reference: string }>(
        `select p.reference, p.kind, f.address as "from", t.address as "to", p.amount
         from ledger_postings p
         join ledger_accounts f on f.id = p.from_id join ledger_accounts t on t.id = p.to_id
         where p.reference in (${parameterRows(references.length, 1)})
         order by p.reference, p.kind, p.position`,
        references,
      )
      const postings = new Map<string, StoredPosting[]>()
      for (const { reference, ...posting } of rows) {
        const earlier = postings.get(reference)
        if (earlier) earlier.push(posting)
        else postings.set(reference, [posting])
      }
      return postings
    },
    /** The holds of these references that are open. */
    async openHoldsOf(references: readonly string[]): Promise<Map<string, StoredHold>> {
      const rows = await all<StoredHold>(
        `select reference, account, amount from ledger_holds
         where reference in (${parameterRows(references.length, 1)})`,
        references,
      )
      return new Map(rows.map((hold) => [hold.reference, hold]))
    },
    openHoldsAfter: (reference: string, limit: number) =>
      all<StoredHold>(
        `select reference, account, amount from ledger_holds where reference > ?
         order by reference limit ?`,
        [reference, limit],
      ),
    /** Postings of holds, captures and releases, in the order of their keys. */
    async heldPostingsAfter(
      { reference, kind, position }: Omit<HeldPosting, 'account'>,
      limit: number,
    ): Promise<HeldPosting[]> {
      const rows = await all<HeldPosting>(
        `select p.reference, p.kind, p.position, f.address as account
         from ledger_postings p join ledger_accounts f on f.id = p.from_id
         where (p.reference, p.kind, p.position) > (?, ?, ?) and p.kind in ('hold', 'capture', 'release')
         order by p.reference, p.kind, p.position limit ?`,
        [reference, kind, position, limit],
      )
      // What a call posts leaves its buyer: from available with the hold, from held with its end.
      return rows.map((row) => ({ ...row, account: row.account.split(':')[1] ?? row.account }))
    },
  }
}

/** On PostgreSQL: what was paid in and is not in its balances yet; a running gateway adds it. */
export async function waitingCredits({ all }: Reader): Promise<Nanos> {
  const [row] = await all<{ sum: bigint }>(
    'select coalesce(sum(amount), 0) as sum from ledger_credits',
  )
  return nanos(row!.sum)
}
