/** What a ledger promises about units of work: rows beside commands, and counters beside holds. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import type { CounterKind, Ledger } from '#ledger'
import {
  aBuyer,
  aClaim,
  aReference,
  aRow,
  captureOf,
  counterOf,
  holdOf,
  type LedgerUnderTest,
  releaseOf,
  rowExists,
  unitOf,
  usdc,
  verdictOf,
} from '../support/ledger-units.js'

export function keepsUnitsApart(use: () => LedgerUnderTest): void {
  test('rows are written with their commands, and not without them', async () => {
    const { ledger, store } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const [good, bad] = [randomUUID(), randomUUID()]
    const hold = (amount: Nanos, row: string) =>
      ledger.commit({ commands: [holdOf(account, amount)], rows: () => [aRow(row)] })
    expect(verdictOf(await hold(usdc('1'), good))).toBe('accepted')
    expect(verdictOf(await hold(usdc('1'), bad))).toBe('insufficient')
    expect(await rowExists(store, good)).toBe(true)
    expect(await rowExists(store, bad)).toBe(false)
  })

  test('a unit of two commands stands or falls as one', async () => {
    const { ledger } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const twoHolds = unitOf(holdOf(account, usdc('0.9')), holdOf(account, usdc('0.9')))
    expect(verdictOf(await ledger.commit(twoHolds))).toBe('insufficient')
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('1'), held: 0n })
  })

  test('a row that refuses takes only its own unit down, commands and other rows included', async () => {
    const { ledger, store } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const [claim, beside] = [randomUUID(), randomUUID()]
    const claiming = () =>
      ledger.commit({
        commands: [holdOf(account, usdc('0.3'))],
        rows: () => [aRow(`${beside}-${randomUUID()}`), aClaim(claim)],
      })
    const outcomes = await Promise.all([
      claiming(),
      claiming(),
      ledger.commit({ commands: [holdOf(account, usdc('0.1'))], rows: () => [aRow(beside)] }),
    ])
    expect(outcomes.map(verdictOf)).toEqual(['accepted', 'row', 'accepted'])
    expect(outcomes[1]).toEqual({ accepted: false, refusal: { reason: 'row', name: 'taken' } })
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('0.4') })
    const rows = await store.query('select name from settings where name like ?', [`${beside}%`])
    expect(rows).toHaveLength(2)
  })

  test('rows that throw reject only their own unit', async () => {
    const { ledger } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const hold = (rows: () => never[]) =>
      ledger.commit({ commands: [holdOf(account, usdc('0.3'))], rows })
    const outcomes = await Promise.allSettled([
      hold(() => []),
      hold(() => {
        throw new Error('the rows cannot be made')
      }),
      hold(() => []),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('0.6') })
  })

  test('a row that the database rejects rejects only its own unit', async () => {
    const { ledger } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const name = randomUUID()
    const hold = () =>
      ledger.commit({ commands: [holdOf(account, usdc('0.3'))], rows: () => [aRow(name)] })
    const outcomes = await Promise.allSettled([hold(), hold()])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('0.3') })
  })

  test('what rows changed in memory is undone, last first, unless its unit was written', async () => {
    const { ledger } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const claim = randomUUID()
    const made: string[] = []
    const hold = (name: string, amount: Nanos, row = randomUUID()) =>
      ledger.commit({
        commands: [holdOf(account, amount)],
        rows: () => {
          made.push(name)
          return [aClaim(row)]
        },
        onRolledBack: () => expect(made.pop()).toBe(name),
      })
    const outcomes = await Promise.all([
      hold('first', usdc('0.1'), claim),
      hold('refused by its row', usdc('0.1'), claim),
      hold('second', usdc('0.1')),
      hold('refused by the balance', usdc('7')),
      hold('third', usdc('0.1')),
    ])
    expect(outcomes.map(verdictOf)).toEqual([
      'accepted',
      'row',
      'accepted',
      'insufficient',
      'accepted',
    ])
    expect(made).toEqual(['first', 'second', 'third'])
  })
}

export function settlesCounters(use: () => Ledger): void {
  test.each<[CounterKind, 'capture' | 'release', bigint]>([
    ['spend', 'capture', 400n],
    ['spend', 'release', 0n],
    ['use', 'capture', 1_000n],
    ['use', 'release', 0n],
    ['attempt', 'capture', 1_000n],
    ['attempt', 'release', 1_000n],
    ['open', 'capture', 0n],
    ['open', 'release', 0n],
  ])('a counter of kind %s leaves, after a %s, %d of 1000', async (kind, ending, left) => {
    const ledger = use()
    const account = await aBuyer(ledger, nanos(5_000n))
    const counter = counterOf(aReference(), kind, 1_000n, 1_500n)
    const hold = holdOf(account, nanos(1_000n), { counters: [counter] })
    await ledger.commit(unitOf(hold))
    expect(await ledger.usedOf([counter])).toEqual([1_000n])
    const { reference } = hold
    const capture = captureOf(reference, nanos(390n), nanos(10n))
    await ledger.commit(unitOf(ending === 'capture' ? capture : releaseOf(reference)))
    expect(await ledger.usedOf([counter])).toEqual([left])
  })

  test('a ceiling of 10 lets exactly 10 of 200 through that arrive at once', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1000'))
    const counter = counterOf(aReference(), 'use', 1n, 10n)
    const holds = Array.from({ length: 200 }, () =>
      ledger.commit(unitOf(holdOf(account, usdc('1'), { counters: [counter] }))),
    )
    const verdicts = (await Promise.all(holds)).map(verdictOf)
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(10)
    expect(verdicts.filter((verdict) => verdict === 'counter')).toHaveLength(190)
    expect(await ledger.usedOf([counter])).toEqual([10n])
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('10') })
  })

  test('a hold at one of its ceilings counts on none of the others', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const [free, full] = [aReference(), aReference()]
    const counters = [counterOf(free, 'use', 1n, 9n), counterOf(full, 'use', 3n, 2n)]
    const refused = await ledger.commit(unitOf(holdOf(account, usdc('0.1'), { counters })))
    expect(refused).toEqual({
      accepted: false,
      refusal: { reason: 'counter', counter: counters[1], used: 0n },
    })
    expect(await ledger.usedOf(counters)).toEqual([0n, 0n])
  })

  test('a hold that the balance refuses counts on nothing', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const counter = counterOf(aReference(), 'attempt', 1n, 9n)
    await ledger.commit(unitOf(holdOf(account, usdc('2'), { counters: [counter] })))
    expect(await ledger.usedOf([counter])).toEqual([0n])
  })

  test('windows of one scope are counted apart', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const today = counterOf(aReference(), 'use', 1n, 1n)
    const tomorrow = { ...today, window: 'day:2026-01-16' }
    for (const counter of [today, tomorrow]) {
      const hold = unitOf(holdOf(account, usdc('0.1'), { counters: [counter] }))
      expect(verdictOf(await ledger.commit(hold))).toBe('accepted')
    }
    expect(await ledger.usedOf([tomorrow, today])).toEqual([1n, 1n])
  })
}
