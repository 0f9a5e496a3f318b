/**
 * What an account sees of its money, as a bank shows it: one line for each entry that changed what it
 * can spend or what it has earned, oldest first, with the balance after it. Holds and releases are
 * none, since they leave both as they are.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { add, type Nanos, nanos, ZERO } from '#core/money'
import { int, type Store } from '#store'
import { available, earned, FEES, held, type LedgerAddress } from './chart.js'

/** What can be spent, held money included, and what was earned and not yet paid out. */
export const BOOKS = ['earnings', 'spending'] as const
export type Book = (typeof BOOKS)[number]
export type Balances = Readonly<Record<Book, Nanos>>

export type StatementLine = {
  book: Book
  /** Credit from the operator; a call that was paid for; one that was sold; money moved over. */
  kind: 'grant' | 'charge' | 'earning' | 'transfer'
  /** The id of the grant, the call or the transfer. */
  reference: string
  atMs: number
  /** What the book gained, nano-USDC; negative for what it lost. */
  amount: Nanos
  /** Of a charge: what the seller and the platform got. */
  parts: { charge: Nanos; fee: Nanos } | undefined
  memo: string | null
  /** Of the book, after the line. */
  balance: Nanos
}

/** A place behind a line, and the balances there. Lines are in the order of the other four. */
export type StatementMark = {
  atMs: number
  reference: string
  kind: string
  book: Book
  balances: Balances
}

export type StatementPage = {
  /** The balances before the first line. */
  opening: Balances
  lines: StatementLine[]
  /** Where the next page begins; `undefined` when this is the last one so far. */
  next: StatementMark | undefined
  /** Where to go on later without missing a line; what comes after it may come once more. */
  resume: StatementMark
}

type Span = {
  account: string
  /** Each at most once. */
  books: readonly Book[]
  after: StatementMark
  /** Where to go on later if no line of this page is settled; `after` when absent. */
  resume?: StatementMark | undefined
  /** The first time that is left out. */
  beforeMs: number | undefined
  limit: number
}

/** A posting of a line's entry. */
type Row = {
  at: bigint
  reference: string
  kind: 'grant' | 'capture' | 'transfer'
  book: Book
  from: LedgerAddress
  to: LedgerAddress
  amount: bigint
  memo: string | null
}

type Unbalanced = { line: Omit<StatementLine, 'balance'>; entryKind: string }

/** An entry is written with the time at which it was made; it is readable this much later at most. */
const SETTLED_MS = 60_000
/** Lines summed in one step: on SQLite they hold the event loop for 2 ms. */
const STEP = 250

const START: StatementMark = {
  atMs: 0,
  reference: '',
  kind: '',
  book: BOOKS[0],
  balances: { earnings: ZERO, spending: ZERO },
}

/**
 * The place before the first line at `fromMs` or later. The balances there are the sum of all lines
 * before it, in small steps: what it costs grows with their number.
 *
 * @param fromMs `undefined` for the beginning.
 */
export async function markAt(
  store: Store,
  { account, books, fromMs }: Pick<Span, 'account' | 'books'> & { fromMs: number | undefined },
): Promise<StatementMark> {
  if (fromMs === undefined) return START
  let mark = START
  for (let found = STEP; found === STEP; ) {
    const lines = await linesIn(store, {
      ...{ account, books, after: mark },
      ...{ beforeMs: fromMs, limit: STEP },
    })
    mark = lines.reduce(behind, mark)
    found = lines.length
    await nextTurn()
  }
  return { ...START, atMs: fromMs, balances: mark.balances }
}

/** At most `limit` lines after a mark of the same account and books. */
export async function readStatement(
  store: Store,
  { nowMs, ...span }: Span & { nowMs: number },
): Promise<StatementPage> {
  const found = await linesIn(store, { ...span, limit: span.limit + 1 })
  let mark = span.after
  let resume = span.resume ?? span.after
  // Behind a line that is not settled, no other is: one may still come before it.
  let isSettled = resume === span.after
  const lines = found.slice(0, span.limit).map((one) => {
    mark = behind(mark, one)
    isSettled &&= one.line.atMs < nowMs - SETTLED_MS
    if (isSettled) resume = mark
    return { ...one.line, balance: mark.balances[one.line.book] }
  })
  const next = found.length > span.limit ? mark : undefined
  return { opening: span.after.balances, lines, next, resume }
}

