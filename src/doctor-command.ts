/** `souk doctor`: audits the database beside a running gateway, or without one. It only reads. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCalls } from '#calls'
import { checkListings } from '#catalogue'
import { type Clock, systemClock } from '#core/clock'
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { formatUsdc } from '#core/money'
import { isUnavailable } from '#core/storage-problem'
import { createAuditor, recomputeByQuery, recomputeInWorker, waitingCredits } from '#ledger'
import { checkChains } from '#receipts'
import {
  checkServer,
  openFileForReading,
  openServerForReading,
  type Reader,
  settingOn,
} from '#store'
import { createVault, type Vault } from '#vault'
import { type Config, ConfigFault } from './config.js'

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
  const reader = await openDatabase(config)
  try {
    const vault = await openVault(config, reader)
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
  const searchFile = join(config.dataDir, 'search.db')
  const onServer: [string, Check][] = [['server', () => checkServer(reader)]]
  return [
    ...(reader.kind === 'postgres' ? onServer : []),
    ['ledger', () => checkLedger(deps)],
    ['receipts', (progress) => checkChains({ reader, vault, progress })],
    ['calls', (progress) => checkCalls({ reader, progress })],
    ['catalogue', (progress) => checkListings({ reader, vault, searchFile, progress })],
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

function fileOf({ dataDir }: Config): string {
  return join(dataDir, 'souk.db')
}

async function openDatabase(config: Config): Promise<Reader> {
  const { databaseUrl } = config
  if (databaseUrl !== undefined) {
    return openServerForReading(databaseUrl).catch((error: Error) => {
      throw new ConfigFault([`DATABASE_URL: the database cannot be read (${reasonOf(error)})`])
    })
  }
  const file = fileOf(config)
  const reader = await openFileForReading(file).catch((error: Error) => {
    throw new ConfigFault([`SOUK_DATA_DIR: ${file}: ${error.message}`])
  })
  if (reader) return reader
  throw new ConfigFault([`SOUK_DATA_DIR: there is no database ${file}`])
}

/** Several addresses that were tried in vain give an error of errors, without a message. */
function reasonOf({ message, code }: NodeJS.ErrnoException): string {
  return message === '' ? (code ?? 'no reason given') : message
}

/** The vault of the master key that the database was sealed with; none is made. */
async function openVault(config: Config, reader: Reader): Promise<Vault> {
  const vault = createVault(config.masterKey ?? readMasterKey(join(config.dataDir, 'master.key')))
  if ((await settingOn(reader, 'master_key_fingerprint')) === vault.fingerprint) return vault
  throw new ConfigFault(['SOUK_MASTER_KEY: it is not the key that this database was sealed with'])
}

function readMasterKey(file: string): Buffer {
  if (!existsSync(file)) {
    throw new ConfigFault([`SOUK_MASTER_KEY: it is not set, and there is no ${file}`])
  }
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
  if (key.length === 32) return key
  throw new ConfigFault([`SOUK_MASTER_KEY: ${file} does not hold 32 bytes in base64`])
}
