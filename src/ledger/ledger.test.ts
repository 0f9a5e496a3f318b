/** What is true of the ledger on SQLite alone; what every ledger promises is in test/contract. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { defineInsert } from '#store'
import {
  aNearbyLedger,
  aSqliteLedger,
  aThreadedLedger,
  type OpenedLedger,
} from '../../test/support/a-store.js'
import {
  aBuyer,
  aReference,
  aRow,
  grantOf,
  holdOf,
  rowExists,
  unitOf,
  usdc,
  verdictOf,
} from '../../test/support/ledger-units.js'

const insertLarge = defineInsert('settings', { name: 'text', value: 'text' })
const LARGE = 'x'.repeat(4_000_000)

let opened: OpenedLedger
let isOpen = true
beforeEach(async () => {
  opened = await aSqliteLedger()
  isOpen = true
})
afterEach(async () => {
  if (isOpen) await opened.close()
})

/** A hold with a link of the chain `links`. */
function linked(account: string, name: string, row = aRow(aReference())) {
  const commands = [holdOf(account, usdc('0.1'))]
  return opened.ledger.commit({ commands, rows: [row], entry: { chain: 'links', name } })
}

describe('a storage that is full', () => {
  const fillUp = () => opened.store.money.pragma('max_page_count = 1')
  const makeRoom = () => opened.store.money.pragma('max_page_count = 1000000')

  test('refuses every unit of the flush as storage_full, and keeps nothing of any', async () => {
    const { ledger, store } = opened
    const account = await aBuyer(ledger, usdc('1'))
    const before = await ledger.balanceOf(account)
    fillUp()
    const outcomes = await Promise.allSettled([
      linked(account, 'first', aRow('small')),
      linked(account, 'second', insertLarge([aReference(), LARGE])),
      linked(account, 'third'),
    ])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'storage_full', status: 503, retryAfterMs: 30_000 },
      })
    }
    expect(await ledger.balanceOf(account)).toEqual(before)
    expect(await rowExists(store, 'small')).toBe(false)
    expect((await ledger.audit()).findings).toEqual([])
  })

  test('takes units again as soon as there is room', async () => {
    const { ledger } = opened
    const account = await aBuyer(ledger, usdc('1'))
    fillUp()
    const large = () => linked(account, 'large', insertLarge(['large', LARGE]))
    await expect(large()).rejects.toMatchObject({ code: 'storage_full' })
    expect(ledger.takesWrites()).toBe(false)
    makeRoom()
    expect(await large()).toMatchObject({ accepted: true, recorded: 1 })
    expect(ledger.takesWrites()).toBe(true)
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('0.9'), held: usdc('0.1') })
  })

  test('forgets the accounts that it could not write', async () => {
    const { ledger } = opened
    fillUp()
    const opening = {
      ...unitOf(grantOf('acct_new', usdc('1'))),
      rows: [insertLarge(['large', LARGE])],
    }
    await expect(ledger.commit(opening)).rejects.toMatchObject({ code: 'storage_full' })
    makeRoom()
    expect(verdictOf(await ledger.commit(unitOf(grantOf('acct_new', usdc('2')))))).toBe('accepted')
    expect(await ledger.balanceOf('acct_new')).toEqual({ available: usdc('2'), held: 0n })
  })
})

describe('a storage that cannot be written', () => {
  test('because another process holds it rejects the flush, and later ones go through', async () => {
    const { ledger, store } = opened
    const account = await aBuyer(ledger, usdc('1'))
    store.money.pragma('busy_timeout = 1')
    const other = new Database(store.file)
    other.exec('begin immediate')
    const outcomes = await Promise.allSettled([linked(account, 'first'), linked(account, 'second')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    other.exec('rollback')
    other.close()
    expect(await linked(account, 'third')).toMatchObject({ accepted: true, recorded: 1 })
  })

  test('because its thread has ended rejects what comes', async () => {
    const { ledger, close } = await aThreadedLedger()
    const account = await aBuyer(ledger, usdc('1'))
    await close()
    await expect(ledger.commit(unitOf(holdOf(account, usdc('0.1'))))).rejects.toThrow('closed')
  })

  test('because it is closed rejects what comes', async () => {
    const account = await aBuyer(opened.ledger, usdc('1'))
    await opened.close()
    isOpen = false
    await expect(linked(account, 'late')).rejects.toThrow()
  })
})

test('what waits when the ledger closes is written first', async () => {
  const { ledger } = opened
  const account = await aBuyer(ledger, usdc('100'))
  const holds = Array.from({ length: 150 }, () =>
    ledger.commit(unitOf(holdOf(account, usdc('0.1')))),
  )
  await ledger.close()
  const balance = await ledger.balanceOf(account)
  expect(balance.held).toBe(usdc('15'))
  expect((await Promise.all(holds)).map(verdictOf)).toEqual(Array(150).fill('accepted'))
})

test('units that arrive together share a flush, at most 64 of them', async () => {
  const { ledger, flushes } = opened
  const account = await aBuyer(ledger, usdc('100'))
  flushes.length = 0
  const holds = Array.from({ length: 200 }, () =>
    ledger.commit(unitOf(holdOf(account, usdc('0.1')))),
  )
  expect(ledger.waiting()).toBe(200)
  await Promise.all(holds)
  expect(flushes).toEqual([64, 64, 64, 8])
  expect(ledger.waiting()).toBe(0)
})

test('what the thread cannot be sent is refused alone, and its statements are sent again', async () => {
  const { ledger, close } = await aThreadedLedger()
  const insertOnce = defineInsert('settings', { name: 'text', value: 'text' })
  const rows = [insertOnce([aReference(), 'a value'])]
  const unsendable = ledger.commit({ commands: [], rows, entry: { chain: 'a', name: () => {} } })
  await expect(unsendable).rejects.toThrow('could not be cloned')
  const account = await aBuyer(ledger, usdc('1'))
  const commands = [holdOf(account, usdc('0.1'))]
  const sent = await ledger.commit({ commands, rows, entry: { chain: 'a', name: 'first' } })
  expect(sent).toMatchObject({ accepted: true, recorded: 1 })
  await close()
})

test('whoever writes, here or in the thread, goes on where the other one ended', async () => {
  const { ledger, flushes, close } = await aNearbyLedger()
  const account = await aBuyer(ledger, usdc('100'))
  let links = 0
  const link = () =>
    ledger.commit({ ...unitOf(holdOf(account, usdc('0.1'))), entry: { chain: 'a', name: '' } })
  const next = () => ({ accepted: true, recorded: ++links })
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 20; i++) expect(await link()).toMatchObject(next())
    const together = await Promise.all(Array.from({ length: 50 }, link))
    expect(together).toMatchObject(together.map(next))
  }
  expect(new Set(flushes)).toEqual(new Set([1]))
  expect(flushes.length).toBeGreaterThan(20)
  expect(flushes.length).toBeLessThan(60)
  expect((await ledger.audit()).findings).toEqual([])
  await close()
})

