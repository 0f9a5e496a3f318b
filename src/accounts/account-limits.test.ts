import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { parseUsdc } from '#core/money'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { type Accounts, createAccounts, showAccount, spendersOf } from './accounts.js'

const clock = handClock()
let opened: OpenedStore
let accounts: Accounts
beforeAll(async () => {
  opened = await aStore()
})
afterAll(() => opened.close())
beforeEach(() => {
  accounts = createAccounts({ store: opened.store, clock, keyEnvironment: 'test' })
})

const limitsSeenBy = async (gateway: Accounts, secret: string) =>
  (await gateway.authenticate(secret)).account.limits

test('an account has the limits that it was opened with, and none without', async () => {
  const { account } = await accounts.create({ name: 'Acme', limits: { day: '1.50' } })
  expect(account.limits).toEqual({ day: parseUsdc('1.5') })
  expect(showAccount(await accounts.get(account.id))).toMatchObject({ limits: { day: '1.5' } })
  expect((await accounts.create({ name: 'Free' })).account.limits).toEqual({})
})

test('new limits take the place of all old ones, here at once, elsewhere in two seconds', async () => {
  const { account, secret } = await accounts.create({ name: 'Acme', limits: { day: '1' } })
  const elsewhere = createAccounts({ store: opened.store, clock, keyEnvironment: 'test' })
  await limitsSeenBy(elsewhere, secret)
  await limitsSeenBy(accounts, secret)
  const changed = await accounts.change(account.id, { limits: { month: '2' } })
  expect(changed.limits).toEqual({ month: parseUsdc('2') })
  expect(await limitsSeenBy(accounts, secret)).toEqual(changed.limits)
  clock.advance(2_000)
  expect(await limitsSeenBy(elsewhere, secret)).toEqual(changed.limits)
  await accounts.change(account.id, { limits: {} })
  expect(await limitsSeenBy(accounts, secret)).toEqual({})
})

test('of an account that does not exist, or that are none, nothing is set', async () => {
  const { account } = await accounts.create({ name: 'Acme', limits: { day: '1' } })
  await expect(accounts.change('acct_x', { limits: {} })).rejects.toMatchObject({
    code: 'account_not_found',
  })
  await expect(accounts.change(account.id, { limits: { day: '-1' } })).rejects.toMatchObject({
    code: 'invalid_request',
  })
  expect((await accounts.get(account.id)).limits).toEqual({ day: parseUsdc('1') })
})

test('all that binds a key is the key itself, those above it, and the account', async () => {
  const { account, secret } = await accounts.create({ name: 'Acme', limits: { day: '9' } })
  const first = await accounts.authenticate(secret)
  const child = await accounts.createKey(first, {
    name: 'child',
    scopes: ['call'],
    limits: { day: '1' },
  })
  expect(spendersOf(await accounts.authenticate(child.secret))).toEqual([
    { scope: `key:${child.key.id}`, name: undefined, limits: { day: parseUsdc('1') } },
    { scope: `key:${first.key.id}`, name: first.key.id, limits: {} },
    { scope: `account:${account.id}`, name: 'account', limits: { day: parseUsdc('9') } },
  ])
})
