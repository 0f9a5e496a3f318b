/** One way to keep the ledger, as it is measured alone: a hold and its capture, each durable. */
import { add, nanos } from '#core/money'

export const CREDIT = nanos(1_000_000_000_000_000n)
export const CHARGE = nanos(1_000_000n)
export const FEE = nanos(50_000n)
export const HOLD = add(CHARGE, FEE)
export const SELLER = 'acct_seller'
/** How long a hold may stay open. */
export const LIFE_MS = 60_000

export type Call = { reference: string; account: string; atMs: number }

export type LedgerWay = {
  name: string
  /** The name of the way that one would write first, on the same database. */
  naive: string
  /** @param caller the number of who asks, so that several gateways get their share each. */
  pair(call: Call, caller: number): Promise<void>
  /** Ends it. @throws Error when the books are not those of so many pairs. */
  close(pairs: number): Promise<void>
}

export function buyerAt(i: number): string {
  return `acct_${i}`
}
