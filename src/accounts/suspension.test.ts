import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import type { Store } from '#store'
import { aPostgresLedger, aStore } from '../../test/support/a-store.js'
import { type Accounts, createAccounts, requireScope, stoppedSellers } from './accounts.js'

const WHY = { category: 'fraud' as const, reason: 'card testing, ticket 4711' }

describe.each<[string, () => Promise<{ store: Store; close(): Promise<void> }>]>([
  ['SQLite', aStore],
  ['PostgreSQL', () => aPostgresLedger()],
])('a suspended account on %s', (_, open) => {
  let opened: { store: Store; close(): Promise<void> }
  let accounts: Accounts
  const clock = handClock()
  const another = () => createAccounts({ store: opened.store, clock, keyEnvironment: 'test' })
  beforeAll(async () => {
    opened = await open()
    accounts = another()
  })
  afterAll(() => opened.close())

  async function aFamily() {
    const { account, secret } = await accounts.create({ name: 'Acme' })
    const parent = await accounts.authenticate(secret)
    const below = await accounts.subAccounts.create(parent, { name: 'Team' })
    return { account, secret, below }
  }

  test('may read and nothing else, and so may those below it, until it is resumed', async () => {
    const { account, secret, below } = await aFamily()
    await accounts.suspend(account.id, WHY)
    for (const one of [secret, below.secret]) {
      const principal = await accounts.authenticate(one)
      for (const scope of ['call', 'sell', 'manage'] as const) {
        expect(() => requireScope(principal, scope)).toThrow(
          expect.objectContaining({
            code: 'account_suspended',
            facts: expect.objectContaining({ reason: 'fraud' }),
          }),
        )
      }
      requireScope(principal, 'call', 'read')
    }
    await accounts.resume(account.id)
    requireScope(await accounts.authenticate(below.secret), 'call')
  })

  test('is told the category, and never what the operator wrote', async () => {
    const { account, secret } = await aFamily()
    await accounts.suspend(account.id, WHY)
    const principal = await accounts.authenticate(secret)
    let said = ''
    try {
      requireScope(principal, 'call')
    } catch (error) {
      said = JSON.stringify(error)
    }
    expect(said).toContain('fraud')
    expect(said).not.toContain('4711')
  })

  test('is refused by another gateway as soon as that one follows', async () => {
    const { account, secret } = await aFamily()
    const elsewhere = another()
    await elsewhere.follow()
    requireScope(await elsewhere.authenticate(secret), 'call')
    await accounts.suspend(account.id, WHY)
    await elsewhere.follow()
    const principal = await elsewhere.authenticate(secret)
    expect(() => requireScope(principal, 'call')).toThrow('suspended')
  })

  test('sells nothing, and neither do those below it, nor one that was closed', async () => {
    const { account, secret, below } = await aFamily()
    const free = await aFamily()
    const ids = [account.id, below.account.id, free.account.id, free.below.account.id]
    expect([...(await stoppedSellers(opened.store.db, ids))]).toEqual([])
    await accounts.suspend(account.id, WHY)
    expect(await stoppedSellers(opened.store.db, ids)).toEqual(
      new Map([
        [account.id, 'fraud'],
        [below.account.id, 'fraud'],
      ]),
    )
    await accounts.resume(account.id)
    await accounts.subAccounts.close(await accounts.authenticate(secret), below.account.id)
    expect([...(await stoppedSellers(opened.store.db, ids))]).toEqual([
      [below.account.id, 'closed'],
    ])
  })

  test('is never the operator, and must exist', async () => {
    const { account } = await accounts.create({ name: 'Souk', kind: 'operator' })
    await expect(accounts.suspend(account.id, WHY)).rejects.toMatchObject({ code: 'forbidden' })
    for (const act of [accounts.suspend('acct_none', WHY), accounts.resume('acct_none')]) {
      await expect(act).rejects.toMatchObject({ code: 'account_not_found' })
    }
  })

  test('is found by its status, by a part of its name, and page by page', async () => {
    const names = ['Kestrel one', 'Kestrel two', 'KESTREL three']
    for (const name of names) {
      await accounts.create({ name })
      clock.advance(1)
    }
    const found = await accounts.list({ query: 'kestrel', limit: 2 })
    const rest = await accounts.list({ query: 'kestrel', limit: 2, after: found.next })
    expect([...found.accounts, ...rest.accounts].map(({ name }) => name)).toEqual(names)
    expect(rest.next).toBeUndefined()
    await accounts.suspend(found.accounts[0]!.id, WHY)
    const suspended = await accounts.list({ status: 'suspended', query: 'kestrel', limit: 9 })
    expect(suspended.accounts.map(({ name }) => name)).toEqual(['Kestrel one'])
    expect((await accounts.list({ query: '%', limit: 9 })).accounts).toEqual([])
  })
})
