/** `souk doctor`: audits the database beside a running gateway, or without one. It only reads. */
import { join } from 'node:path'
import { checkAudit } from '#audit'
import { checkCalls } from '#calls'
import { checkListings, checkRemoteSearch } from '#catalogue'
import { type Clock, systemClock } from '#core/clock'
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { formatUsdc } from '#core/money'
import { isUnavailable } from '#core/storage-problem'
import { createAuditor, recomputeByQuery, recomputeInWorker, waitingCredits } from '#ledger'
import { checkChains } from '#receipts'
import { meilisearch } from '#search'
import { checkServer, type Reader } from '#store'
import type { Vault } from '#vault'
import { type Config, ConfigFault } from './config.js'
import { fileOf, openKnown } from './known-database.js'

/** Nothing is said about a check that takes less, and then once in this time. */
const PROGRESS_MS = 1_000
const RESTORE = 'stop the gateway and restore the database from a backup that is sound'
const ASK_AGAIN = 'see why the database does not answer, then run souk doctor again'

type Check = (progress: Progress) => Promise<Checked>

/**
 * Says in a line each what is well, and what is wrong and what to do about it.
 *
 * @returns 0 when all is well, 1 when something is wrong.
 * @throws ConfigFault for wrong usage, without a database or its master key, and when the database
 *   is of another version.
 */
export async function doctorCommand(
  config: Config,
  args: string[],
  say: (line: string) => void,
  clock: Clock = systemClock,
): Promise<number> {
  if (args.length > 0) throw new ConfigFault(['usage: souk doctor'])
  const { reader, vault } = await openKnown(config)
  try {
    let isWell = true
    for (const [name, check] of checksOf({ config, reader, vault, clock })) {
      const checked = await examine(() => check(progressOf(name, say, clock)))
      report(name, checked, say)
      isWell &&= checked.count === 0
    }
    return isWell ? 0 : 1
  } finally {
    await reader.close()
  }
}

function checksOf(deps: {
  config: Config
  reader: Reader
  vault: Vault
  clock: Clock
}): [name: string, check: Check][] {
  const { config, reader, vault } = deps
  const searchFile = join(config.dataDir, 'search.index')
  const onServer: [string, Check][] = [['server', () => checkServer(reader)]]
  const { meilisearch: remote } = config
  const onMeilisearch: [string, Check][] = remote
    ? [['search', () => checkRemoteSearch(reader, (name) => meilisearch(remote, name))]]
    : []
  return [
    ...(reader.kind === 'postgres' ? onServer : []),
    ['ledger', () => checkLedger(deps)],
    ['receipts', (progress) => checkChains({ reader, vault, progress })],
    ['calls', (progress) => checkCalls({ reader, progress })],
    ['catalogue', (progress) => checkListings({ reader, vault, searchFile, progress })],
    ['audit', (progress) => checkAudit({ reader, key: vault.deriveKey('audit'), progress })],
    ...onMeilisearch,
  ]
}

async function checkLedger(deps: {
  config: Config
  reader: Reader
  clock: Clock
}): Promise<Checked> {
  const { config, reader, clock } = deps
  const isServer = reader.kind === 'postgres'
  const recompute = isServer
    ? recomputeByQuery((sql) => reader.all(sql))
    : recomputeInWorker(fileOf(config))
  const audit = await createAuditor({ recompute, clock })()
  const found = collectFindings()
  for (const { address, stored, recomputed, fault } of audit.findings) {
    const what = `${address} has ${stored} stored and ${recomputed} in its postings`
    found.add(`${what} (${fault})`, RESTORE)
  }
  const { accounts, openHolds } = audit
  const credits = isServer ? `, ${formatUsdc(await waitingCredits(reader))} to be added up` : ''
  const checked = `balanced, ${accounts.length} accounts, ${openHolds} open holds${credits}`
  return { checked, first: found.first, count: found.count }
}

/** A check that cannot read on has found something, too; the other checks are still made. */
async function examine(check: () => Promise<Checked>): Promise<Checked> {
  try {
    return await check()
  } catch (error) {
    const found = collectFindings()
    const remedy = isUnavailable(error) ? ASK_AGAIN : RESTORE
    found.add(`the check cannot go on (${(error as Error).message})`, remedy)
    return { checked: '', first: found.first, count: found.count }
  }
}

function report(name: string, { checked, first, count }: Checked, say: (line: string) => void) {
  if (count === 0) say(`ok  ${name}: ${checked}`)
  for (const { what, remedy } of first) say(`BAD ${name}: ${what}: ${remedy}`)
  if (count > first.length) say(`BAD ${name}: and ${count - first.length} more`)
}

function progressOf(name: string, say: (line: string) => void, clock: Clock): Progress {
  let saidAt = clock.now()
  return (read) => {
    const now = clock.now()
    if (now - saidAt < PROGRESS_MS) return
    saidAt = now
    say(`..  ${name}: ${read} rows read`)
  }
}

/** Several addresses that were tried in vain give an error of errors, without a message. */
