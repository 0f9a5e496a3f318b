/** Reads and locks on PostgreSQL what a batch may change: one round trip, all locks in one order. */
import { int, type Parameter, type Pipeline, type RowWrite, type Write } from '#store'
import type { HoldRow } from './books.js'
import { available, GRANTS, held } from './chart.js'
import type { Command, Unit } from './ledger.js'
import { counterName, type Facts, postingName } from './postgres-books.js'

/** Which rows with a claim could be written; one that is not named here is refused. */
export type Writable = ReadonlySet<RowWrite>

// Every batch locks holds by reference, then counters by name, then accounts by id, then what rows
// claim by key: two batches can wait for one another, never in a circle.
const HOLDS = `select reference, account, amount, counters from ledger_holds
  where reference = any($1::text[]) order by reference for update`

const POSTED = `select reference, kind, position from ledger_postings
  where reference = any($1::text[])`

/** A row that does not exist cannot be locked, so counters are there before they are counted on. */
const OPEN_COUNTERS = `insert into ledger_counters (scope, "window", used, ends_at)
  select v.scope, v.name, 0, v.ends_at
  from unnest($1::text[], $2::text[], $3::bigint[]) as v(scope, name, ends_at)
  order by v.scope, v.name on conflict (scope, "window") do nothing`

/** The counters of new holds, and those that the open ones were counted on. */
const COUNTERS = `select c.scope, c."window", c.used from ledger_counters c
  where (c.scope, c."window") in (
    select v.scope, v.name from unnest($1::text[], $2::text[]) as v(scope, name)
    union select e ->> 0, e ->> 1
    from ledger_holds h, jsonb_array_elements(h.counters::jsonb) e
    where h.reference = any($3::text[]))
  order by c.scope, c."window" for update of c`

/** The accounts that are named, and those of the buyers of open holds. */
const ACCOUNTS = `select id, address, balance from ledger_accounts
  where address = any(array_cat($1::text[], array(
    select 'buyer:' || h.account || part
    from ledger_holds h, unnest(array[':available', ':held']) part
    where h.reference = any($2::text[]))))
  order by id for update`

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
  const [holds, posted, , counters, accounts, writable] = await Promise.all([
    pipeline.run<HoldRow>(HOLDS, [references]),
    pipeline.run<{ reference: string; kind: string; position: bigint }>(POSTED, [references]),
    wanted.scopes.length > 0 &&
      pipeline.run(OPEN_COUNTERS, [wanted.scopes, wanted.windows, wanted.endsAt]),
    pipeline.run<{ scope: string; window: string; used: bigint }>(COUNTERS, [
      wanted.scopes,
      wanted.windows,
      references,
    ]),
    pipeline.run<{ id: bigint; address: string; balance: bigint }>(ACCOUNTS, [
      addresses,
      references,
    ]),
    readWritable(pipeline, units),
  ])
  for (const { id, address } of accounts) accountIds.set(address, id)
  const facts: Facts = {
    accounts: new Map(accounts.map(({ address, balance }) => [address, balance])),
    holds: new Map(holds.map((hold) => [hold.reference, hold])),
    counters: new Map(counters.map((row) => [counterName(row.scope, row.window), row.used])),
    posted: new Set(posted.map((row) => postingName(row.reference, row.kind, row.position))),
  }
  return { facts, writable }
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

function countersOf(commands: readonly Command[]) {
  const counters = commands.flatMap((command) => (command.kind === 'hold' ? command.counters : []))
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
    case 'capture':
    case 'release':
      return []
  }
}
