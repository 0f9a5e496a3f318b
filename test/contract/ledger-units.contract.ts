/** What a ledger promises about units of work: rows beside commands, and counters beside holds. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import type { CounterKind, Ledger } from '#ledger'
import type { RowWrite } from '#store'
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
import type { Link } from '../support/link-recorder.js'

export function keepsUnitsApart(use: () => LedgerUnderTest): void {
  test('rows are written with their commands, and not without them', async () => {
    const { ledger, store } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const [good, bad] = [randomUUID(), randomUUID()]
    const hold = (amount: Nanos, row: string) =>
      ledger.commit({ commands: [holdOf(account, amount)], rows: [aRow(row)] })
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
        rows: [aRow(`${beside}-${randomUUID()}`), aClaim(claim)],
      })
    const outcomes = await Promise.all([
      claiming(),
      claiming(),
      ledger.commit({ commands: [holdOf(account, usdc('0.1'))], rows: [aRow(beside)] }),
    ])
    expect(outcomes.map(verdictOf)).toEqual(['accepted', 'row', 'accepted'])
    expect(outcomes[1]).toEqual({ accepted: false, refusal: { reason: 'row', name: 'taken' } })
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('0.4') })
    const rows = await store.query('select name from settings where name like ?', [`${beside}%`])
    expect(rows).toHaveLength(2)
  })

  test('a row that the database rejects rejects only its own unit', async () => {
    const { ledger } = use()
    const account = await aBuyer(ledger, usdc('1'))
    const name = randomUUID()
    const hold = () =>
      ledger.commit({ commands: [holdOf(account, usdc('0.3'))], rows: [aRow(name)] })
    const outcomes = await Promise.allSettled([hold(), hold()])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await ledger.balanceOf(account)).toMatchObject({ held: usdc('0.3') })
  })
}

export function recordsInOrder(use: () => LedgerUnderTest): void {
  const link = (account: string, entry: Link, amount = usdc('0.1'), rows: RowWrite[] = []) =>
    use().ledger.commit({ commands: [holdOf(account, amount)], rows, entry })

  async function linksOf(chain: string): Promise<string[]> {
    const rows = await use().store.query<{ name: string; value: string }>(
      "select name, value from settings where name like ? || '/%'",
      [chain],
    )
    const numbered = rows.map(({ name, value }) => [Number(name.split('/')[1]), value] as const)
    numbered.sort(([a], [b]) => a - b)
    expect(numbered.map(([number]) => number)).toEqual(numbered.map((_, i) => i + 1))
    return numbered.map(([, value]) => value)
  }

  test('an entry is recorded in the order of the units, and its caller is told', async () => {
    const account = await aBuyer(use().ledger, usdc('5'))
    const chain = randomUUID()
    const names = Array.from({ length: 30 }, (_, i) => `link ${i}`)
    const outcomes = await Promise.all(names.map((name) => link(account, { chain, name })))
    expect(outcomes).toMatchObject(names.map((_, i) => ({ accepted: true, recorded: i + 1 })))
    expect(await linksOf(chain)).toEqual(names)
  })

  test('what was refused or failed leaves no gap, and others keep what they were told', async () => {
    const account = await aBuyer(use().ledger, usdc('5'))
    const [chain, other, claim] = [randomUUID(), randomUUID(), randomUUID()]
    const outcomes = await Promise.allSettled([
      link(account, { chain, name: 'first' }, usdc('0.1'), [aClaim(claim)]),
      link(account, { chain, name: 'refused by its row' }, usdc('0.1'), [aClaim(claim)]),
      link(account, { chain: other, name: 'alone' }),
      link(account, { chain, name: 'broken', breaks: true }),
      link(account, { chain, name: 'second' }),
      link(account, { chain, name: 'refused by the balance' }, usdc('70')),
      link(account, { chain, name: 'third' }),
    ])
    const told = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') return (outcome.reason as Error).message
      return outcome.value.accepted ? outcome.value.recorded : verdictOf(outcome.value)
    })
    expect(told).toEqual([1, 'row', 1, 'the recorder breaks', 2, 'insufficient', 3])
    expect(await linksOf(chain)).toEqual(['first', 'second', 'third'])
    expect(await linksOf(other)).toEqual(['alone'])
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
