/**
 * People who sign in: each belongs to one account. They sign in with a password or a wallet, and have
 * a session in their browser.
 */
import { z } from 'zod'
import type { Along } from '#accounts'
import type { Clock } from '#core/clock'
import { newId } from '#core/ids'
import { Problem } from '#core/problem'
import { isUniqueViolation, type Store, type Tx } from '#store'
import { type Cost, createPasswords } from './password.js'
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

type SignIn = z.infer<typeof signInSchema>

const QUARTER_HOUR_MS = 15 * 60_000
const PER_EMAIL: Rule = { name: 'sign-in-email', most: 10, windowMs: QUARTER_HOUR_MS }
/** An office, or all that a proxy hides, comes from one address. */
const PER_ADDRESS: Rule = { name: 'sign-in-address', most: 100, windowMs: QUARTER_HOUR_MS }

export type People = {
  /**
   * How an account's person signs in from now on. All other sessions than that of `keep` end.
   *
   * @throws Problem `invalid_request` for the email address of somebody else.
   */
  setSignIn(
    accountId: string,
    signIn: SignIn,
    terms?: { keep?: string | undefined; along?: Along },
  ): Promise<Person>
  /** Like {@link setSignIn}, to be written where the account is made. */
  prepareSignIn(signIn: SignIn): Promise<(tx: Tx, accountId: string) => Promise<Person>>
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
  linkWallet(person: Person, signed: Signed, along?: Along): Promise<Person>
  /**
   * The wallet lets nobody in any more. All other sessions than that of `keep` end.
   *
   * @throws Problem `invalid_request` for a person with nothing else to sign in with.
   */
  unlinkWallet(
    person: Person,
    terms?: { keep?: string | undefined; along?: Along },
  ): Promise<Person>
  sessions: Sessions
  throttle: Throttle
  /** Deletes sessions, nonces and counts that are over. */
  purge(): Promise<void>
}

type Deps = {
  store: Store
  clock: Clock
  publicUrl: string
  /** What a password costs to try; what is asked of servers unless given. */
  passwordCost?: Cost
}

export function createPeople(deps: Deps): People {
  const { store, clock } = deps
  const passwords = createPasswords(deps.passwordCost)
  const sessions = createSessions(deps)
  const throttle = createThrottle(deps)
  const wallets = createWallets(deps)

  const find = (where: Partial<PersonRow>): Promise<PersonRow | undefined> =>
    store.db<PersonRow>('people').where(where).first()

  async function personWhere(where: Partial<PersonRow>): Promise<Person | undefined> {
    const row = await find(where)
    return row && toPerson(row)
  }

  /** The password is sealed before the transaction, which it would hold up. */
  async function prepareSignIn({ email, password }: SignIn) {
    const sealed = await passwords.seal(password)
    return (tx: Tx, accountId: string) =>
      setPerson(tx, { account_id: accountId, email, password: sealed }, clock.now())
  }

  return {
    sessions,
    throttle,
    async setSignIn(accountId, signIn, { keep, along } = {}) {
      const write = await prepareSignIn(signIn)
      return store.inTransaction(async (tx) => {
        const person = await write(tx, accountId)
        await sessions.endOthers(tx, person.id, keep)
        await along?.(tx, person.id)
        return person
      })
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
    async linkWallet({ id }, signed, along) {
      const address = await wallets.verify(signed)
      return store.inTransaction(async (tx) => {
        const person = await setWallet(tx, id, address)
        await along?.(tx, id)
        return person
      })
    },
    unlinkWallet: ({ id }, { keep, along } = {}) =>
      store.inTransaction(async (tx) => {
        const person = await setWallet(tx, id, null)
        if (person.email === null) throw lastWayIn()
        await sessions.endOthers(tx, id, keep)
        await along?.(tx, id)
        return person
      }),
    async purge() {
      await sessions.purge()
      await wallets.purge()
      await throttle.purge()
    },
  }
}

async function setPerson(
  tx: Tx,
  row: Pick<PersonRow, 'account_id' | 'email' | 'password'>,
  nowMs: number,
): Promise<Person> {
  const [written] = await uniquely('email address', () =>
    tx('people')
      .insert({ id: newId('person', nowMs), ...row, created_at: nowMs })
      .onConflict('account_id')
      .merge(['email', 'password'])
      .returning('*'),
  )
  return toPerson(written)
}

async function setWallet(tx: Tx, id: string, wallet_address: string | null): Promise<Person> {
  const [written] = await uniquely('wallet', () =>
    tx('people').where({ id }).update({ wallet_address }).returning('*'),
  )
  return toPerson(written)
}

async function uniquely<T>(what: string, write: () => PromiseLike<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Problem('invalid_request', `This ${what} cannot be used here.`)
  }
}

function lastWayIn(): Problem {
  return new Problem('invalid_request', 'There is no password to sign in with instead.')
}

function refused(detail: string): Problem {
  return new Problem('unauthenticated', detail, { action: 'Try again.' })
}
