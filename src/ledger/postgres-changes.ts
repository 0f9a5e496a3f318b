/** Writes what a batch changed on PostgreSQL: one round trip, the commit included. */
import type { Parameter, Pipeline, RowWrite } from '#store'
import { isCreditedOnly, mayBeNegative } from './chart.js'
import type { Changes } from './postgres-books.js'
import { columnsOf, groupRows } from './postgres-facts.js'

/** A conflict means that another gateway made the account meanwhile: it is locked then, too. */
const OPEN_ACCOUNTS = `insert into ledger_accounts as a (address, may_be_negative)
  select v.address, v.may_be_negative
  from unnest($1::text[], $2::integer[]) as v(address, may_be_negative) order by v.address
  on conflict (address) do update set address = a.address returning id, address`

const MOVE = `update ledger_accounts a set balance = a.balance + v.amount
  from unnest($1::integer[], $2::bigint[]) as v(id, amount) where a.id = v.id`

const CREDIT = `insert into ledger_credits (account_id, amount)
  select * from unnest($1::integer[], $2::bigint[])`

const POST = `insert into ledger_postings
    (reference, kind, position, from_id, to_id, amount, at, memo)
  select * from unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[],
    $6::bigint[], $7::bigint[], $8::text[])`

/** A deadline is the database's time and the life that the hold was given, whoever's clock is wrong. */
const OPEN_HOLDS = `insert into ledger_holds (reference, account, amount, deadline, counters)
  select v.reference, v.account, v.amount, $1::bigint + v.life, v.counters
  from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
    as v(reference, account, amount, life, counters)`

const CLOSE_HOLDS = 'delete from ledger_holds where reference = any($1::text[])'

const COUNT = `update ledger_counters c set used = c.used + v.change
  from unnest($1::text[], $2::text[], $3::bigint[]) as v(scope, name, change)
  where c.scope = v.scope and c."window" = v.name`

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
  const moved = [...changes.moved].filter(([, amount]) => amount !== 0n)
  const credits = moved.filter(([address]) => isCreditedOnly(address))
  const moves = moved.filter(([address]) => !isCreditedOnly(address))
  const opened = [...changes.opened.values()]
  const counted = [...changes.counted.values()].filter(({ change }) => change !== 0n)
  const { entries } = changes
  const statements: [sql: string, count: number, values: () => Parameter[]][] = [
    [
      POST,
      entries.length,
      () => [
        entries.map(({ reference }) => reference),
        entries.map(({ kind }) => kind),
        entries.map(({ position }) => position),
        entries.map(({ from }) => idOf(from)),
        entries.map(({ to }) => idOf(to)),
        entries.map(({ amount }) => amount),
        entries.map(({ atMs }) => atMs),
        entries.map(({ memo }) => memo),
      ],
    ],
    // A hold of nothing can be opened again in the batch that closes it.
    [CLOSE_HOLDS, changes.closed.size, () => [[...changes.closed]]],
    [
      OPEN_HOLDS,
      opened.length,
      () => [
        context.nowMs,
        opened.map(({ reference }) => reference),
        opened.map(({ account }) => account),
        opened.map(({ amount }) => amount),
        opened.map(({ lifeMs }) => lifeMs),
        opened.map(({ counters }) => counters),
      ],
    ],
    [
      COUNT,
      counted.length,
      () => [
        counted.map(({ scope }) => scope),
        counted.map(({ window }) => window),
        counted.map(({ change }) => change),
      ],
    ],
    [MOVE, moves.length, () => idsAndAmounts(moves, idOf)],
    [CREDIT, credits.length, () => idsAndAmounts(credits, idOf)],
    ...groupRows(rows).map(
      ([{ many }, group]) =>
        [many, group.length, () => columnsOf(group)] satisfies (typeof statements)[number],
    ),
  ]
  const sent = statements
    .filter(([, count]) => count > 0)
    .map(([sql, , values]) => pipeline.run(sql, values()))
  await Promise.all([...sent, pipeline.run('commit')])
  for (const [address, id] of made) accountIds.set(address, id)
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
  const made = await pipeline.run<{ id: bigint; address: string }>(OPEN_ACCOUNTS, [missing, flags])
  return new Map(made.map(({ id, address }) => [address, id]))
}

function idsAndAmounts(
  moved: readonly [address: string, amount: bigint][],
  idOf: (address: string) => bigint,
): Parameter[] {
  return [moved.map(([address]) => idOf(address)), moved.map(([, amount]) => amount)]
}
