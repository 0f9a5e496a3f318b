import { statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aSqliteLedger, aStore, type OpenedLedger } from '../../test/support/a-store.js'
import { aBuyer, aRow, holdOf, unitOf, usdc, verdictOf } from '../../test/support/ledger-units.js'
import { migrations } from './migrations/migrations.js'
import { isUniqueViolation, openStore, readSetting, writeSetting } from './store.js'

let opened: OpenedLedger
beforeAll(async () => {
  opened = await aSqliteLedger()
})
afterAll(() => opened.close())

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

describe('a transaction that waits', () => {
  test('never meets a flush: what is committed meanwhile comes after it', async () => {
    const { store, ledger } = opened
    const account = await aBuyer(ledger, usdc('1'))
    let committed = false
    const hold = store.inTransaction(async (tx) => {
      await tx('settings').insert({ name: 'held', value: '1' })
      const commit = ledger.commit(unitOf(holdOf(account, usdc('0.1')))).then((outcome) => {
        committed = true
        return outcome
      })
      for (let turns = 0; turns < 5; turns++) await nextTurn()
      expect(committed).toBe(false)
      await tx('settings').where({ name: 'held' }).update({ value: '2' })
      return { commit }
    })
    const { commit } = await hold
    expect(verdictOf(await commit)).toBe('accepted')
    expect(await readSetting(store.db, 'held')).toBe('2')
  })

  test('and hundreds of flushes and transactions at once all end', async () => {
    const { store, ledger } = opened
    const account = await aBuyer(ledger, usdc('100'))
    const transactions = Array.from({ length: 30 }, (_, i) =>
      store.inTransaction(async (tx) => {
        await tx('settings').insert({ name: `tx-${i}`, value: '' })
        await nextTurn()
        await tx('settings')
          .where({ name: `tx-${i}` })
          .update({ value: 'done' })
      }),
    )
    const commits = Array.from({ length: 300 }, (_, i) =>
      ledger.commit({
        commands: [holdOf(account, usdc('0.1'))],
        rows: [aRow(`unit-${i}`)],
      }),
    )
    const writes = Array.from({ length: 30 }, (_, i) =>
      writeSetting(store.db, `write-${i}`, 'done'),
    )
    await Promise.all([...transactions, ...commits, ...writes])
    const rows = await store.query<{ n: bigint }>(
      "select count(*) as n from settings where name like 'tx-%' or name like 'unit-%' or name like 'write-%'",
      [],
    )
    expect(rows).toEqual([{ n: 360n }])
  })

  test('leaves nothing behind when it fails, and lets the next one in', async () => {
    const { store } = opened
    const failing = store.inTransaction(async (tx) => {
      await tx('settings').insert({ name: 'half', value: '' })
      throw new Error('half way')
    })
    await expect(failing).rejects.toThrow('half way')
    expect(await readSetting(store.db, 'half')).toBeUndefined()
    await store.inTransaction((tx) => tx('settings').insert({ name: 'half', value: 'whole' }))
    expect(await readSetting(store.db, 'half')).toBe('whole')
  })
})

test('integers beyond 2^53 come back exactly, on both connections', async () => {
  const { store } = opened
  const large = 9_007_199_254_740_993n
  await store.db('ledger_counters').insert({ scope: 'a', window: 'b', used: large })
  expect(await store.db('ledger_counters').where({ scope: 'a' }).first('used')).toEqual({
    used: large,
  })
  const rows = await store.query("select used from ledger_counters where scope = 'a'", [])
  expect(rows).toEqual([{ used: large }])
})

test('every connection is durable: WAL, synchronous FULL, foreign keys', async () => {
  const { store } = opened
  for (const [pragma, value] of [
    ['journal_mode', 'wal'],
    ['synchronous', 2],
    ['foreign_keys', 1],
  ] as const) {
    expect(store.money.pragma(pragma, { simple: true })).toBe(value)
    const [row] = await store.db.raw(`pragma ${pragma}`)
    expect(String(Object.values(row)[0])).toBe(String(value))
  }
})

test('only its owner can read the file', () => {
  expect(statSync(opened.store.file).mode & 0o777).toBe(0o600)
  expect(statSync(`${opened.store.file}-wal`).mode & 0o777).toBe(0o600)
})

test('a setting is kept, and replaced by the next one of its name', async () => {
  const { db } = opened.store
  await writeSetting(db, 'colour', 'red')
  await writeSetting(db, 'colour', 'blue')
  expect(await readSetting(db, 'colour')).toBe('blue')
  expect(await readSetting(db, 'size')).toBeUndefined()
})

test('a value that must be unique and is not is told from other errors', async () => {
  const { db } = opened.store
  const twice = async () => {
    await db('settings').insert({ name: 'once', value: '' })
    await db('settings').insert({ name: 'once', value: '' })
  }
  await expect(twice()).rejects.toSatisfy(isUniqueViolation)
  const nothing = db('settings').insert({ name: 'null', value: null })
  await expect(nothing).rejects.not.toSatisfy(isUniqueViolation)
  expect(isUniqueViolation(undefined)).toBe(false)
})

describe('the migrations', () => {
  const tablesOf = async (store: OpenedLedger['store']) => {
    const rows = await store.query<{ name: string; sql: string }>(
      "select name, sql from sqlite_master where name not like 'knex%' and name not like 'sqlite%' order by name",
      [],
    )
    return rows.map(({ name, sql }) => `${name}: ${sql}`)
  }

  test('go down to nothing and up again to the same', async () => {
    const { store, close } = await aStore()
    const config = { migrationSource: migrations }
    const before = await tablesOf(store)
    await store.db.migrate.rollback(config, true)
    const between = await tablesOf(store)
    await store.db.migrate.latest(config)
    const after = await tablesOf(store)
    await close()
    expect(before.length).toBeGreaterThan(10)
    expect(between).toEqual([])
    expect(after).toEqual(before)
  })

  test('of a database that is up to date change nothing', async () => {
    const { store, close } = await aStore()
    await writeSetting(store.db, 'kept', 'yes')
    const again = await openStore({ file: store.file })
    expect(await readSetting(again.db, 'kept')).toBe('yes')
    await again.close()
    await close()
  })
})
