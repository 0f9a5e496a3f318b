/** An account's statement, as JSON and as CSV. */
import { z } from 'zod'
import { type Principal, requireScope, type Scope } from '#accounts'
import { fromRfc3339, toRfc3339 } from '#core/clock'
import { formatUsdc, nanos } from '#core/money'
import {
  type Balances,
  BOOKS,
  type Book,
  markAt,
  readStatement,
  type StatementLine,
  type StatementMark,
} from '#ledger'
import { toCsv } from '../csv.js'
import { Reply, type RouteDeps, route } from '../route.js'
import { openCursor, signCursor } from '../signed-cursor.js'

/** As for GET /v1/usage and GET /v1/earnings. */
const SCOPES: Record<Book, Scope[]> = { spending: ['call', 'read'], earnings: ['sell', 'read'] }

const COLUMNS = [
  ...(['book', 'kind', 'reference', 'at'] as const),
  ...(['amount', 'charge', 'fee', 'balance', 'memo'] as const),
]

const time = z
  .string()
  .max(40)
  .refine((text) => fromRfc3339(text) !== undefined, {
    error: 'must be an RFC 3339 time such as 2026-01-15T00:00:00Z',
  })

const statementSchema = z.strictObject({
  from: time.optional().describe('RFC 3339; a cursor stands for it'),
  to: time.optional().describe('RFC 3339, the first moment that is left out'),
  book: z
    .enum(BOOKS)
    .optional()
    .describe('what can be spent, or what was earned; both, as far as the key may see them'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(2000)
    .optional()
    .describe('next_cursor or resume_cursor of the same account and book'),
  format: z.enum(['json', 'csv']).optional().describe('csv also by Accept: text/csv'),
})

const balance = z.string().optional().describe('USDC')

const statementResult = z.object({
  currency: z.literal('USDC'),
  opening: z
    .object({ spending: balance, earnings: balance })
    .describe('before the first entry of this page; of the books that are shown'),
  entries: z.array(
    z.object({
      book: z.enum(BOOKS).describe('spending: available and held; earnings: not paid out'),
      kind: z
        .enum(['grant', 'charge', 'earning', 'transfer'])
        .describe(
          'credit from the operator; a call that was bought; one that was sold; money moved',
        ),
      reference: z.string().describe('the id of the grant, the call or the transfer'),
      at: z.string(),
      amount: z.string().describe('USDC, with - for what was paid'),
      balance: z.string().describe('of the book, after this entry'),
      charge: z.string().optional().describe('of a bought call: what its seller got'),
      fee: z.string().optional().describe('of a bought call: what the platform got'),
      memo: z.string().optional(),
    }),
  ),
  next_cursor: z.string().optional().describe('when there are more entries now'),
  resume_cursor: z
    .string()
    .describe('for later: all that is booked from now on, and the last minute once more'),
})

type Query = z.output<typeof statementSchema>

export const statementRoutes = [
  route({
    method: 'get',
    path: '/v1/statement',
    tag: 'accounts',
    summary:
      'Entries of the account with the balance after each, oldest first. A call is one entry when it is paid for; what is held is none.',
    who: 'key',
    scopes: ['call', 'read', 'sell'],
    headers: { Accept: 'text/csv gives the page as CSV, with the next one in Link' },
    query: statementSchema,
    result: statementResult,
    raw: 'text/csv',
    async run(deps, { principal, query, headers }) {
      const statement = await readPage(deps, principal!, query)
      const isCsv = String(headers.accept ?? '').includes('text/csv')
      return (query.format ?? (isCsv ? 'csv' : 'json')) === 'csv'
        ? csvReply(deps, query, statement)
        : statement
    },
  }),
]

async function readPage({ store, vault, clock }: RouteDeps, principal: Principal, query: Query) {
  const account = principal.account.id
  const books = booksFor(principal, query.book)
  const seal = { key: vault.deriveKey('statement-cursor'), query: [account, ...books].join(' ') }
  const [after, resume] =
    query.cursor === undefined
      ? [await markAt(store, { account, books, fromMs: msOf(query.from) })]
      : openCursor(seal, query.cursor, isCursorContent).map(toMark)
  const page = await readStatement(store, {
    ...{ account, books, after: after!, resume, limit: query.limit },
    beforeMs: msOf(query.to),
    nowMs: clock.now(),
  })
  const cursor = (...marks: StatementMark[]) =>
    signCursor(seal.key, seal.query, marks.map(contentOf))
  return {
    currency: 'USDC' as const,
    opening: showBalances(books, page.opening),
    entries: page.lines.map(showLine),
    ...(page.next && {
      next_cursor: page.next === page.resume ? cursor(page.next) : cursor(page.next, page.resume),
    }),
    resume_cursor: cursor(page.resume),
  }
}

/** The books that are asked for, as far as the key may see them. */
function booksFor(principal: Principal, asked: Book | undefined): readonly Book[] {
  if (asked === undefined) {
    return BOOKS.filter((book) => SCOPES[book].some((one) => principal.key.scopes.includes(one)))
  }
  requireScope(principal, ...SCOPES[asked])
  return [asked]
}

function msOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : fromRfc3339(text)
}

function showBalances(books: readonly Book[], balances: Balances): Partial<Record<Book, string>> {
  return Object.fromEntries(books.map((book) => [book, formatUsdc(balances[book])]))
}

function showLine({ atMs, amount, balance, parts, memo, ...line }: StatementLine) {
  return {
    ...line,
    at: toRfc3339(atMs),
    amount: formatUsdc(amount),
    balance: formatUsdc(balance),
    ...(parts && { charge: formatUsdc(parts.charge), fee: formatUsdc(parts.fee) }),
    ...(memo !== null && { memo }),
  }
}

function csvReply(
  { publicUrl }: RouteDeps,
  { cursor: _cursor, format: _format, ...query }: Query,
  { entries, next_cursor }: Awaited<ReturnType<typeof readPage>>,
): Reply {
  const next = new URLSearchParams({ format: 'csv', cursor: next_cursor ?? '' })
  for (const [name, value] of Object.entries(query)) next.set(name, String(value))
  return new Reply(200, toCsv(COLUMNS, entries), {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="statement.csv"',
    'cache-control': 'private, no-store',
    ...(next_cursor !== undefined && { link: `<${publicUrl}/v1/statement?${next}>; rel="next"` }),
  })
}

/** A mark as a cursor holds it: amounts as text, since JSON has no integers of their size. */
type MarkContent = [string, string, Book, number, string, string]

function contentOf({ reference, kind, book, atMs, balances }: StatementMark): MarkContent {
  return [reference, kind, book, atMs, String(balances.earnings), String(balances.spending)]
}

function toMark([reference, kind, book, atMs, earnings, spending]: MarkContent): StatementMark {
  const balances = { earnings: nanos(BigInt(earnings)), spending: nanos(BigInt(spending)) }
  return { reference, kind, book, atMs, balances }
}

/** Whoever signed it made it whole: a place, and where to resume when that is before it. */
function isCursorContent(content: unknown): content is MarkContent[] {
  return Array.isArray(content) && content.length > 0
}
