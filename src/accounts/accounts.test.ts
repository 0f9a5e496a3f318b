import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { parseUsdc } from '#core/money'
import { openStore, type SqliteStore } from '#store'
import {
  type Accounts,
  createAccounts,
  type NewKey,
  newSecret,
  type Principal,
  requireOperator,
  requireScope,
  SCOPES,
  showKey,
} from './accounts.js'

const HOUR_MS = 60 * 60 * 1_000

let folder: string
let store: SqliteStore
let clock: ReturnType<typeof handClock>
let accounts: Accounts

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'souk-accounts-'))
  store = await openStore({ file: join(folder, 'souk.db') })
})

beforeEach(() => {
  clock = handClock()
  accounts = createAccounts({ store, clock, keyEnvironment: 'test' })
})

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

async function anAccount(): Promise<{ principal: Principal; secret: string }> {
  const { secret } = await accounts.create({ name: 'Acme' })
  return { principal: await accounts.authenticate(secret), secret }
}

async function aChild(parent: Principal, terms: Partial<NewKey> = {}) {
  const made = await accounts.createKey(parent, { name: 'child', scopes: SCOPES, ...terms })
  return { ...made, principal: await accounts.authenticate(made.secret) }
}

const refused = { code: 'unauthenticated' }

/** How many queries `work` makes. */
async function queriesOf(work: () => Promise<unknown>): Promise<number> {
  let queries = 0
  const count = () => {
    queries++
  }
  store.db.on('query', count)
  await work().catch(() => {})
  store.db.removeListener('query', count)
  return queries
}

test('who was asking is renewed: bound by what holds now, refused once the key is over', async () => {
  const { account, secret } = await accounts.create({ name: 'Renewed' })
  const before = await accounts.authenticate(secret)
  await accounts.change(account.id, { limits: { day: '2' } })
  expect((await accounts.renew(before)).account.limits).toEqual({ day: parseUsdc('2') })
  await accounts.revokeKey(before, before.key.id)
  await expect(accounts.renew(before)).rejects.toMatchObject({ code: 'unauthenticated' })
})

describe('an account', () => {
  test('is made with a first key of all scopes and no limits', async () => {
    const { account, secret } = await accounts.create({ name: 'Acme', slug: 'acme' })
    expect(account).toMatchObject({ slug: 'acme', name: 'Acme', kind: 'account' })
    const { key } = await accounts.authenticate(secret)
    expect(key).toMatchObject({ scopes: SCOPES, limits: {}, parentId: null, expiresAtMs: null })
    expect(await accounts.get(account.id)).toEqual(account)
    expect(await accounts.bySlug('acme')).toEqual(account)
  })

  test('keeps its slug to itself, also against one that comes at the same moment', async () => {
    const attempts = [1, 2, 3].map(() => accounts.create({ name: 'Twin', slug: 'twin' }))
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'slug_taken' })
    }
  })

  test.each([
    'Acme & Söhne',
    '東京',
    '   -- ',
    'a'.repeat(120),
    `${'word '.repeat(24)}`,
    'abcdefghijklmnopqrstuvwxyz12345 x',
  ])('named %j gets a slug of lower-case words, and a second one another', async (name) => {
    const [one, two] = [await accounts.create({ name }), await accounts.create({ name })]
    for (const { account } of [one, two]) {
      expect(account.slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      expect(account.slug.length).toBeLessThanOrEqual(48)
    }
    expect(one.account.slug).not.toBe(two.account.slug)
  })

  test('that does not exist is account_not_found', async () => {
    await expect(accounts.get('acct_nobody')).rejects.toMatchObject({ code: 'account_not_found' })
    expect(await accounts.bySlug('nobody')).toBeUndefined()
  })
})

