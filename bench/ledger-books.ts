/** What all ways to keep the ledger share: the buyers' credit, a pair as commands, the audit. */
import { systemClock } from '#core/clock'
import { formatUsdc, nanos } from '#core/money'
import { earned, FEES, type Ledger, type Unit } from '#ledger'
import { buyerAt, type Call, CHARGE, CREDIT, FEE, HOLD, LIFE_MS, SELLER } from './ledger-way.js'
import { MOST_BUYERS } from './settings.js'

/** Gives every buyer its credit, and lets each buy once, so that all accounts are there. */
export async function openBuyers(ledger: Ledger): Promise<void> {
  const atMs = systemClock.now()
  const opened = Array.from({ length: MOST_BUYERS }, async (_, i) => {
    const account = buyerAt(i)
    const grant = { kind: 'grant', reference: `grant_${i}`, account, amount: CREDIT } as const
    requireAccepted(await ledger.commit({ commands: [{ ...grant, memo: 'benchmark', atMs }] }))
    await commitPair((unit) => ledger.commit(unit), { reference: `first_${i}`, account, atMs })
  })
  await Promise.all(opened)
}

export type Commit = (unit: Unit) => Promise<unknown>

/** @throws Error when one of the two is refused. */
export async function commitPair(
  commit: Commit,
  { reference, account, atMs }: Call,
): Promise<void> {
  const deadlineMs = atMs + LIFE_MS
  const hold = { kind: 'hold', reference, account, amount: HOLD, deadlineMs, atMs } as const
  requireAccepted(await commit({ commands: [{ ...hold, counters: [] }] }))
  const capture = { kind: 'capture', reference, seller: SELLER, charge: CHARGE, fee: FEE } as const
  requireAccepted(await commit({ commands: [{ ...capture, atMs }] }))
}

function requireAccepted(outcome: unknown): void {
  if ((outcome as { accepted?: boolean }).accepted) return
  throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`)
}

/** @throws Error when the books are not those of {@link openBuyers} and so many pairs. */
export async function requireBooks(ledger: Ledger, pairs: number): Promise<void> {
  const { balanced, openHolds, accounts } = await ledger.audit()
  const balances = new Map(accounts.map(({ name, balance }) => [name, balance]))
  const paid = BigInt(MOST_BUYERS + pairs)
  const facts = {
    balanced,
    openHolds,
    earned: balances.get(earned(SELLER)),
    fees: balances.get(FEES),
  }
  const expected = {
    balanced: true,
    openHolds: 0,
    earned: formatUsdc(nanos(CHARGE * paid)),
    fees: formatUsdc(nanos(FEE * paid)),
  }
  if (JSON.stringify(facts) === JSON.stringify(expected)) return
  throw new Error(`The books say ${JSON.stringify(facts)}, not ${JSON.stringify(expected)}`)
}
