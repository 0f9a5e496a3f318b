/** Signing up, and the credit that an invitation promised. */
import type { Account, Accounts, Along, SignUp } from '#accounts'
import type { Clock } from '#core/clock'
import { parseUsdc } from '#core/money'
import type { Ledger } from '#ledger'

type Deps = { accounts: Pick<Accounts, 'signUps'>; ledger: Ledger; clock: Clock; sandbox: boolean }

/**
 * Opens an account for a stranger, as {@link SignUps.signUp} does, with the credit of its invitation
 * where this is the sandbox.
 *
 * @throws Problem `forbidden`, `slug_taken`, `rate_limited`.
 */
export async function welcome(
  deps: Deps,
  input: SignUp,
  along?: Along,
): Promise<{ account: Account; secret: string }> {
  const { account, secret, invite } = await deps.accounts.signUps.signUp(input, along)
  if (invite?.credit) await giveCredit(deps, { ...invite, accountId: account.id }, invite.credit)
  return { account, secret }
}

/** Gives the credit that a gateway which stopped in between still owes. For each minute. */
export async function giveOwedCredit(deps: Deps): Promise<void> {
  for (const owed of await deps.accounts.signUps.owed()) await giveCredit(deps, owed, owed.credit)
}

/** Named after the invitation, it can be given once only. */
async function giveCredit(
  { accounts, ledger, clock, sandbox }: Deps,
  { id, accountId }: { id: string; accountId: string },
  credit: string,
): Promise<void> {
  if (!sandbox) return
  const grant = { kind: 'grant' as const, reference: `grant_${id}`, memo: 'invitation' }
  const amount = parseUsdc(credit)
  await ledger.commit({ commands: [{ ...grant, account: accountId, amount, atMs: clock.now() }] })
  await accounts.signUps.settle(id)
}