describe('a secret', () => {
  test('is nowhere in the database; its SHA-256 is', async () => {
    const { secret, principal } = await anAccount()
    const { secret: child } = await aChild(principal)
    const bytes = Buffer.concat(['', '-wal'].map((part) => readFileSync(store.file + part)))
    for (const text of [secret, child, secret.slice(10, 40)])
      expect(bytes.includes(text)).toBe(false)
    const rows = await store.db('api_keys').where({ account_id: principal.account.id })
    for (const { hash } of rows) expect(hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('is not part of a key as it is listed', async () => {
    const { principal, secret } = await anAccount()
    const [key] = await accounts.listKeys(principal.account.id)
    expect(JSON.stringify(showKey(key!))).not.toContain(secret.slice(-20))
    expect(Object.keys(showKey(key!)).toSorted()).toEqual([
      'created_at',
      'expires_at',
      'id',
      'limits',
      'name',
      'parent_id',
      'revoked_at',
      'scopes',
    ])
  })

  test('that is mistyped is refused without asking the database', async () => {
    const { secret } = await anAccount()
    const mistyped = secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')
    expect(await queriesOf(() => accounts.authenticate(mistyped))).toBe(0)
    await expect(accounts.authenticate(mistyped)).rejects.toMatchObject(refused)
  })

  test.each([undefined, '', 'Bearer', newSecret('test'), 'x'.repeat(10_000)])(
    'that nobody has is unauthenticated',
    async (secret) => {
      await expect(accounts.authenticate(secret)).rejects.toMatchObject(refused)
    },
  )

  test('that is known is not looked up again for two seconds', async () => {
    const { secret } = await anAccount()
    expect(await queriesOf(() => accounts.authenticate(secret))).toBe(0)
    clock.advance(2_000)
    expect(await queriesOf(() => accounts.authenticate(secret))).toBeGreaterThan(0)
  })
})

describe('a key that a key makes', () => {
  test('has at most the scopes of its parent', async () => {
    const { principal } = await anAccount()
    const middle = await aChild(principal, { scopes: ['manage', 'read'] })
    await expect(aChild(middle.principal, { scopes: ['call'] })).rejects.toMatchObject({
      code: 'insufficient_scope',
    })
    const leaf = await aChild(middle.principal, { scopes: ['read'] })
    expect(leaf.principal.key.scopes).toEqual(['read'])
  })

  test.each(['call', 'day', 'month', 'lifetime'] as const)(
    'has at most the %s limit of its parent',
    async (name) => {
      const { principal } = await anAccount()
      const middle = await aChild(principal, { limits: { [name]: '1' } })
      await expect(
        aChild(middle.principal, { limits: { [name]: '1.000000001' } }),
      ).rejects.toMatchObject({ code: 'invalid_request' })
      const leaf = await aChild(middle.principal, { limits: { [name]: '1' } })
      expect(leaf.principal.key.limits).toEqual({ [name]: parseUsdc('1') })
    },
  )

  test('carries the limits of all its ancestors, so that what it spends counts for each', async () => {
    const { principal } = await anAccount()
    const middle = await aChild(principal, { limits: { day: '2' } })
    const leaf = await aChild(middle.principal, { limits: { call: '0.5' } })
    expect(leaf.principal.lineage).toEqual([
      { id: leaf.key.id, limits: { call: parseUsdc('0.5') }, allow: {} },
      { id: middle.key.id, limits: { day: parseUsdc('2') }, allow: {} },
      { id: principal.key.id, limits: {}, allow: {} },
    ])
  })

  test('expires no later than its parent, and when it does if nothing is said', async () => {
    const { principal } = await anAccount()
    const expiresAtMs = clock.now() + HOUR_MS
    const middle = await aChild(principal, { expiresAtMs })
    await expect(aChild(middle.principal, { expiresAtMs: expiresAtMs + 1 })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const leaf = await aChild(middle.principal)
    expect(leaf.key.expiresAtMs).toBe(expiresAtMs)
  })

  test('is refused from the very millisecond in which it expires, although it is cached', async () => {
    const { principal } = await anAccount()
    const { secret } = await aChild(principal, { expiresAtMs: clock.now() + 1_000 })
    clock.advance(999)
    await expect(accounts.authenticate(secret)).resolves.toBeDefined()
    clock.advance(1)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject(refused)
  })
})

describe('rotation', () => {
  test('gives a key a new secret under the same id, and the old one is refused at once', async () => {
    const { principal, secret } = await anAccount()
    const { key, secret: fresh } = await accounts.rotateKey(principal, principal.key.id)
    expect(key.id).toBe(principal.key.id)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject(refused)
    expect((await accounts.authenticate(fresh)).key.id).toBe(principal.key.id)
  })

  test('leaves the keys below it as they are', async () => {
    const { principal } = await anAccount()
    const child = await aChild(principal)
    await accounts.rotateKey(principal, principal.key.id)
    expect((await accounts.authenticate(child.secret)).key.id).toBe(child.key.id)
  })
})

describe('revocation', () => {
  test('ends a key and all that descend from it at once, and nobody else', async () => {
    const { principal, secret } = await anAccount()
    const child = await aChild(principal)
    const grandchild = await aChild(child.principal)
    const sibling = await aChild(principal)
    await accounts.revokeKey(principal, child.key.id)
    for (const ended of [child.secret, grandchild.secret]) {
      await expect(accounts.authenticate(ended)).rejects.toMatchObject(refused)
    }
    for (const left of [secret, sibling.secret]) await accounts.authenticate(left)
  })

  test('is seen by another gateway of the same database within two seconds', async () => {
    const { principal } = await anAccount()
    const { key, secret } = await aChild(principal)
    const other = createAccounts({ store, clock, keyEnvironment: 'test' })
    await other.authenticate(secret)
    await accounts.revokeKey(principal, key.id)
    clock.advance(2_000)
    await expect(other.authenticate(secret)).rejects.toMatchObject(refused)
  })

  test('is not undone by a look-up that began before it', async () => {
    const { principal } = await anAccount()
    const { key, secret } = await accounts.createKey(principal, { name: 'child', scopes: ['call'] })
    await Promise.all([
      accounts.authenticate(secret).catch(() => {}),
      accounts.revokeKey(principal, key.id),
      accounts.authenticate(secret).catch(() => {}),
    ])
    await expect(accounts.authenticate(secret)).rejects.toMatchObject(refused)
  })

  test('reaches a key that was being made meanwhile', async () => {
    const { principal } = await anAccount()
    const child = await aChild(principal)
    await accounts.revokeKey(principal, child.key.id)
    const late = await accounts.createKey(child.principal, { name: 'late', scopes: ['call'] })
    await expect(accounts.authenticate(late.secret)).rejects.toMatchObject(refused)
  })

  test('leaves the key on record, with the time of its end', async () => {
    const { principal } = await anAccount()
    const { key } = await aChild(principal)
    clock.advance(5_000)
    await accounts.revokeKey(principal, key.id)
    const kept = (await accounts.listKeys(principal.account.id)).find(({ id }) => id === key.id)
    expect(kept!.revokedAtMs).toBe(clock.now())
  })
})

describe('a key cannot rotate or revoke', () => {
  let root: Principal
  let child: Principal
  let others: Record<string, string>

  beforeEach(async () => {
    root = (await anAccount()).principal
    child = (await aChild(root)).principal
    const ended = await aChild(child)
    await accounts.revokeKey(child, ended.key.id)
    others = {
      'its parent': root.key.id,
      'its sibling': (await aChild(root)).key.id,
      'a key of another account': (await anAccount()).principal.key.id,
      'a key that was revoked': ended.key.id,
      'no key at all': 'key_nobody',
    }
  })

  test.each([
    'its parent',
    'its sibling',
    'a key of another account',
    'a key that was revoked',
    'no key at all',
  ])('%s, and is told the same as for every other', async (whose) => {
    const told = { code: 'key_not_found', message: 'There is no such key below the one that asks.' }
    await expect(accounts.rotateKey(child, others[whose]!)).rejects.toMatchObject(told)
    await expect(accounts.revokeKey(child, others[whose]!)).rejects.toMatchObject(told)
  })

  test('anything, once it was revoked itself', async () => {
    const below = await aChild(child)
    await accounts.revokeKey(root, child.key.id)
    await expect(accounts.rotateKey(child, child.key.id)).rejects.toMatchObject({
      code: 'key_not_found',
    })
    await expect(accounts.rotateKey(child, below.key.id)).rejects.toMatchObject({
      code: 'key_not_found',
    })
  })

  test('but itself and what it made', async () => {
    const below = await aChild(child)
    await accounts.rotateKey(child, below.key.id)
    await accounts.revokeKey(child, below.key.id)
    await accounts.rotateKey(child, child.key.id)
    await accounts.revokeKey(child, child.key.id)
  })
})

describe('a fixed secret', () => {
  const fixed = 'operator-secret-of-any-form-0123456789'

  test('replaces the first key, keeps its id, and is replaced by the next', async () => {
    const { principal, secret } = await anAccount()
    await accounts.fixSecret(principal.account.id, fixed)
    expect((await accounts.authenticate(fixed)).key.id).toBe(principal.key.id)
    await expect(accounts.authenticate(secret)).rejects.toMatchObject(refused)
    await accounts.fixSecret(principal.account.id, `${fixed}-changed`)
    await expect(accounts.authenticate(fixed)).rejects.toMatchObject(refused)
    await accounts.authenticate(`${fixed}-changed`)
  })

  test('may look like a mistyped key', async () => {
    const { principal } = await anAccount()
    const looksMistyped = 'souk_operator_key_for_automation_0001'
    await accounts.fixSecret(principal.account.id, looksMistyped)
    expect((await accounts.authenticate(looksMistyped)).key.id).toBe(principal.key.id)
  })

  test('brings back an operator who revoked the first key', async () => {
    const { principal } = await anAccount()
    await accounts.revokeKey(principal, principal.key.id)
    await accounts.fixSecret(principal.account.id, `${fixed}-again`)
    await accounts.authenticate(`${fixed}-again`)
  })
})

describe('what a key may do', () => {
  test('needs one of the scopes named, and the refusal names the first', async () => {
    const { principal } = await anAccount()
    const reader = (await aChild(principal, { scopes: ['read'] })).principal
    requireScope(reader, 'call', 'read')
    expect(() => requireScope(reader, 'call', 'sell')).toThrow(
      expect.objectContaining({
        code: 'insufficient_scope',
        facts: { required_scope: 'call' },
      }),
    )
  })

  test('includes the operator’s acts only for the operator', async () => {
    const { principal } = await anAccount()
    expect(() => requireOperator(principal)).toThrow(expect.objectContaining({ code: 'forbidden' }))
    const { secret } = await accounts.create({ name: 'Souk', slug: 'operator', kind: 'operator' })
    requireOperator(await accounts.authenticate(secret))
  })
})
