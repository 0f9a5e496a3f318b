/** Money in and out. In the sandbox it comes in as the operator's grants; it is earned by selling. */
import { type Account, type Principal, payerOf, suspensionOf } from '#accounts'
import type { Clock } from '#core/clock'
import { newId } from '#core/ids'
import { formatUsdc, type Nanos } from '#core/money'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import type { RowWrite } from '#store'

export { transferEarnings, transferToSubAccount } from './transfers.js'
export { giveOwedCredit, welcome } from './welcome.js'

/** Makes the row of another feature that stands or falls with a move, of the id of that move. */
export type Beside = (id: string) => RowWrite

type Deps = { ledger: Ledger; clock: Clock; sandbox: boolean }

/**
 * Adds sandbox credit to an account, or to the one above it where that one pays.
 *
 * @param amount nano-USDC, more than zero.
 * @throws Problem `forbidden` outside the sandbox, `invalid_request` for nothing.
 */
export async function grant(
  { ledger, clock, sandbox }: Deps,
  account: Account,
  terms: { amount: Nanos; reason: string; beside?: Beside },
) {
  if (!sandbox) {
    throw new Problem('forbidden', 'Grants exist only in the sandbox.', {
      action: 'Top up with USDC.',
    })
  }
  if (terms.amount === 0n) throw new Problem('invalid_request', 'amount must be more than 0.')
  const now = clock.now()
  const reference = newId('grant', now)
  const payer = payerOf({ account })
  const outcome = await ledger.commit({
    commands: [
      {
        kind: 'grant',
        reference,
        account: payer,
        amount: terms.amount,
        memo: terms.reason,
        atMs: now,
      },
    ],
    rows: terms.beside ? [terms.beside(reference)] : [],
  })
  if (!outcome.accepted) throw new Error(`a grant cannot be refused as ${outcome.refusal.reason}`)
  return {
    id: reference,
    account_id: payer,
    amount: formatUsdc(terms.amount),
    balance: formatUsdc(outcome.results[0]!.available),
  }
}

/**
 * What an account earned by selling; nothing is pending, since a capture is final. It is held, and
 * cannot be moved or paid out, while the account is suspended.
 */
export async function earnings(
  { ledger }: Pick<Deps, 'ledger'>,
  principal: Pick<Principal, 'account' | 'parent'>,
) {
  const { earned, leaving } = await ledger.earningsOf(principal.account.id)
  const suspension = suspensionOf(principal)
  return {
    currency: 'USDC' as const,
    available: formatUsdc(earned),
    pending: formatUsdc(leaving),
    paid_out: '0',
    ...(suspension && { held: true, held_reason: suspension.category }),
  }
}
