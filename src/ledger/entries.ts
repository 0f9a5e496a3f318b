/** Entries, holds and counters as rows: what each command does to the tables, statement by statement. */
import { type Nanos, nanos } from '#core/money'
import { int, type SqliteConnection } from '#store'
import { available, earned, FEES, GRANTS, held, mayBeNegative } from './chart.js'
import type {
  Accepted,
  Command,
  Counter,
  CounterKind,
  OpenHold,
  Posting,
  Refusal,
} from './ledger.js'

type HoldRow = { account: string; amount: bigint; counters: string }
/** A counter as the hold remembers it. */
type Counted = [scope: string, window: string, kind: CounterKind, amount: string]

/** The ledger's tables, open for writing: statements prepared once. */
export type Books = {
  sql: ReturnType<typeof prepareStatements>
  /**
   * The accounts that the transaction has touched: each balance is read once and written once,
   * however many units of a batch move it.
   */
  accounts: Map<string, Account>
}

type Account = {
  id: bigint
  balance: bigint
  /** What the database says. */
  stored: bigint
  mayBeNegative: boolean
}

/** A refusal on its way out of a unit; it takes only that unit down. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

export function openBooks(money: SqliteConnection): Books {
  return { sql: prepareStatements(money), accounts: new Map() }
}

/**
 * Carries a command out. Must run inside a transaction, which ends with {@link writeBalances}.
 *
 * @throws Refused when the command cannot be applied; the caller then undoes the unit.
 */
export function applyCommand(books: Books, command: Command): Accepted {
  switch (command.kind) {
    case 'grant':
      return post(books, command, command.account, [
        { from: GRANTS, to: available(command.account), amount: command.amount },
      ])
    case 'hold':
      return hold(books, command)
    case 'capture':
      return capture(books, command)
    case 'release':
      return release(books, command)
  }
}

/** Writes the balances that were moved; the transaction has none open after it. */
export function writeBalances(books: Books): void {
  for (const account of books.accounts.values()) {
    if (account.balance === account.stored) continue
    books.sql.setBalance.run(account.balance, account.id)
    account.stored = account.balance
  }
}

export function balanceAt(books: Books, address: string): Nanos {
  const row = books.sql.balance.get(address) as { balance: bigint } | undefined
  return nanos(row?.balance ?? 0n)
}

export function usedOf(books: Books, scope: string, window: string): bigint {
  const row = books.sql.counter.get(scope, window) as { used: bigint } | undefined
  return row?.used ?? 0n
}

export function openHolds(books: Books, deadlineBeforeMs: number, limit: number): OpenHold[] {
  const rows = books.sql.openHolds.all(deadlineBeforeMs, limit) as {
    reference: string
    account: string
    deadline: bigint
  }[]
  return rows.map(({ deadline, ...hold }) => ({ ...hold, deadlineMs: int(deadline) }))
}

export function countOpenHolds(books: Books): number {
  return int((books.sql.countHolds.get() as { n: bigint }).n)
}

function hold(books: Books, command: Extract<Command, { kind: 'hold' }>): Accepted {
  const { account, amount, reference, counters, deadlineMs } = command
  for (const counter of counters) count(books, counter)
  const left = post(books, command, account, [
    { from: available(account), to: held(account), amount },
  ])
  const counted = counters.map(
    (counter): Counted => [counter.scope, counter.window, counter.kind, String(counter.amount)],
  )
  const { changes } = books.sql.insertHold.run(
    reference,
    account,
    amount,
    deadlineMs,
    JSON.stringify(counted),
  )
  if (changes === 0) throw new Refused({ reason: 'repeated' })
  return left
}

function capture(books: Books, command: Extract<Command, { kind: 'capture' }>): Accepted {
  const { account, amount, counters } = close(books, command.reference)
  const total = command.charge + command.fee
  if (total > amount) throw new Error('a capture is never larger than its hold')
  settle(books, counters, total)
  return post(books, command, account, [
    { from: held(account), to: earned(command.seller), amount: command.charge },
    { from: held(account), to: FEES, amount: command.fee },
    { from: held(account), to: available(account), amount: nanos(amount - total) },
  ])
}

function release(books: Books, command: Extract<Command, { kind: 'release' }>): Accepted {
  const { account, amount, counters } = close(books, command.reference)
  settle(books, counters, undefined)
  return post(books, command, account, [
    { from: held(account), to: available(account), amount: nanos(amount) },
  ])
}

/** Takes the open hold away: exactly one of capture and release can ever win it. */
function close(books: Books, reference: string): HoldRow {
  const row = books.sql.closeHold.get(reference) as HoldRow | undefined
  if (row) return row
  const ended = books.sql.ending.get(reference) as { kind: 'capture' | 'release' } | undefined
  const state = ended ? (`${ended.kind}d` as const) : 'unknown'
  throw new Refused({ reason: 'not-held', state })
}

