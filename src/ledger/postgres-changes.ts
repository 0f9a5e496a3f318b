/** Writes what a batch changed on PostgreSQL: one round trip, the commit included. */
import type { Parameter, Pipeline, RowWrite } from '#store'
import { isCreditedOnly, mayBeNegative } from './chart.js'
import type { Changes } from './postgres-books.js'
import { columnsOf, groupRows } from './postgres-facts.js'

/** Nothing is locked for what is only paid into; others may make the same accounts meanwhile. */
const OPEN_ACCOUNTS = `insert into ledger_accounts (address, may_be_negative)
  select v.address, v.may_be_negative
  from unnest($1::text[], $2::integer[]) as v(address, may_be_negative) order by v.address
  on conflict (address) do nothing`

const IDS = 'select id, address from ledger_accounts where address = any($1::text[])'

/**
 * All that the ledger writes, in one statement. A hold's deadline is the database's time and the life
 * that the hold was given, whoever's clock is wrong.
 */
const WRITE = `with
  posted as (insert into ledger_postings
      (reference, kind, position, from_id, to_id, amount, at, memo)
    select * from unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[],
      $6::bigint[], $7::bigint[], $8::text[])),
  opened as (insert into ledger_holds (reference, account, amount, deadline, counters)
    select v.reference, v.account, v.amount, $9::bigint + v.life, v.counters
    from unnest($10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::text[])
      as v(reference, account, amount, life, counters)),
  closed as (delete from ledger_holds where reference = any($15::text[])),
  counted as (update ledger_counters c set used = c.used + v.change
    from unnest($16::text[], $17::text[], $18::bigint[]) as v(scope, name, change)
    where c.scope = v.scope and c."window" = v.name),
  moved as (update ledger_accounts a set balance = a.balance + v.amount
    from unnest($19::integer[], $20::bigint[]) as v(id, amount) where a.id = v.id)
  insert into ledger_credits (account_id, amount)
  select * from unnest($21::integer[], $22::bigint[])`

/** For a hold of nothing that is opened again in the batch that closes it. */
const CLOSE_FIRST = 'delete from ledger_holds where reference = any($1::text[])'

/**
 * Sends the changes and the commit. Rejects when one of them could not be written; then none was.
 *
 * @param nowMs the database's time.
 */
export async function writeChanges(
  pipeline: Pipeline,
  changes: Changes,
  rows: readonly RowWrite[],
  context: { nowMs: bigint; accountIds: Map<string, bigint> },
): Promise<void> {
  const { accountIds } = context
  const made = await openAccounts(pipeline, changes, accountIds)
  const idOf = (address: string) => (accountIds.get(address) ?? made.get(address))!
  const reopened = [...changes.closed].filter((reference) => changes.opened.has(reference))
  const statements: [sql: string, values: Parameter[]][] = groupRows(rows).map(
    ([{ many }, group]) => [many, columnsOf(group)],
  )
  if (hasChanges(changes)) {
    statements.unshift([WRITE, parametersOf(changes, context.nowMs, idOf)])
  }
  if (reopened.length > 0) statements.unshift([CLOSE_FIRST, [reopened]])
  const sent = [...statements, ['commit', []] as const].map(([sql, values]) =>
    pipeline.run(sql, values),
  )
  await Promise.all(sent)
  for (const [address, id] of made) accountIds.set(address, id)
}

function hasChanges({ entries, opened, closed, counted }: Changes): boolean {
  return entries.length + opened.size + closed.size + counted.size > 0
}

/** Of {@link WRITE}, in its order. */
function parametersOf(
  changes: Changes,
  nowMs: bigint,
  idOf: (address: string) => bigint,
): Parameter[] {
  const { entries } = changes
  const opened = [...changes.opened.values()]
  const closed = [...changes.closed].filter((reference) => !changes.opened.has(reference))
  const counted = [...changes.counted.values()].filter(({ change }) => change !== 0n)
  const [credits, moves] = creditsAndMoves(changes)
  return [
    entries.map(({ reference }) => reference),
    entries.map(({ kind }) => kind),
    entries.map(({ position }) => position),
    entries.map(({ from }) => idOf(from)),
    entries.map(({ to }) => idOf(to)),
    entries.map(({ amount }) => amount),
    entries.map(({ atMs }) => atMs),
    entries.map(({ memo }) => memo),
    nowMs,
    opened.map(({ reference }) => reference),
    opened.map(({ account }) => account),
    opened.map(({ amount }) => amount),
    opened.map(({ lifeMs }) => lifeMs),
    opened.map(({ counters }) => counters),
    closed,
    counted.map(({ scope }) => scope),
    counted.map(({ window }) => window),
    counted.map(({ change }) => change),
    ...idsAndAmounts(moves, idOf),
    ...idsAndAmounts(credits, idOf),
  ]
}

/** What is only paid in and nobody has to be locked for, and what changes a balance. */
function creditsAndMoves({ moved }: Changes): [credits: Moved[], moves: Moved[]] {
  const isCredit = ([address, amount]: Moved) => isCreditedOnly(address) && amount > 0n
  const all = [...moved].filter(([, amount]) => amount !== 0n)
  return [all.filter(isCredit), all.filter((one) => !isCredit(one))]
}

/** Accounts are made when they are first posted to, which takes a round trip more. */
async function openAccounts(
  pipeline: Pipeline,
  { entries }: Changes,
  known: ReadonlyMap<string, bigint>,
): Promise<Map<string, bigint>> {
  const addresses = new Set(entries.flatMap(({ from, to }) => [from, to]))
  const missing = [...addresses].filter((address) => !known.has(address))
  if (missing.length === 0) return new Map()
  const flags = missing.map((address) => (mayBeNegative(address) ? 1 : 0))
  const [, made] = await Promise.all([
    pipeline.run(OPEN_ACCOUNTS, [missing, flags]),
    pipeline.run<{ id: bigint; address: string }>(IDS, [missing]),
  ])
  return new Map(made.map(({ id, address }) => [address, id]))
}

type Moved = [address: string, amount: bigint]

function idsAndAmounts(moved: readonly Moved[], idOf: (address: string) => bigint): Parameter[] {
  return [moved.map(([address]) => idOf(address)), moved.map(([, amount]) => amount)]
}
