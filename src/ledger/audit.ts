/**
 * Recomputes every balance from the postings. It runs in a worker thread on a read connection of
 * its own, so that an audit of a large ledger never delays a call; callers that ask while one runs
 * share it.
 */
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { formatUsdc, nanos, SCALE } from '#core/money'

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
type SummedRow = Omit<Row, 'recomputed' | 'open'> &
  Record<'movedWhole' | 'movedNanos' | 'openWhole' | 'openNanos', bigint>

/**
 * One statement over one snapshot; it answers each address with all that it is compared to. What
 * went through an address in years may not fit 64 bits, hence the sums in two parts.
 */
const RECOMPUTE = `
  with moved as (
    select id, sum(amount / ${SCALE}) as whole, sum(amount % ${SCALE}) as nanos from (
      select to_id as id, amount from ledger_postings
      union all select from_id, -amount from ledger_postings) group by id),
  open as (
    select 'buyer:' || account || ':held' as address,
      sum(amount / ${SCALE}) as whole, sum(amount % ${SCALE}) as nanos
    from ledger_holds group by account),
  named as (select address from ledger_accounts union select address from open)
  select named.address, coalesce(a.balance, 0) as balance,
    coalesce(a.may_be_negative, 0) as mayBeNegative,
    coalesce(moved.whole, 0) as movedWhole, coalesce(moved.nanos, 0) as movedNanos,
    coalesce(open.whole, 0) as openWhole, coalesce(open.nanos, 0) as openNanos
  from named left join ledger_accounts a on a.address = named.address
  left join moved on moved.id = a.id
  left join open on open.address = named.address order by named.address`

const COUNT_OPEN = 'select count(*) as n from ledger_holds'

/** Plain JavaScript, so that it runs alike from source and from the build. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const Database = require(workerData.driver)
  try {
    const db = new Database(workerData.file, { readonly: true })
    db.defaultSafeIntegers(true)
    db.exec('begin')
    parentPort.postMessage({
      rows: db.prepare(workerData.recompute).all(),
      open: db.prepare(workerData.countOpen).get().n,
    })
    db.exec('commit')
    db.close()
  } catch (error) {
    // An error of the driver does not keep its message from thread to thread.
    throw new Error(error.message)
  }`

/** An audit of the database in `file`, whoever else has it open. */
export function createAuditor(options: { file: string; clock: { now(): number } }) {
  let running: Promise<Audit> | undefined
  return function audit(): Promise<Audit> {
    running ??= recompute(options.file)
      .then(({ rows, open }) => judge(rows.map(summed), open, options.clock.now()))
      .finally(() => {
        running = undefined
      })
    return running
  }
}

function recompute(file: string): Promise<{ rows: SummedRow[]; open: bigint }> {
  const driver = createRequire(import.meta.url).resolve('better-sqlite3')
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, {
      eval: true,
      workerData: { driver, file, recompute: RECOMPUTE, countOpen: COUNT_OPEN },
    })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the audit worker ended without an answer')))
  })
}

function summed({ movedWhole, movedNanos, openWhole, openNanos, ...row }: SummedRow): Row {
  return {
    ...row,
    recomputed: movedWhole * SCALE + movedNanos,
    open: openWhole * SCALE + openNanos,
  }
}

function judge(rows: readonly Row[], open: bigint, checkedAtMs: number): Audit {
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
    openHolds: Number.parseInt(open.toString(), 10),
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
