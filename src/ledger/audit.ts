/**
 * Recomputes every balance from the postings. On SQLite it runs in a worker thread on a read
 * connection of its own, so that an audit of a large ledger never delays a call; callers that ask
 * while one runs share it.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { formatUsdc, nanos, SCALE } from '#core/money'
import { int } from '#store'

/** What is wrong with one address: the balance that is stored and the one that the postings give. */
export type AuditFinding = { address: string; stored: string; recomputed: string; fault: string }

export type Audit = {
  balanced: boolean
  /** Balances recomputed from the postings, decimal USDC. */
  accounts: { name: string; balance: string }[]
  openHolds: number
  checkedAtMs: number
  findings: AuditFinding[]
}

type Row = {
  address: string
  balance: bigint
  recomputed: bigint
  mayBeNegative: bigint
  open: bigint
}

/** What the statement gives: sums in whole USDC and in the nanos that are left of them. */
export type SummedRow = Omit<Row, 'recomputed' | 'open'> &
  Record<'movedWhole' | 'movedNanos' | 'openWhole' | 'openNanos' | 'openHolds', bigint>

/**
 * One statement over one snapshot; it answers each address with all that it is compared to. What
 * went through an address in years may not fit 64 bits, hence the sums in two parts.
 */
const recomputing = (stored: string) => `
  with moved as (
    select id, sum(amount / ${SCALE}) as whole, sum(amount % ${SCALE}) as nanos from (
      select to_id as id, amount from ledger_postings
      union all select from_id, -amount from ledger_postings) as postings group by id),
  open as (
    select 'buyer:' || account || ':held' as address,
      sum(amount / ${SCALE}) as whole, sum(amount % ${SCALE}) as nanos
    from ledger_holds group by account),
  named as (select address from ledger_accounts union select address from open)
  select named.address, ${stored} as balance,
    coalesce(a.may_be_negative, 0) as "mayBeNegative",
    coalesce(moved.whole, 0) as "movedWhole", coalesce(moved.nanos, 0) as "movedNanos",
    coalesce(open.whole, 0) as "openWhole", coalesce(open.nanos, 0) as "openNanos",
    (select count(*) from ledger_holds) as "openHolds"
  from named left join ledger_accounts a on a.address = named.address
  left join moved on moved.id = a.id
  left join open on open.address = named.address order by named.address`

const RECOMPUTE = recomputing('coalesce(a.balance, 0)')

/** On PostgreSQL a part of what was paid in is not folded into the balance yet. */
const RECOMPUTE_WITH_CREDITS = recomputing(`coalesce(a.balance, 0) + coalesce(
  (select sum(c.amount) from ledger_credits c where c.account_id = a.id), 0)`)

/** Plain JavaScript, so that it runs alike from source and from the build. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const Database = require(workerData.driver)
  try {
    const db = new Database(workerData.file, { readonly: true })
    db.defaultSafeIntegers(true)
    parentPort.postMessage(db.prepare(workerData.recompute).all())
    db.close()
  } catch (error) {
    // An error of the driver does not keep its message from thread to thread.
    throw new Error(error.message)
  }`

/** How the balances are read and recomputed. */
export type Recompute = () => Promise<SummedRow[]>

/** An audit, whoever else has the database open. */
export function createAuditor(options: { recompute: Recompute; clock: { now(): number } }) {
  let running: Promise<Audit> | undefined
  return function audit(): Promise<Audit> {
    running ??= options
      .recompute()
      .then((rows) => judge(rows, options.clock.now()))
      .finally(() => {
        running = undefined
      })
    return running
  }
}

/** Of the SQLite database in `file`. */
export function recomputeInWorker(file: string): Recompute {
  const driver = createRequire(import.meta.url).resolve('better-sqlite3')
  return () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(WORKER, {
        eval: true,
        workerData: { driver, file, recompute: RECOMPUTE },
      })
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('the audit worker ended without an answer')))
    })
}

/** Of a PostgreSQL database, which does the work itself. */
export function recomputeByQuery(read: (sql: string) => Promise<SummedRow[]>): Recompute {
  return () => read(RECOMPUTE_WITH_CREDITS)
}

function summed(read: SummedRow): Row {
  const { movedWhole, movedNanos, openWhole, openNanos, ...row } = read
  return {
    ...row,
    recomputed: movedWhole * SCALE + movedNanos,
    open: openWhole * SCALE + openNanos,
  }
}

function judge(read: readonly SummedRow[], checkedAtMs: number): Audit {
  const rows = read.map(summed)
  const findings = rows.flatMap(faultsOf)
  const sum = rows.reduce((total, row) => total + row.recomputed, 0n)
  if (sum !== 0n) {
    findings.push({
      address: '*',
      stored: '0',
      recomputed: formatUsdc(nanos(sum)),
      fault: 'the balances do not sum to zero',
    })
  }
  return {
    balanced: findings.length === 0,
    accounts: rows.map((row) => ({
      name: row.address,
      balance: formatUsdc(nanos(row.recomputed)),
    })),
    openHolds: int(read[0]?.openHolds ?? 0),
    checkedAtMs,
    findings,
  }
}

function faultsOf(row: Row): AuditFinding[] {
  const faults: string[] = []
  if (row.balance !== row.recomputed) faults.push('the stored balance is not that of the postings')
  if (row.recomputed < 0n && row.mayBeNegative === 0n) faults.push('the balance is negative')
  if (row.address.endsWith(':held') && row.recomputed !== row.open) {
    faults.push('what is held is not the sum of the open holds')
  }
  return faults.map((fault) => ({
    address: row.address,
    stored: formatUsdc(nanos(row.balance)),
    recomputed: formatUsdc(nanos(row.recomputed)),
    fault,
  }))
}
