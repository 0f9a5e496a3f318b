import { afterAll, beforeAll, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import type { Id } from '#core/ids'
import { parseUsdc } from '#core/money'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { type Accounts, createAccounts, type Scope, spendersOf } from './accounts.js'

const HOUR_MS = 60 * 60_000
const AUDIENCE = 'https://souk.example/mcp'
const SECRET = 'an-access-token'

let opened: OpenedStore
let clock: ReturnType<typeof handClock>
let accounts: Accounts
/** What the authorization server knows. */
const tokens = new Map<string, { keyId: Id<'key'>; scopes: Scope[]; expiresAtMs: number }>()

beforeAll(async () => {
  opened = await aStore()
  clock = handClock()
  const find = async (secret: string) => {
    const token = tokens.get(secret)
    return token && { ...token, audience: AUDIENCE }
  }
  const deps = { store: opened.store, clock, keyEnvironment: 'test' as const }
  accounts = createAccounts({ ...deps, tokens: { find } })
})

afterAll(() => opened.close())

const accepts = { audience: AUDIENCE }
const refused = { code: 'unauthenticated' }

async function aGrant(scopes: Scope[] = ['call', 'read']) {
  const { account, secret } = await accounts.create({ name: 'Acme' })
  const expiresAtMs = clock.now() + 24 * HOUR_MS
  const limits = { day: '0.5' }
  const key = await accounts.createGrantKey({ account, name: 'Agent', scopes, limits, expiresAtMs })
  const token = `${SECRET}-${key.id}`
  tokens.set(token, { keyId: key.id, scopes: ['call'], expiresAtMs: clock.now() + HOUR_MS })
  return { account, secret, key, token }
}

test('a token is its key, within its scopes and under the limits of key and account', async () => {
  const { account, key, token } = await aGrant()
  const principal = await accounts.authenticate(token, accepts)
  expect(principal.account.id).toBe(account.id)
  expect(principal.key).toMatchObject({ id: key.id, scopes: ['call'] })
  expect(spendersOf(principal)[0]).toMatchObject({
    scope: `key:${key.id}`,
    limits: { day: parseUsdc('0.5') },
  })
})

test('a token opens its resource, and nothing where none is accepted', async () => {
  const { token, secret } = await aGrant()
  for (const elsewhere of [{ audience: `${AUDIENCE}/acme/tools` }, {}, undefined]) {
    await expect(accounts.authenticate(token, elsewhere)).rejects.toMatchObject(refused)
  }
  expect(await accounts.authenticate(token, { audience: 'any' })).toBeDefined()
  expect(await accounts.authenticate(secret, accepts)).toBeDefined()
})

test('a token ends at its time, and with its key at once', async () => {
  const first = await aGrant()
  await accounts.authenticate(first.token, accepts)
  await accounts.revokeGrantKey(first.key.id)
  await expect(accounts.authenticate(first.token, accepts)).rejects.toMatchObject(refused)

  const second = await aGrant()
  await accounts.authenticate(second.token, accepts)
  clock.advance(HOUR_MS)
  await expect(accounts.authenticate(second.token, accepts)).rejects.toMatchObject(refused)
})

test('the key of a grant has no secret, gets none, and only grants end this way', async () => {
  const { key, secret, account } = await aGrant()
  await expect(accounts.authenticate(`grant:${key.id}`)).rejects.toMatchObject(refused)
  const first = await accounts.authenticate(secret)
  await expect(accounts.rotateKey(first, key.id)).rejects.toMatchObject({ code: 'invalid_request' })
  await accounts.revokeGrantKey(first.key.id)
  expect((await accounts.authenticate(secret)).key.revokedAtMs).toBeNull()
  await accounts.fixSecret(account.id, 'a secret that the operator fixed')
  const fixed = await accounts.authenticate('a secret that the operator fixed')
  expect(fixed.key.id).toBe(first.key.id)
})

test('the account’s first key ends it, as all keys that it made', async () => {
  const { key, secret, token } = await aGrant()
  await accounts.revokeKey(await accounts.authenticate(secret), key.id)
  await expect(accounts.authenticate(token, accepts)).rejects.toMatchObject(refused)
})

test('a grant has no more scopes than the first key, which a sub-account must have', async () => {
  const { secret } = await accounts.create({ name: 'Above' })
  const above = await accounts.authenticate(secret)
  const below = await accounts.subAccounts.create(above, { name: 'Below', scopes: ['read'] })
  const { account } = await accounts.authenticate(below.secret)
  const terms = { account, name: 'Agent', limits: {}, expiresAtMs: clock.now() + HOUR_MS }
  const grant = await accounts.createGrantKey({ ...terms, scopes: ['call', 'read'] })
  expect(grant.scopes).toEqual(['read'])
  await expect(accounts.createGrantKey({ ...terms, scopes: ['call'] })).rejects.toMatchObject({
    code: 'insufficient_scope',
  })
  const first = (await accounts.authenticate(below.secret)).key
  await accounts.revokeKey(above, first.id)
  await expect(accounts.createGrantKey({ ...terms, scopes: ['read'] })).rejects.toMatchObject({
    code: 'forbidden',
  })
})

test('a grant lasts no longer than the first key, however many the account above made', async () => {
  const { secret } = await accounts.create({ name: 'Lender' })
  const lender = await accounts.authenticate(secret)
  const expiresAtMs = clock.now() + HOUR_MS
  const short = { name: 'an hour', scopes: ['manage', 'call', 'read'] as const, expiresAtMs }
  const by = await accounts.authenticate((await accounts.createKey(lender, short)).secret)
  const below = await accounts.subAccounts.create(by, { name: 'Borrower', scopes: ['call'] })
  const { account, key: first } = await accounts.authenticate(below.secret)
  clock.advance(1)
  await accounts.subAccounts.createKey(lender, account.id, { name: 'later', scopes: ['read'] })
  const terms = { account, name: 'Agent', scopes: ['call' as const], limits: {} }
  const grant = await accounts.createGrantKey({ ...terms, expiresAtMs: expiresAtMs + 24 * HOUR_MS })
  expect(grant).toMatchObject({ parentId: first.id, expiresAtMs })
})

test('two grants of one account are both good', async () => {
  const { account } = await aGrant()
  const terms = { account, name: 'B', limits: {}, expiresAtMs: clock.now() + HOUR_MS }
  const second = await accounts.createGrantKey({ ...terms, scopes: ['read'] })
  const keys = await accounts.listKeys(account.id)
  expect(keys.filter((key) => key.revokedAtMs === null)).toHaveLength(3)
  expect(second.parentId).toBe(keys.find((key) => key.name === 'first key')!.id)
})
