/** The ledger on PostgreSQL, which several gateways write at once. */
import { nanos } from '#core/money'
import {
  createTurnstile,
  DATABASE_NOW_MS,
  int,
  openServerForReading,
  type PostgresStore,
} from '#store'
import { createAuditor, type Recompute, recomputeByQuery } from './audit.js'
import { available, earned, held, leaving } from './chart.js'
import { commitQueue } from './commit-queue.js'
import type { Ledger, OpenHold } from './ledger.js'
import type { Writer } from './writer.js'

/** Credits that are folded into balances in one go. */
const FOLDED_AT_ONCE = 10_000

const BALANCES = `select a.address, a.balance + coalesce(
    (select sum(c.amount) from ledger_credits c where c.account_id = a.id), 0) as balance
  from ledger_accounts a where a.address in (?, ?)`

/** Others that fold at the same time take other credits. */
const FOLD = `with folded as (
    delete from ledger_credits where id in (
      select id from ledger_credits order by id limit ${FOLDED_AT_ONCE} for update skip locked)
    returning account_id, amount),
  sums as (select account_id, sum(amount) as amount, count(*) as credits
    from folded group by account_id order by account_id)
  update ledger_accounts a set balance = a.balance + sums.amount
  from sums where a.id = sums.account_id returning sums.credits`

export function postgresLedger(options: {
  store: Pick<PostgresStore, 'query' | 'url'>
  clock: { now(): number }
  writer: Writer
}): Ledger {
  const { query, url } = options.store
  // Nothing else of this process can get in the way of a batch.
  const queue = commitQueue(options.writer, createTurnstile())

  return {
    commit: (unit) => queue.submit(unit),
    waiting: () => queue.waiting(),
    takesWrites: () => queue.takesWrites(),
    async balanceOf(account) {
      const [free, set] = await balancesAt(available(account), held(account))
      return { available: free, held: set }
    },
    async earningsOf(account) {
      const [own, going] = await balancesAt(earned(account), leaving(account))
      return { earned: own, leaving: going }
    },
    usedOf: (windows) => Promise.all(windows.map(({ scope, window }) => usedOf(scope, window))),
    async openHolds(deadlineBeforeMs, limit) {
      const rows = await query<Omit<OpenHold, 'deadlineMs'> & { deadline: bigint }>(
        `select reference, account, deadline from ledger_holds
         where deadline < ? order by deadline limit ?`,
        [deadlineBeforeMs, limit],
      )
      return rows.map(({ deadline, ...hold }) => ({ ...hold, deadlineMs: int(deadline) }))
    },
    openHoldCount: async () => int((await first('select count(*) as n from ledger_holds'))?.n),
    audit: createAuditor({ recompute: recomputeOnServer(url), clock: options.clock }),
    async tend() {
      // An empty transaction renews the seat of a gateway that has nothing to write.
      await queue.submit({ commands: [] })
      for (let folded = FOLDED_AT_ONCE; folded >= FOLDED_AT_ONCE; ) {
        const rows = await query<{ credits: bigint }>(FOLD, [])
        folded = rows.reduce((total, { credits }) => total + int(credits), 0)
      }
    },
    now: async () => int((await first(`select ${DATABASE_NOW_MS} as n`))?.n),
    close: () => queue.close(),
  }

  /** Of one moment. */
  async function balancesAt(one: string, other: string) {
    const rows = await query<{ address: string; balance: bigint }>(BALANCES, [one, other])
    const at = (address: string) => rows.find((row) => row.address === address)?.balance ?? 0n
    return [nanos(at(one)), nanos(at(other))] as const
  }

  async function usedOf(scope: string, window: string): Promise<bigint> {
    const sql = 'select used from ledger_counters where scope = ? and "window" = ?'
    const [row] = await query<{ used: bigint }>(sql, [scope, window])
    return row?.used ?? 0n
  }

  async function first(sql: string): Promise<{ n: bigint } | undefined> {
    return (await query<{ n: bigint }>(sql, []))[0]
  }
}

/** On a connection of its own, where it may take as long as it does. */
function recomputeOnServer(url: string): Recompute {
  return async () => {
    const reader = await openServerForReading(url)
    return recomputeByQuery((sql) => reader.all(sql))().finally(reader.close)
  }
}