/** The place behind a line that comes after `mark`. */
function behind({ balances }: StatementMark, { line, entryKind }: Unbalanced): StatementMark {
  const { atMs, reference, book, amount } = line
  const moved = { ...balances, [book]: add(balances[book], amount) }
  return { atMs, reference, kind: entryKind, book, balances: moved }
}

async function linesIn(store: Store, span: Omit<Span, 'resume'>): Promise<Unbalanced[]> {
  const { account, books, after, beforeMs = Number.MAX_SAFE_INTEGER, limit } = span
  const values = books
    .flatMap((book) => WAYS[book])
    .flatMap(({ address }) => [
      address(account),
      ...[after.atMs, after.reference, after.kind],
      ...[beforeMs, limit],
    ])
  const rows = await store.query<Row>(sqlFor(books, after.book), [...values, limit])
  return entriesIn(rows).map((postings) => lineOf(account, postings))
}

/** Rows of the same entry and book, which come one after the other. */
function entriesIn(rows: readonly Row[]): Row[][] {
  const entries: Row[][] = []
  for (const row of rows) {
    const last = entries.at(-1)
    const isSame =
      last?.[0]?.reference === row.reference &&
      last[0].kind === row.kind &&
      last[0].book === row.book
    if (isSame) last.push(row)
    else entries.push([row])
  }
  return entries
}

function lineOf(account: string, postings: readonly Row[]): Unbalanced {
  const { at, reference, kind, book, memo } = postings[0]!
  const own = ADDRESSES[book].map((address) => address(account))
  const gained = sum(postings.filter(({ to }) => own.includes(to)))
  const lost = sum(postings.filter(({ from }) => own.includes(from)))
  const amount = nanos(gained - lost)
  const fee = nanos(sum(postings.filter(({ to }) => to === FEES)))
  const isCharge = kind === 'capture' && book === 'spending'
  const line = {
    ...{ book, reference, memo, amount },
    kind: kind !== 'capture' ? kind : isCharge ? ('charge' as const) : ('earning' as const),
    atMs: int(at),
    parts: isCharge ? { charge: nanos(-amount - fee), fee } : undefined,
  }
  return { line, entryKind: kind }
}

function sum(postings: readonly Row[]): bigint {
  return postings.reduce((total, { amount }) => total + amount, 0n)
}

/** Whose sum each book's balance is. */
const ADDRESSES = { earnings: [earned], spending: [available, held] } as const

/** How money comes into a book and leaves it: the sides of postings that have to be looked at. */
const WAYS = {
  earnings: [
    { side: 'to_id', address: earned },
    { side: 'from_id', address: earned },
  ],
  spending: [
    { side: 'to_id', address: available },
    { side: 'from_id', address: available },
    { side: 'from_id', address: held },
  ],
} as const

/**
 * Lines after a mark with the postings of their entries. Each way in and out is a short walk along
 * an index, whose condition stands here word for word, as it must to be used.
 */
function sqlFor(books: readonly Book[], markBook: Book): string {
  const ways = books.flatMap((book) => {
    const after = book > markBook ? '>=' : '>'
    return WAYS[book].map(
      ({ side }, i) => `select * from (
        select at, reference, kind, '${book}' as book from ledger_postings
        where ${side} = (select id from ledger_accounts where address = ?)
          and position = 0 and kind not in ('hold', 'release')
          and (at, reference, kind) ${after} (?, ?, ?) and at < ?
        order by at, reference, kind limit ?) as ${book}_${i}`,
    )
  })
  return `with lines as (
      select at, reference, kind, book from (${ways.join(' union all ')}) as found
      order by at, reference, kind, book limit ?)
    select l.at, l.reference, l.kind, l.book,
      f.address as "from", t.address as "to", p.amount, p.memo
    from lines l
    join ledger_postings p on p.reference = l.reference and p.kind = l.kind
    join ledger_accounts f on f.id = p.from_id
    join ledger_accounts t on t.id = p.to_id
    order by l.at, l.reference, l.kind, l.book, p.position`
}
