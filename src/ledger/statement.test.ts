import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { nanos } from '#core/money'
import { aPostgresLedger, aSqliteLedger } from '../../test/support/a-store.js'
import {
  AT_MS,
  aBuyer,
  aReference,
  captureOf,
  grantOf,
  holdOf,
  type LedgerUnderTest,
  releaseOf,
  SELLER,
  transferOf,
  unitOf,
  usdc,
} from '../../test/support/ledger-units.js'
import { BOOKS, type Book, markAt, readStatement } from './ledger.js'

const HOUR_MS = 3_600_000

describe.each([
  ['SQLite', aSqliteLedger],
  ['PostgreSQL', aPostgresLedger],
] as const)('a statement on %s', (_, open) => {
  let opened: LedgerUnderTest
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(() => opened.close())

  async function read(account: string, { books = BOOKS, fromMs, ...more }: Partial<Asked> = {}) {
    const { store } = opened
    const after = more.after ?? (await markAt(store, { account, books, fromMs }))
    const span = { account, books, after, beforeMs: more.beforeMs, limit: more.limit ?? 50 }
    return readStatement(store, { ...span, nowMs: more.nowMs ?? AT_MS + HOUR_MS })
  }
  type Asked = {
    books: readonly Book[]
    fromMs: number
    beforeMs: number
    limit: number
    nowMs: number
    after: Parameters<typeof readStatement>[1]['after']
  }

  /** A call that is charged 0.01 and 0.0005, of a hold of 1. */
  async function aCall(buyer: string, atMs = AT_MS): Promise<string> {
    const { ledger } = opened
    const reference = aReference()
    await ledger.commit(unitOf({ ...holdOf(buyer, usdc('1'), { reference }), atMs }))
    const capture = captureOf(reference, usdc('0.01'), usdc('0.0005'))
    await ledger.commit(unitOf({ ...capture, atMs } as typeof capture))
    return reference
  }

  test('shows a transfer as a line of both who paid and who was paid', async () => {
    const { ledger } = opened
    const [from, to] = [await aBuyer(ledger, usdc('5')), await aBuyer(ledger, usdc('1'))]
    const move = transferOf(from, to, usdc('2'))
    await ledger.commit(unitOf(move))
    const lineOf = async (account: string) => (await read(account)).lines.at(-1)
    const both = { kind: 'transfer', book: 'spending', reference: move.reference, memo: null }
    expect(await lineOf(from)).toMatchObject({ ...both, amount: -usdc('2'), balance: usdc('3') })
    expect(await lineOf(to)).toMatchObject({ ...both, amount: usdc('2'), balance: usdc('3') })
  })

  test('shows earnings that were made spendable in both books', async () => {
    const { ledger } = opened
    const seller = 'acct_thrifty'
    const hold = holdOf(await aBuyer(ledger, usdc('5')), usdc('1'))
    const capture = { ...captureOf(hold.reference, usdc('1')), seller }
    await ledger.commit(unitOf(hold, capture as typeof capture & { kind: 'capture' }))
    await ledger.commit(unitOf(transferOf(seller, seller, usdc('0.4'), { source: 'earnings' })))
    const { lines } = await read(seller)
    const shown = lines.map(({ book, kind, amount, balance }) => [book, kind, amount, balance])
    expect(shown).toHaveLength(3)
    expect(shown).toContainEqual(['earnings', 'earning', usdc('1'), usdc('1')])
    expect(shown).toContainEqual(['earnings', 'transfer', -usdc('0.4'), usdc('0.6')])
    expect(shown).toContainEqual(['spending', 'transfer', usdc('0.4'), usdc('0.4')])
  })

  test('shows a grant with its memo, and a call as one line with charge and fee', async () => {
    const buyer = await aBuyer(opened.ledger, usdc('5'))
    const reference = await aCall(buyer)
    const { opening, lines, next } = await read(buyer)
    expect(opening).toEqual({ earnings: 0n, spending: 0n })
    expect(lines).toEqual([
      {
        ...{ book: 'spending', kind: 'grant', reference: expect.any(String), atMs: AT_MS },
        ...{ amount: usdc('5'), balance: usdc('5'), parts: undefined, memo: 'a test' },
      },
      {
        ...{ book: 'spending', kind: 'charge', reference, atMs: AT_MS, memo: null },
        ...{ amount: nanos(-usdc('0.0105')), balance: usdc('4.9895') },
        parts: { charge: usdc('0.01'), fee: usdc('0.0005') },
      },
    ])
    expect(next).toBeUndefined()
  })

  test('shows neither what is held nor what was given back', async () => {
    const { ledger } = opened
    const buyer = await aBuyer(ledger, usdc('5'))
    const released = aReference()
    await ledger.commit(unitOf(holdOf(buyer, usdc('2'))))
    await ledger.commit(unitOf(holdOf(buyer, usdc('1'), { reference: released })))
    await ledger.commit(unitOf(releaseOf(released)))
    const { lines } = await read(buyer)
    expect(lines).toMatchObject([{ kind: 'grant', balance: usdc('5') }])
  })

  test('shows the seller the charge alone, in a book of its own', async () => {
    const reference = await aCall(await aBuyer(opened.ledger, usdc('5')))
    const { lines } = await read(SELLER)
    const own = lines.filter((line) => line.reference === reference)
    expect(own).toMatchObject([{ book: 'earnings', kind: 'earning', amount: usdc('0.01') }])
    expect((await read(SELLER, { books: ['spending'] })).lines).toEqual([])
  })

  test('has nothing of an account that nothing happened to', async () => {
    expect(await read('acct_nobody')).toMatchObject({ lines: [], next: undefined })
  })

  test('of a span has what was booked in it, and opens with what was there', async () => {
    const buyer = await aBuyer(opened.ledger, usdc('5'))
    const references = []
    for (const minutes of [1, 2, 3]) references.push(await aCall(buyer, AT_MS + minutes * 60_000))
    const span = { fromMs: AT_MS + 120_000, beforeMs: AT_MS + 180_000 }
    const { opening, lines } = await read(buyer, span)
    expect(opening.spending).toBe(usdc('4.9895'))
    expect(lines.map(({ reference }) => reference)).toEqual([references[1]])
  })

  test('goes on later with what was booked late, and with the last minute once more', async () => {
    const buyer = await aBuyer(opened.ledger, usdc('5'))
    const first = await aCall(buyer, AT_MS + 1)
    const second = await aCall(buyer, AT_MS + 60_000)
    const nowMs = AT_MS + 61_000
    const { lines, resume } = await read(buyer, { nowMs })
    expect(lines).toHaveLength(3)
    expect(resume.reference).toBe(first)
    const late = await aCall(buyer, AT_MS + 30_000)
    const more = await read(buyer, { after: resume, nowMs })
    expect(more.lines.map(({ reference }) => reference)).toEqual([late, second])
    expect(more.lines.at(-1)!.balance).toBe(usdc('4.9685'))
  })

  test('stays exact where it is longer than what is summed in one step', async () => {
    const { ledger } = opened
    const buyer = await aBuyer(ledger, usdc('1'))
    const grants = Array.from({ length: 600 }, () => grantOf(buyer, nanos(1n)))
    await Promise.all(grants.map((grant) => ledger.commit(unitOf(grant))))
    const { opening, lines } = await read(buyer, { fromMs: AT_MS + 1 })
    expect(lines).toEqual([])
    expect(opening.spending).toBe(usdc('1.0000006'))
  })
})

test('a line is found along an index, never by reading all postings', async () => {
  const { store, ledger, close } = await aSqliteLedger()
  onTestFinished(close)
  const account = await aBuyer(ledger, usdc('1'))
  const plans: string[] = []
  const explaining: typeof store = {
    ...store,
    query: async (sql, values) => {
      const plan = await store.query<{ detail: string }>(`explain query plan ${sql}`, values)
      plans.push(...plan.map(({ detail }) => detail))
      return store.query(sql, values)
    },
  }
  const after = await markAt(explaining, { account, books: BOOKS, fromMs: AT_MS })
  const span = { account, books: BOOKS, after, beforeMs: undefined, limit: 50 }
  expect((await readStatement(explaining, { ...span, nowMs: AT_MS })).lines).toHaveLength(1)
  const found = plans.filter((detail) => /ledger_postings/.test(detail))
  expect(found.length).toBeGreaterThan(0)
  for (const detail of found) {
    expect(detail).toMatch(/^SEARCH ledger_postings USING COVERING INDEX ledger_postings_(in|out) /)
  }
  expect(plans).toContain('SEARCH p USING PRIMARY KEY (reference=? AND kind=?)')
})
