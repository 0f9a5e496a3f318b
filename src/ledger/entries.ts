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

/** The ledger's tables, open for writing: statements prepared once, ids of addresses remembered. */
export type Books = {
  sql: ReturnType<typeof prepareStatements>
  addressIds: Map<string, bigint>
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
  return { sql: prepareStatements(money), addressIds: new Map() }
}

/**
 * Carries a command out. Must run inside a transaction.
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
 * Writes an entry, which is its postings, and moves each balance by its net.
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
  const net = new Map<string, bigint>()
  for (const [position, { from, to, amount }] of postings.entries()) {
    if (amount === 0n) continue
    const { changes } = books.sql.insertPosting.run(
      command.reference,
      command.kind,
      position,
      addressId(books, from),
      addressId(books, to),
      amount,
      command.atMs,
      memo,
    )
    if (changes === 0) throw new Refused({ reason: 'repeated' })
    net.set(from, (net.get(from) ?? 0n) - amount)
    net.set(to, (net.get(to) ?? 0n) + amount)
  }
  const spendable = available(account)
  let left: Nanos | undefined
  for (const [address, delta] of net) {
    const balance = move(books, address, delta)
    if (address === spendable) left = balance
  }
  return { available: left ?? balanceAt(books, spendable) }
}

/** @returns the balance that it leaves. */
function move(books: Books, address: string, delta: bigint): Nanos {
  const row = books.sql.move.get(delta, addressId(books, address), delta) as
    | { balance: bigint }
    | undefined
  if (row) return nanos(row.balance)
  throw new Refused({
    reason: 'insufficient',
    available: balanceAt(books, address),
    needed: nanos(-delta),
  })
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

function addressId(books: Books, address: string): bigint {
  const known = books.addressIds.get(address)
  if (known !== undefined) return known
  books.sql.insertAddress.run(address, mayBeNegative(address) ? 1 : 0)
  const { id } = books.sql.address.get(address) as { id: bigint }
  books.addressIds.set(address, id)
  return id
}

function givenBack(kind: CounterKind, amount: bigint, charged: bigint | undefined): bigint {
  if (kind === 'attempt') return 0n
  if (kind === 'open' || charged === undefined) return amount
  return kind === 'spend' ? amount - charged : 0n
}

function prepareStatements(money: SqliteConnection) {
  const prepare = (text: string) => money.prepare(text).safeIntegers(true)
  return {
    insertAddress: prepare(
      'insert into ledger_accounts (address, may_be_negative) values (?, ?) on conflict do nothing',
    ),
    address: prepare('select id from ledger_accounts where address = ?'),
    balance: prepare('select balance from ledger_accounts where address = ?'),
    move: prepare(
      `update ledger_accounts set balance = balance + ?
       where id = ? and (may_be_negative = 1 or balance + ? >= 0) returning balance`,
    ),
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