/**
 * Writes an entry, which is its postings, and moves the balances.
 *
 * @returns what `account` can spend afterwards.
 */
function post(
  books: Books,
  command: Command,
  account: string,
  postings: readonly Posting[],
): Accepted {
  const memo = command.kind === 'grant' ? command.memo : null
  for (const [position, { from, to, amount }] of postings.entries()) {
    if (amount === 0n) continue
    const { changes } = books.sql.insertPosting.run(
      command.reference,
      command.kind,
      position,
      accountAt(books, from).id,
      accountAt(books, to).id,
      amount,
      command.atMs,
      memo,
    )
    if (changes === 0) throw new Refused({ reason: 'repeated' })
    move(books, from, -amount)
    move(books, to, amount)
  }
  // A hold of nothing opens no account.
  const touched = books.accounts.get(available(account))
  return { available: touched ? nanos(touched.balance) : balanceAt(books, available(account)) }
}

function move(books: Books, address: string, delta: bigint): void {
  const account = accountAt(books, address)
  if (account.balance + delta < 0n && !account.mayBeNegative) {
    throw new Refused({
      reason: 'insufficient',
      available: nanos(account.balance),
      needed: nanos(-delta),
    })
  }
  account.balance += delta
}

function count(books: Books, counter: Counter): void {
  const { scope, window, amount, ceiling, endsAtMs } = counter
  if (amount <= ceiling) {
    const { changes } = books.sql.count.run(scope, window, amount, endsAtMs, ceiling)
    if (changes > 0) return
  }
  throw new Refused({ reason: 'counter', counter, used: usedOf(books, scope, window) })
}

/** @param charged what a capture took, nano-USDC; `undefined` for a release. */
function settle(books: Books, counters: string, charged: bigint | undefined): void {
  if (counters === '[]') return
  for (const [scope, window, kind, amount] of JSON.parse(counters) as Counted[]) {
    const back = givenBack(kind, BigInt(amount), charged)
    if (back > 0n) books.sql.uncount.run(back, scope, window)
  }
}

function accountAt(books: Books, address: string): Account {
  const known = books.accounts.get(address)
  if (known) return known
  const { id, balance } = (books.sql.account.get(address) ??
    books.sql.insertAccount.get(address, mayBeNegative(address) ? 1 : 0)) as {
    id: bigint
    balance: bigint
  }
  const account = { id, balance, stored: balance, mayBeNegative: mayBeNegative(address) }
  books.accounts.set(address, account)
  return account
}

function givenBack(kind: CounterKind, amount: bigint, charged: bigint | undefined): bigint {
  if (kind === 'attempt') return 0n
  if (kind === 'open' || charged === undefined) return amount
  return kind === 'spend' ? amount - charged : 0n
}

function prepareStatements(money: SqliteConnection) {
  const prepare = (text: string) => money.prepare(text).safeIntegers(true)
  return {
    account: prepare('select id, balance from ledger_accounts where address = ?'),
    insertAccount: prepare(
      `insert into ledger_accounts (address, may_be_negative) values (?, ?) returning id, balance`,
    ),
    balance: prepare('select balance from ledger_accounts where address = ?'),
    setBalance: prepare('update ledger_accounts set balance = ? where id = ?'),
    insertPosting: prepare(
      `insert into ledger_postings (reference, kind, position, from_id, to_id, amount, at, memo)
       values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (reference, kind, position) do nothing`,
    ),
    insertHold: prepare(
      `insert into ledger_holds (reference, account, amount, deadline, counters)
       values (?, ?, ?, ?, ?) on conflict (reference) do nothing`,
    ),
    closeHold: prepare(
      'delete from ledger_holds where reference = ? returning account, amount, counters',
    ),
    ending: prepare(
      `select kind from ledger_postings
       where reference = ? and kind in ('capture', 'release') limit 1`,
    ),
    openHolds: prepare(
      `select reference, account, deadline from ledger_holds
       where deadline < ? order by deadline limit ?`,
    ),
    countHolds: prepare('select count(*) as n from ledger_holds'),
    counter: prepare('select used from ledger_counters where scope = ? and window = ?'),
    count: prepare(
      `insert into ledger_counters (scope, window, used, ends_at) values (?, ?, ?, ?)
       on conflict (scope, window) do update set used = used + excluded.used
       where used + excluded.used <= ?`,
    ),
    uncount: prepare(
      'update ledger_counters set used = max(used - ?, 0) where scope = ? and window = ?',
    ),
  }
}