test('a hold of nothing opens no account', async () => {
  const { ledger } = opened
  const hold = unitOf(holdOf('acct_poor', nanos(0n)))
  expect(await ledger.commit(hold)).toMatchObject({ accepted: true, results: [{ available: 0n }] })
  const names = (await ledger.audit()).accounts.map(({ name }) => name)
  expect(names).not.toContain('buyer:acct_poor:available')
})

test('an account that is opened by a refused unit is opened by the next one', async () => {
  const { ledger } = opened
  const opening = unitOf(grantOf('acct_new', usdc('1')), holdOf('acct_new', usdc('2')))
  const both = await Promise.all([
    ledger.commit(opening),
    ledger.commit(unitOf(grantOf('acct_new', usdc('3')))),
  ])
  expect(both.map(verdictOf)).toEqual(['insufficient', 'accepted'])
  expect(await ledger.balanceOf('acct_new')).toEqual({ available: usdc('3'), held: 0n })
})

describe('the last line of defence is in the tables themselves', () => {
  test.each([
    [
      'a balance below nothing',
      'update ledger_accounts set balance = -1 where may_be_negative = 0',
    ],
    [
      'a balance that is no integer',
      'update ledger_accounts set balance = 1e300 where may_be_negative = 1',
    ],
    ['a posting of nothing', 'update ledger_postings set amount = 0'],
    ['a hold below nothing', 'update ledger_holds set amount = -1'],
  ])('%s cannot be written', async (_what, statement) => {
    const { ledger, store } = opened
    const account = await aBuyer(ledger, usdc('1'))
    await ledger.commit(unitOf(holdOf(account, usdc('0.5'))))
    expect(() => store.money.exec(statement)).toThrow(/CHECK constraint failed/)
  })
})

describe('an audit', () => {
  test('runs off the event loop, and is shared by those who ask while it runs', async () => {
    const { ledger } = opened
    await aBuyer(ledger, usdc('1'))
    const started = once(process, 'worker')
    const [first, second] = [ledger.audit(), ledger.audit()]
    const [worker] = await started
    expect(worker).toBeInstanceOf(Worker)
    expect(await first).toBe(await second)
    expect(await ledger.audit()).not.toBe(await first)
  })

  test('sees one moment of the ledger, however much is written meanwhile', async () => {
    const { ledger } = opened
    const account = await aBuyer(ledger, usdc('100'))
    const audits = []
    for (let round = 0; round < 10; round++) {
      audits.push(ledger.audit())
      const holds = Array.from({ length: 50 }, () =>
        ledger.commit(unitOf(holdOf(account, nanos(7n)))),
      )
      await Promise.all(holds)
    }
    for (const audit of await Promise.all(audits)) expect(audit.findings).toEqual([])
  })

  test('that cannot read the books says why, and the next one runs again', async () => {
    const { ledger, store } = opened
    await aBuyer(ledger, usdc('1'))
    const fault = new Database(store.file)
    fault.exec('alter table ledger_holds rename to hidden')
    await expect(ledger.audit()).rejects.toThrow('ledger_holds')
    fault.exec('alter table hidden rename to ledger_holds')
    fault.close()
    expect((await ledger.audit()).balanced).toBe(true)
  })
})

test('a thread that writes gives the code of a storage error back', async () => {
  const threaded = await aThreadedLedger()
  const { ledger, store } = threaded
  await ledger.commit(unitOf(grantOf('acct_a', usdc('1'))))
  store.money.exec('drop table ledger_counters')
  const unknown = unitOf(
    holdOf('acct_a', usdc('1'), {
      counters: [{ scope: 'a', window: 'b', kind: 'use', amount: 1n, ceiling: 1n, endsAtMs: null }],
    }),
  )
  await expect(ledger.commit(unknown)).rejects.toThrow('ledger_counters')
  expect(verdictOf(await ledger.commit(unitOf(holdOf('acct_a', usdc('1')))))).toBe('accepted')
  await threaded.close()
})
