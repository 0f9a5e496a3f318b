import { privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage, parseSiweMessage } from 'viem/siwe'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAccounts } from '#accounts'
import { asDate, handClock } from '#core/clock'
import type { Store } from '#store'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createPeople, type People, type Person, signInSchema } from './people.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const PASSWORD = 'correct horse battery'
const PUBLIC_URL = 'https://souk.example'
const WALLET = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const OTHER_WALLET = privateKeyToAccount(`0x${'22'.repeat(32)}`)

let opened: OpenedStore
let store: Store
let clock: ReturnType<typeof handClock>
/** Cheap: how dear a password is, its own test says. */
const passwordCost = { N: 2 ** 10, r: 8, p: 1 }
let people: People
let count = 0

beforeAll(async () => {
  opened = await aStore()
  store = opened.store
})

beforeEach(() => {
  clock = handClock()
  clock.advance(++count * 24 * HOUR_MS)
  people = createPeople({ store, clock, publicUrl: PUBLIC_URL, passwordCost })
})

afterAll(() => opened.close())

const refused = { code: 'unauthenticated' }
/** Each test asks from an address of its own: tries are counted. */
const from = () => `192.0.2.${count}`
const newEmail = () => `person-${count}-${Math.random().toString(36).slice(2)}@example.com`

async function anAccountId(): Promise<string> {
  const accounts = createAccounts({ store, clock, keyEnvironment: 'test' })
  return (await accounts.create({ name: 'Acme' })).account.id
}

async function aPerson(email = newEmail()): Promise<Person> {
  return people.setSignIn(await anAccountId(), { email, password: PASSWORD })
}

