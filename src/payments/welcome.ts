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
  { accounts, ledger, clock, sandbox }: Deps,
  input: SignUp,
  along?: Along,
): Promise<{ account: Account; secret: string }> {
  const { account, secret, invite } = await accounts.signUps.signUp(input, along)
  if (sandbox && invite?.credit) {
    const amount = parseUsdc(invite.credit)
    // Named after the invitation: it can be given once only.
    const grant = { kind: 'grant' as const, reference: `grant_${invite.id}`, memo: 'invitation' }
    await ledger.commit({
      commands: [{ ...grant, account: account.id, amount, atMs: clock.now() }],
    })
  }
  return { account, secret }
}
