/**
 * People who sign in: each belongs to one account. They sign in with a password or a wallet, and have
 * a session in their browser.
 */
import { z } from 'zod'
import type { Clock } from '#core/clock'
import { newId } from '#core/ids'
import { Problem } from '#core/problem'
import { isUniqueViolation, type Store, type Tx } from '#store'
import { createPasswords } from './password.js'
import { type Person, type PersonRow, toPerson } from './rows.js'
import { createSessions, type Sessions } from './sessions.js'
import { createThrottle, type Rule, type Throttle } from './throttle.js'
import { createWallets, type Signed } from './wallet.js'

export { networkAddressOf } from './network-address.js'
export type { Person } from './rows.js'
export type { Rule } from './throttle.js'

/** A password is at least this long; what it is made of is the person's affair. */
export const MIN_PASSWORD_CHARS = 10

export const signInSchema = z.strictObject({
  email: z.email().max(254).toLowerCase(),
  password: z.string().min(MIN_PASSWORD_CHARS).max(1024),
})

export type SignIn = z.infer<typeof signInSchema>

const QUARTER_HOUR_MS = 15 * 60_000
const PER_EMAIL: Rule = { name: 'sign-in-email', most: 10, windowMs: QUARTER_HOUR_MS }
/** An office, or all that a proxy hides, comes from one address. */
const PER_ADDRESS: Rule = { name: 'sign-in-address', most: 100, windowMs: QUARTER_HOUR_MS }

export type People = {
  /**
   * How an account's person signs in from now on. All other sessions than `keep` end.
   *
   * @throws Problem `invalid_request` for the email address of somebody else.
   */
  setSignIn(accountId: string, signIn: SignIn, keep?: string): Promise<Person>
  /** Like {@link setSignIn}, to be written where the account is made. */
  prepareSignIn(signIn: SignIn): Promise<(tx: Tx, accountId: string) => Promise<void>>
  ofAccount(accountId: string): Promise<Person | undefined>
  get(id: string): Promise<Person | undefined>
  /**
   * @param from the network address that asks.
   * @throws Problem `unauthenticated`, the same and as late for an unknown address; `rate_limited`.
   */
  signIn(signIn: SignIn, from: string): Promise<Person>
  /** The message that a wallet signs. @throws Problem `invalid_request`, `rate_limited`. */
  walletChallenge(wallet: { address: string; chainId: number }, from: string): Promise<string>
  /** @throws Problem `unauthenticated` for a bad signature, or a wallet that nobody linked. */
  signInWithWallet(signed: Signed, from: string): Promise<Person>
  /** @throws Problem `unauthenticated`, or `invalid_request` for the wallet of somebody else. */
  linkWallet(person: Person, signed: Signed): Promise<Person>
  sessions: Sessions
  throttle: Throttle
  /** Deletes sessions, nonces and counts that are over. */
  purge(): Promise<void>
}

type Deps = { store: Store; clock: Clock; publicUrl: string }

export function createPeople(deps: Deps): People {
  const { store, clock } = deps
  const passwords = createPasswords()
  const sessions = createSessions(deps)
  const throttle = createThrottle(deps)
  const wallets = createWallets(deps)

  async function find(where: Partial<PersonRow>): Promise<PersonRow | undefined> {
    return store.db<PersonRow>('people').where(where).first()
  }

  async function personWhere(where: Partial<PersonRow>): Promise<Person | undefined> {
    const row = await find(where)
    return row && toPerson(row)
  }

  /** The password is sealed before the transaction, which it would hold up. */
  async function prepareSignIn({ email, password }: SignIn) {
    const sealed = await passwords.seal(password)
    return async (tx: Tx, accountId: string) => {
      const now = clock.now()
      const id = newId('person', now)
      const row = { id, account_id: accountId, email, password: sealed, created_at: now }
      await uniquely('email address', () =>
        tx('people').insert(row).onConflict('account_id').merge(['email', 'password']),
      )
    }
  }

  return {
    sessions,
    throttle,
    async setSignIn(accountId, signIn, keep) {
      const write = await prepareSignIn(signIn)
      await store.inTransaction((tx) => write(tx, accountId))
      const person = (await personWhere({ account_id: accountId }))!
      await sessions.endOthers(person.id, keep)
      return person
    },
    prepareSignIn,
    ofAccount: (accountId) => personWhere({ account_id: accountId }),
    get: (id) => personWhere({ id }),
    async signIn({ email, password }, from) {
      await throttle.take(PER_ADDRESS, from)
      await throttle.take(PER_EMAIL, email)
      const row = await find({ email })
      if (!(await passwords.matches(password, row?.password))) {
        throw refused('Email address and password do not belong together.')
      }
      await throttle.forgive(PER_EMAIL, email)
      return toPerson(row!)
    },
    async walletChallenge(wallet, from) {
      await throttle.take(PER_ADDRESS, from)
      return wallets.challenge(wallet)
    },
    async signInWithWallet(signed, from) {
      await throttle.take(PER_ADDRESS, from)
      const person = await personWhere({ wallet_address: await wallets.verify(signed) })
      if (!person)
        throw refused('Nobody here has this wallet. Sign in otherwise and link it first.')
      return person
    },
    async linkWallet({ id }, signed) {
      const address = await wallets.verify(signed)
      await uniquely('wallet', () =>
        store.db('people').where({ id }).update({ wallet_address: address }),
      )
      return (await personWhere({ id }))!
    },
    async purge() {
      await sessions.purge()
      await wallets.purge()
      await throttle.purge()
    },
  }
}

async function uniquely(what: string, write: () => PromiseLike<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Problem('invalid_request', `This ${what} cannot be used here.`)
  }
}

function refused(detail: string): Problem {
  return new Problem('unauthenticated', detail, { action: 'Try again.' })
}
