/**
 * Whatever was granted, held, captured and released in any order of times, an account's statement
 * lists exactly what changed its books, with balances that end at the ledger's own, on pages of
 * every size and from any moment on.
 */
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import {
  BOOKS,
  type Book,
  type Command,
  type Ledger,
  markAt,
  readStatement,
  type StatementLine,
} from '#ledger'
import type { Store } from '#store'
import { aPostgresLedger, aSqliteLedger } from '../support/a-store.js'
import { AT_MS, captureOf, grantOf, holdOf, releaseOf, unitOf } from '../support/ledger-units.js'

const ACCOUNTS = ['ada', 'bob', 'cleo']
/** Few enough moments that several entries fall into one. */
const MOMENTS = 6

type Drawn =
  | { kind: 'grant'; account: string; amount: number; moment: number }
  | { kind: 'call'; account: string; seller: string; charge: number; rest: number; moment: number }
  | { kind: 'release'; account: string; amount: number; moment: number }

type Shown = Pick<StatementLine, 'book' | 'kind' | 'reference' | 'atMs' | 'amount' | 'parts'>

const account = fc.constantFrom(...ACCOUNTS)
const moment = fc.nat(MOMENTS - 1)
const aCommand: fc.Arbitrary<Drawn> = fc.oneof(
  fc.record({ kind: fc.constant('grant' as const), account, amount: fc.nat(500), moment }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      ...{ account, seller: account, moment },
      ...{ charge: fc.nat(60), rest: fc.nat(20) },
    }),
  },
  fc.record({ kind: fc.constant('release' as const), account, amount: fc.nat(60), moment }),
)

let runs = 0

test.each([
  ['SQLite', aSqliteLedger, 40],
  ['PostgreSQL', aPostgresLedger, 10],
] as const)('a statement is what the ledger booked, on %s', async (_, open, numRuns) => {
  const { store, ledger, close } = await open()
  onTestFinished(close)
  await fc.assert(
    fc.asyncProperty(
      fc.array(aCommand, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(1, 2, 3, 7, 200),
      fc.integer({ min: -1, max: MOMENTS }),
      async (drawn, limit, from) => {
        const run = `run${++runs}`
        const expected = new Map<string, Shown[]>(ACCOUNTS.map((name) => [`${run}-${name}`, []]))
        for (const [i, one] of drawn.entries()) await apply(ledger, expected, run, i, one)
        for (const [name, shown] of expected) {
          const all = await pagesOf(store, name, limit)
          expect(all.map(withoutBalance)).toEqual(shown.toSorted(byPlace))
          expect(lastBalances(all)).toEqual(await balancesOf(ledger, name))
          const later = all.filter(({ atMs }) => atMs >= AT_MS + from)
          expect(await pagesOf(store, name, limit, AT_MS + from)).toEqual(later)
          for (const book of BOOKS) {
            const own = all.filter((line) => line.book === book)
            expect(await pagesOf(store, name, limit, undefined, [book])).toEqual(own)
          }
        }
      },
    ),
    { numRuns },
  )
})

/** Carries out what was drawn, and notes the lines that it must leave. */
async function apply(
  ledger: Ledger,
  expected: Map<string, Shown[]>,
  run: string,
  number: number,
  drawn: Drawn,
): Promise<void> {
  const atMs = AT_MS + drawn.moment
  const name = `${run}-${drawn.account}`
  const reference = `${run}-${number}`
  const post = async (command: Command) =>
    (await ledger.commit(unitOf({ ...command, atMs } as Command))).accepted
  const note = (owner: string, line: Omit<Shown, 'reference' | 'atMs'>) => {
    if (line.amount !== 0n) expected.get(owner)!.push({ ...line, reference, atMs })
  }
  if (drawn.kind === 'grant') {
    const amount = nanos(BigInt(drawn.amount))
    await post(grantOf(name, amount, reference))
    note(name, { book: 'spending', kind: 'grant', amount, parts: undefined })
    return
  }
  if (drawn.kind === 'release') {
    if (await post(holdOf(name, nanos(BigInt(drawn.amount)), { reference }))) {
      await post(releaseOf(reference))
    }
    return
  }
  const { charge, fee, total } = pricesOf(drawn.charge)
  const seller = `${run}-${drawn.seller}`
  const held = nanos(total + BigInt(drawn.rest))
  if (!(await post(holdOf(name, held, { reference })))) return
  await post({ ...captureOf(reference, charge, fee), seller } as Command)
  const parts = { charge, fee }
  note(name, { book: 'spending', kind: 'charge', amount: nanos(-total), parts })
  note(seller, { book: 'earnings', kind: 'earning', amount: charge, parts: undefined })
}

/** As prices are: a fee is a part of the charge, rounded up. */
function pricesOf(amount: number): { charge: Nanos; fee: Nanos; total: bigint } {
  const charge = nanos(BigInt(amount))
  const fee = nanos((charge + 19n) / 20n)
  return { charge, fee, total: charge + fee }
}

/** All lines, page by page; each page opens where the one before it ended. */
async function pagesOf(
  store: Store,
  name: string,
  limit: number,
  fromMs?: number,
  books: readonly Book[] = BOOKS,
): Promise<StatementLine[]> {
  const lines: StatementLine[] = []
  let after = await markAt(store, { account: name, books, fromMs })
  for (;;) {
    const span = { account: name, books, after, beforeMs: undefined, limit }
    const page = await readStatement(store, { ...span, nowMs: AT_MS })
    const balances = { ...page.opening }
    for (const line of page.lines) {
      balances[line.book] = nanos(balances[line.book] + line.amount)
      expect(line.balance).toBe(balances[line.book])
    }
    lines.push(...page.lines)
    if (!page.next) return lines
    expect(page.lines).toHaveLength(limit)
    expect(page.next.balances).toEqual(balances)
    after = page.next
  }
}

function lastBalances(lines: readonly StatementLine[]): Record<Book, Nanos> {
  const last = (book: Book) => lines.findLast((line) => line.book === book)?.balance ?? nanos(0n)
  return { earnings: last('earnings'), spending: last('spending') }
}

async function balancesOf(ledger: Ledger, name: string): Promise<Record<Book, Nanos>> {
  const { available, held } = await ledger.balanceOf(name)
  const { earned } = await ledger.earningsOf(name)
  return { earnings: earned, spending: nanos(available + held) }
}

function withoutBalance({ balance: _, memo: __, ...line }: StatementLine): Shown {
  return line
}

function byPlace(a: Shown, b: Shown): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs
  if (a.reference !== b.reference) return a.reference < b.reference ? -1 : 1
  return a.book < b.book ? -1 : 1
}
