/** Reads and locks on PostgreSQL what a batch may change, in one round trip. */
import { int, type Parameter, type Pipeline, type RowWrite, type Write } from '#store'
import { available, GRANTS, held, isCreditedOnly } from './chart.js'
import { sourceOf } from './entries.js'
import type { Command, Unit } from './ledger.js'
import { counterName, type Facts, postingName } from './postgres-books.js'

/** Which rows with a claim could be written; one that is not named here is refused. */
export type Writable = ReadonlySet<RowWrite>

const POSTED = `select reference, kind, position from ledger_postings
  where reference = any($1::text[])`

/** A row that does not exist cannot be locked, so counters are there before they are counted on. */
const OPEN_COUNTERS = `insert into ledger_counters (scope, "window", used, ends_at)
  select v.scope, v.name, 0, v.ends_at
  from unnest($1::text[], $2::text[], $3::bigint[]) as v(scope, name, ends_at)
  order by v.scope, v.name on conflict (scope, "window") do nothing`

/**
 * Adds what was paid in to the balances that something is to be taken from, and locks them. It comes
 * before all other locks: whoever folds credits holds nothing that such a batch could wait for.
 */
const FOLD_FIRST = `with folded as (
    delete from ledger_credits c using ledger_accounts a
    where a.address = any($1::text[]) and c.account_id = a.id returning c.account_id, c.amount),
  sums as (select account_id, sum(amount) as amount from folded
    group by account_id order by account_id)
  update ledger_accounts a set balance = a.balance + sums.amount
  from sums where a.id = sums.account_id`

// Every batch locks holds by reference, then counters by name, then accounts by id, then what rows
// claim by key: two batches can wait for one another, never in a circle. The counters are those of
// new holds and those that the open ones were counted on; the accounts those that are named and
// those of the buyers of open holds.
const LOCKED = `with
  holds as (select reference, account, amount, counters from ledger_holds
    where reference = any($1::text[]) order by reference for update),
  counted as (select c.scope, c."window", c.used from ledger_counters c
    where (c.scope, c."window") in (
      select v.scope, v.name from unnest($2::text[], $3::text[]) as v(scope, name)
      union select e ->> 0, e ->> 1
      from ledger_holds h, jsonb_array_elements(h.counters::jsonb) e
      where h.reference = any($1::text[]))
    order by c.scope, c."window" for update of c),
  paying as (select id, address, balance from ledger_accounts
    where address = any(array_cat($4::text[], array(
      select 'buyer:' || h.account || part
      from ledger_holds h, unnest(array[':available', ':held']) part
      where h.reference = any($1::text[]))))
    order by id for update)
  select 'hold' as kind, reference as name, account as of, amount, counters from holds
  union all select 'counter', scope, "window", used, null from counted
  union all select 'account', address, id::text, balance, null from paying`

type LockedRow = {
  kind: 'hold' | 'counter' | 'account'
  name: string
  of: string
  amount: bigint
  counters: string
}

/** Must be sent right behind `begin`. */
export async function readFacts(
  pipeline: Pipeline,
  units: readonly Unit[],
  accountIds: Map<string, bigint>,
): Promise<{ facts: Facts; writable: Writable }> {
  const commands = units.flatMap((unit) => unit.commands)
  const references = [...new Set(commands.map(({ reference }) => reference))]
  const wanted = countersOf(commands)
  const addresses = [...new Set(commands.flatMap(addressesOf))]
  const emptied = emptiedBy(commands)
  const [, , locked, posted, writable] = await Promise.all([
    emptied.length > 0 && pipeline.run(FOLD_FIRST, [emptied]),
    wanted.scopes.length > 0 &&
      pipeline.run(OPEN_COUNTERS, [wanted.scopes, wanted.windows, wanted.endsAt]),
    pipeline.run<LockedRow>(LOCKED, [references, wanted.scopes, wanted.windows, addresses]),
    pipeline.run<{ reference: string; kind: string; position: bigint }>(POSTED, [references]),
    readWritable(pipeline, units),
  ])
  const facts: Facts = {
    accounts: new Map(),
    holds: new Map(),
    counters: new Map(),
    posted: new Set(posted.map((row) => postingName(row.reference, row.kind, row.position))),
  }
  for (const row of locked) take(row, facts, accountIds)
  requireCounters(commands, facts)
  return { facts, writable }
}

/** One that was purged between two statements is opened anew in the next try. */
function requireCounters(commands: readonly Command[], { counters }: Facts): void {
  for (const { scope, window } of countersIn(commands)) {
    if (counters.has(counterName(scope, window))) continue
    throw Object.assign(new Error('a counter was purged'), { code: 'SK001' })
  }
}

function take(row: LockedRow, facts: Facts, accountIds: Map<string, bigint>): void {
  const { kind, name, of, amount, counters } = row
  switch (kind) {
    case 'hold':
      facts.holds.set(name, { reference: name, account: of, amount, counters })
      break
    case 'counter':
      facts.counters.set(counterName(name, of), amount)
      break
    case 'account':
      facts.accounts.set(name, amount)
      accountIds.set(name, BigInt(of))
  }
}

/** The rows of many units, by what is written. */
export function groupRows(rows: readonly RowWrite[]): [write: Write, rows: RowWrite[]][] {
  const groups = new Map<string, [Write, RowWrite[]]>()
  for (const row of rows) {
    const group = groups.get(row.write.many)
    if (group) group[1].push(row)
    else groups.set(row.write.many, [row.write, [row]])
  }
  return [...groups.values()]
}

/** An array for each of the values of `rows`. */
export function columnsOf(rows: readonly RowWrite[]): Parameter[] {
  return rows[0]!.values.map((_, i) => rows.map(({ values }) => values[i]!))
}

async function readWritable(pipeline: Pipeline, units: readonly Unit[]): Promise<Writable> {
  const claiming = units.flatMap(({ rows = [] }) => rows.filter(({ write }) => write.claim))
  const found = await Promise.all(
    groupRows(claiming).map(async ([{ claim }, rows]) => {
      const numbers = await pipeline.run<{ nth: bigint }>(claim!.writable, columnsOf(rows))
      return numbers.map(({ nth }) => rows[int(nth) - 1]!)
    }),
  )
  return new Set(found.flat())
}

function countersIn(commands: readonly Command[]) {
  return commands.flatMap((command) => (command.kind === 'hold' ? command.counters : []))
}

function countersOf(commands: readonly Command[]) {
  const counters = countersIn(commands)
  const distinct = [...new Map(counters.map((c) => [counterName(c.scope, c.window), c])).values()]
  return {
    scopes: distinct.map(({ scope }) => scope),
    windows: distinct.map(({ window }) => window),
    endsAt: distinct.map(({ endsAtMs }) => endsAtMs),
  }
}

function addressesOf(command: Command): string[] {
  switch (command.kind) {
    case 'grant':
      return [GRANTS, available(command.account)]
    case 'hold':
      return [available(command.account), held(command.account)]
    case 'transfer':
      return [sourceOf(command), available(command.to)]
    case 'capture':
    case 'release':
      return []
  }
}

/** Those that money is taken from although calls only pay into them. */
function emptiedBy(commands: readonly Command[]): string[] {
  const sources = commands.flatMap((it) => (it.kind === 'transfer' ? [sourceOf(it)] : []))
  return [...new Set(sources.filter(isCreditedOnly))]
}
