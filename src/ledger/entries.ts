/** What each command does to the books: postings, balances, holds and counters. */
import { nanos } from '#core/money'
import type { Books, HoldRow } from './books.js'
import { available, earned, FEES, GRANTS, held, type LedgerAddress } from './chart.js'
import type { Accepted, Command, Counter, CounterKind, Posting, Refusal } from './ledger.js'

/** A counter as the hold remembers it. */
export type Counted = [scope: string, window: string, kind: CounterKind, amount: string]

/** A refusal on its way out of a unit; it takes only that unit down. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
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
    case 'transfer':
      return post(books, command, command.to, [
        { from: sourceOf(command), to: available(command.to), amount: command.amount },
      ])
  }
}

/** Where the money of a transfer comes from. */
export function sourceOf({ source, from }: Extract<Command, { kind: 'transfer' }>): LedgerAddress {
  return source === 'earnings' ? earned(from) : available(from)
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
  const row = { reference, account, amount, counters: JSON.stringify(counted) }
  if (!books.openHold(row, { deadlineMs, atMs: command.atMs })) {
    throw new Refused({ reason: 'repeated' })
  }
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
  const row = books.closeHold(reference)
  if (row) return row
  const ended = books.endingOf(reference)
  const state = ended ? (`${ended}d` as const) : 'unknown'
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
  const { reference, kind, atMs } = command
  const memo = command.kind === 'grant' ? command.memo : null
  for (const [position, { from, to, amount }] of postings.entries()) {
    if (amount === 0n) continue
    if (amount < 0n) throw new Error('an amount is never negative')
    const entry = { reference, kind, position, from, to, amount, atMs, memo }
    if (!books.post(entry)) throw new Refused({ reason: 'repeated' })
    move(books, from, -amount)
    move(books, to, amount)
  }
  return { available: nanos(books.balance(available(account))) }
}

function move(books: Books, address: string, delta: bigint): void {
  if (books.move(address, delta)) return
  const there = nanos(books.balance(address))
  throw new Refused({ reason: 'insufficient', available: there, needed: nanos(-delta) })
}

function count(books: Books, counter: Counter): void {
  if (counter.amount <= counter.ceiling && books.count(counter)) return
  const used = books.used(counter.scope, counter.window)
  throw new Refused({ reason: 'counter', counter, used })
}

/** @param charged what a capture took, nano-USDC; `undefined` for a release. */
function settle(books: Books, counters: string, charged: bigint | undefined): void {
  if (counters === '[]') return
  for (const [scope, window, kind, amount] of JSON.parse(counters) as Counted[]) {
    const back = givenBack(kind, BigInt(amount), charged)
    if (back > 0n) books.uncount(scope, window, back)
  }
}

function givenBack(kind: CounterKind, amount: bigint, charged: bigint | undefined): bigint {
  if (kind === 'attempt') return 0n
  if (kind === 'open' || charged === undefined) return amount
  return kind === 'spend' ? amount - charged : 0n
}