describe('a password', () => {
  test('lets its person in, and is kept as scrypt at the cost that was asked for', async () => {
    const person = await aPerson()
    const signIn = { email: person.email!, password: PASSWORD }
    expect(await people.signIn(signIn, from())).toEqual(person)
    const row = await store.db('people').where({ id: person.id }).first()
    expect(row.password).toMatch(/^scrypt\$1024\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
  })

  test('means the same however its letters were composed', async () => {
    const { email } = await people.setSignIn(await anAccountId(), {
      email: newEmail(),
      password: 'caf\u00e9 au lait',
    })
    const typed = { email: email!, password: 'cafe\u0301 au lait' }
    expect(await people.signIn(typed, from())).toMatchObject({ email })
  })

  test('that is wrong is refused as one for an unknown address is', async () => {
    const { email } = await aPerson()
    const wrong = { password: `${PASSWORD}.` }
    const [known, unknown] = await Promise.all(
      [email!, newEmail()].map((address) =>
        people.signIn({ email: address, ...wrong }, from()).catch((error: unknown) => error),
      ),
    )
    expect(known).toMatchObject(refused)
    expect(JSON.stringify(known)).toBe(JSON.stringify(unknown))
  })

  test('must not be short, and addresses are the same in any case', () => {
    const signIn = { email: 'Ada@Example.com', password: '123456789' }
    expect(signInSchema.safeParse(signIn).success).toBe(false)
    const read = signInSchema.parse({ ...signIn, password: PASSWORD })
    expect(read.email).toBe('ada@example.com')
  })

  test('of an address that somebody else has is refused', async () => {
    const { email } = await aPerson()
    await expect(aPerson(email!)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('may be tried so often, by anybody, at this gateway or the next', async () => {
    const { email } = await aPerson()
    const next = createPeople({ store, clock, publicUrl: PUBLIC_URL, passwordCost })
    const rule = { name: 'sign-in-email', most: 10, windowMs: 15 * MINUTE_MS }
    for (let i = 0; i < 10; i++) await next.throttle.take(rule, email!)
    const signIn = { email: email!, password: PASSWORD }
    const limited = { code: 'rate_limited', retryAfterMs: expect.any(Number) }
    await expect(people.signIn(signIn, from())).rejects.toMatchObject(limited)
    clock.advance(15 * MINUTE_MS)
    expect(await people.signIn(signIn, from())).toMatchObject({ email })
  })

  test('that was right starts the count anew', async () => {
    const { email } = await aPerson()
    await people.signIn({ email: email!, password: PASSWORD }, from())
    const rule = { name: 'sign-in-email', most: 10, windowMs: 15 * MINUTE_MS }
    for (let i = 0; i < 10; i++) await people.throttle.take(rule, email!)
    await expect(people.throttle.take(rule, email!)).rejects.toMatchObject({ code: 'rate_limited' })
  })
})

describe('a session', () => {
  test('is its token’s, and nothing that the database has opens it', async () => {
    const person = await aPerson()
    const token = await people.sessions.start(person.id)
    expect(await people.sessions.personOf(token)).toEqual(person)
    const row = await store.db('browser_sessions').where({ person_id: person.id }).first()
    expect(await people.sessions.personOf(row.hash)).toBeUndefined()
  })

  test('ends two hours after it was last used', async () => {
    const token = await people.sessions.start((await aPerson()).id)
    for (let i = 0; i < 3; i++) {
      clock.advance(HOUR_MS)
      expect(await people.sessions.personOf(token)).toBeDefined()
    }
    clock.advance(2 * HOUR_MS)
    expect(await people.sessions.personOf(token)).toBeUndefined()
  })

  test('ends after twelve hours however it is used', async () => {
    const token = await people.sessions.start((await aPerson()).id)
    for (let i = 0; i < 11; i++) {
      clock.advance(HOUR_MS)
      expect(await people.sessions.personOf(token)).toBeDefined()
    }
    clock.advance(HOUR_MS)
    expect(await people.sessions.personOf(token)).toBeUndefined()
  })

  test('ends with a new password, but for the one that set it', async () => {
    const person = await aPerson()
    const [mine, other] = [
      await people.sessions.start(person.id),
      await people.sessions.start(person.id),
    ]
    const signIn = { email: person.email!, password: 'another horse battery' }
    await people.setSignIn(person.accountId, signIn, { keep: mine })
    expect(await people.sessions.personOf(mine)).toBeDefined()
    expect(await people.sessions.personOf(other)).toBeUndefined()
  })

  test('that is over leaves no row', async () => {
    const person = await aPerson()
    await people.sessions.start(person.id)
    clock.advance(13 * HOUR_MS)
    await people.purge()
    expect(await store.db('browser_sessions').where({ person_id: person.id })).toEqual([])
  })
})

describe('a wallet', () => {
  const asking = (wallet = WALLET) =>
    people.walletChallenge({ address: wallet.address, chainId: 8453 }, from())

  async function signed(message: string, wallet = WALLET) {
    return { message, signature: await wallet.signMessage({ message }) }
  }

  async function aLinkedPerson(): Promise<Person> {
    await store.db('people').update({ wallet_address: null })
    return people.linkWallet(await aPerson(), await signed(await asking()))
  }

  test('signs in who linked it, once a message', async () => {
    const person = await aLinkedPerson()
    expect(person.walletAddress).toBe(WALLET.address.toLowerCase())
    const good = await signed(await asking())
    expect(await people.signInWithWallet(good, from())).toEqual(person)
    await expect(people.signInWithWallet(good, from())).rejects.toMatchObject(refused)
  })

  test('that nobody linked signs nobody in', async () => {
    const good = await signed(await asking(OTHER_WALLET), OTHER_WALLET)
    await expect(people.signInWithWallet(good, from())).rejects.toMatchObject(refused)
  })

  test('belongs to one person', async () => {
    await aLinkedPerson()
    const other = await aPerson()
    const again = await signed(await asking())
    await expect(people.linkWallet(other, again)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('must sign what it was given, itself', async () => {
    await aLinkedPerson()
    const wrong = await signed(await asking(), OTHER_WALLET)
    await expect(people.signInWithWallet(wrong, from())).rejects.toMatchObject(refused)
    const message = await asking()
    for (const signature of ['', '0x', '0x1234', `0x${'ff'.repeat(65)}`]) {
      await expect(people.signInWithWallet({ message, signature }, from())).rejects.toMatchObject(
        refused,
      )
    }
  })

  const day = 24 * HOUR_MS
  const forged: [string, (said: Said) => Partial<Said>][] = [
    ['another site', () => ({ domain: 'evil.example' })],
    ['another address of the site', () => ({ uri: 'https://evil.example' })],
    ['another chain', () => ({ chainId: 56 })],
    ['a nonce of its own', () => ({ nonce: 'a'.repeat(32) })],
    ['a time to come', ({ issuedAt }) => ({ issuedAt: asDate(issuedAt!.getTime() + day) })],
    ['a time long ago', ({ issuedAt }) => ({ issuedAt: asDate(issuedAt!.getTime() - day) })],
    [
      'an end that is past',
      ({ issuedAt }) => ({ expirationTime: asDate(issuedAt!.getTime() - 1) }),
    ],
    ['no end', () => ({ expirationTime: undefined })],
    ['a start', ({ issuedAt }) => ({ notBefore: issuedAt })],
    ['a scheme', () => ({ scheme: 'https' })],
  ]
  type Said = Parameters<typeof createSiweMessage>[0]
  test.each(forged)('is refused with a message for %s', async (_what, change) => {
    await aLinkedPerson()
    const said = parseSiweMessage(await asking()) as Said
    const message = createSiweMessage({ ...said, ...change(said) } as Said)
    await expect(people.signInWithWallet(await signed(message), from())).rejects.toMatchObject(
      refused,
    )
  })

  test('is refused with more in the message than is read from it', async () => {
    await aLinkedPerson()
    const message = `${await asking()}\nand all my money`
    await expect(people.signInWithWallet(await signed(message), from())).rejects.toMatchObject(
      refused,
    )
  })

  test('has ten minutes', async () => {
    await aLinkedPerson()
    const good = await signed(await asking())
    clock.advance(10 * MINUTE_MS)
    await expect(people.signInWithWallet(good, from())).rejects.toMatchObject(refused)
    await people.purge()
    expect(await store.db('wallet_nonces').where('expires_at', '<=', clock.now() - 1)).toEqual([])
  })

  test('is asked nothing on a chain or for an address that is none', async () => {
    const bad = [
      { address: WALLET.address, chainId: 56 },
      { address: '0x12', chainId: 1 },
      { address: `${WALLET.address}\nURI: https://evil.example`, chainId: 1 },
    ]
    for (const wallet of bad) {
      await expect(people.walletChallenge(wallet, from())).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
  })
})
