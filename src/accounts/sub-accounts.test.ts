import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { parseUsdc } from '#core/money'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { type Accounts, createAccounts, payerOf, SCOPES, spendersOf } from './accounts.js'

let opened: OpenedStore
let accounts: Accounts
beforeAll(async () => {
  opened = await aStore()
  accounts = createAccounts({ store: opened.store, clock: handClock(), keyEnvironment: 'test' })
})
afterAll(() => opened.close())

async function aParent(name = 'Acme') {
  const { secret } = await accounts.create({ name, limits: { day: '9' } })
  return accounts.authenticate(secret)
}

async function aChild(
  by: Awaited<ReturnType<typeof aParent>>,
  terms: Partial<Parameters<Accounts['subAccounts']['create']>[1]> = {},
) {
  const { account, secret } = await accounts.subAccounts.create(by, { name: 'Team', ...terms })
  return { account, secret, principal: await accounts.authenticate(secret) }
}

describe('a sub-account', () => {
  test("spends its parent's money, unless it has a balance of its own", async () => {
    const parent = await aParent()
    const paidFor = await aChild(parent)
    const own = await aChild(parent, { balance: 'own' })
    expect(payerOf(paidFor.principal)).toBe(parent.account.id)
    expect(payerOf(own.principal)).toBe(own.account.id)
    expect(payerOf(parent)).toBe(parent.account.id)
  })

  test('is bound by its own limits, those of its parent, and those of the key that made it', async () => {
    const parent = await aParent()
    const made = await accounts.createKey(parent, {
      ...{ name: 'small', scopes: SCOPES, limits: { month: '3' } },
    })
    const by = await accounts.authenticate(made.secret)
    const { principal, account } = await aChild(by, { limits: { call: '0.5' } })
    expect(spendersOf(principal).map(({ scope, limits }) => [scope, limits])).toEqual([
      [`key:${principal.key.id}`, {}],
      [`key:${made.key.id}`, { month: parseUsdc('3') }],
      [`key:${parent.key.id}`, {}],
      [`account:${account.id}`, { call: parseUsdc('0.5') }],
      [`account:${parent.account.id}`, { day: parseUsdc('9') }],
    ])
  })

  test('gets at most the scopes of the key that made it', async () => {
    const parent = await aParent()
    const made = await accounts.createKey(parent, { name: 'm', scopes: ['manage', 'read'] })
    const by = await accounts.authenticate(made.secret)
    expect((await aChild(by)).principal.key.scopes).toEqual(['manage', 'read'])
    await expect(aChild(by, { scopes: ['call'] })).rejects.toMatchObject({
      code: 'insufficient_scope',
    })
  })

  test('has none below it', async () => {
    const { principal } = await aChild(await aParent())
    await expect(aChild(principal)).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('loses its keys with the key that made it', async () => {
    const parent = await aParent()
    const made = await accounts.createKey(parent, { name: 'm', scopes: SCOPES })
    const { secret } = await aChild(await accounts.authenticate(made.secret))
    await accounts.revokeKey(parent, made.key.id)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('gets further keys from its parent, which may end each of them', async () => {
    const parent = await aParent()
    const { account } = await aChild(parent)
    const { key, secret } = await accounts.subAccounts.createKey(parent, account.id, {
      ...{ name: 'second', scopes: ['call'], allow: { listings: ['wiki'] } },
    })
    const principal = await accounts.authenticate(secret)
    expect(principal).toMatchObject({ account: { id: account.id }, key: { id: key.id } })
    await accounts.revokeKey(parent, key.id)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('that is closed has no key left, and gets none', async () => {
    const parent = await aParent()
    const { account, secret } = await aChild(parent)
    await accounts.subAccounts.close(parent, account.id)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject({ code: 'unauthenticated' })
    const another = accounts.subAccounts.createKey(parent, account.id, {
      ...{ name: 'late', scopes: ['call'] },
    })
    await expect(another).rejects.toMatchObject({ code: 'forbidden' })
    expect(await accounts.subAccounts.get(parent, account.id)).toMatchObject({ status: 'closed' })
  })

  test('does not exist for anybody but its parent', async () => {
    const [parent, stranger] = [await aParent(), await aParent('Stranger')]
    const { account, principal } = await aChild(parent)
    for (const by of [stranger, principal]) {
      for (const id of [account.id, 'acct_none', parent.account.id]) {
        const { subAccounts } = accounts
        for (const attempt of [
          subAccounts.get(by, id),
          subAccounts.change(by, id, { limits: {} }),
          subAccounts.close(by, id),
          subAccounts.createKey(by, id, { name: 'k', scopes: ['call'] }),
        ]) {
          await expect(attempt).rejects.toMatchObject({ code: 'account_not_found' })
        }
      }
      expect(await accounts.subAccounts.list(by)).toEqual([])
    }
    await expect(accounts.revokeKey(principal, parent.key.id)).rejects.toMatchObject({
      code: 'key_not_found',
    })
  })
})

test('an account is one party with those below it, and with nobody else', async () => {
  const parent = await aParent()
  const [one, other] = [await aChild(parent), await aChild(parent)]
  const stranger = await aParent('Stranger')
  const ids = [parent.account.id, one.account.id, other.account.id]
  for (const a of ids) {
    for (const b of ids) expect(await accounts.isSelfDealing(a, b)).toBe(true)
    expect(await accounts.isSelfDealing(a, stranger.account.id)).toBe(false)
    expect(await accounts.isSelfDealing(stranger.account.id, a)).toBe(false)
  }
})
