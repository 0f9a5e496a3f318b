/** `souk doctor`: audits the database beside a running gateway, or without one. It only reads. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCalls } from '#calls'
import { checkListings } from '#catalogue'
import { type Clock, systemClock } from '#core/clock'
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { createAuditor } from '#ledger'
import { checkChains } from '#receipts'
import { openForReading, type SqliteConnection, settingOn } from '#store'
import { createVault, type Vault } from '#vault'
import { type Config, ConfigFault } from './config.js'

/** Nothing is said about a check that takes less, and then once in this time. */
const PROGRESS_MS = 1_000
const RESTORE = 'stop the gateway and restore souk.db from a backup that is sound'

type Checks = [name: string, check: (progress: Progress) => Checked | Promise<Checked>][]

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
  const file = join(config.dataDir, 'souk.db')
  const connection = openDatabase(file)
  try {
    const vault = openVault(config, connection)
    let isWell = true
    for (const [name, check] of checksOf({ config, file, connection, vault, clock })) {
      const checked = await examine(() => check(progressOf(name, say, clock)))
      report(name, checked, say)
      isWell &&= checked.count === 0
    }
    return isWell ? 0 : 1
  } finally {
    connection.close()
  }
}

function checksOf(deps: {
  config: Config
  file: string
  connection: SqliteConnection
  vault: Vault
  clock: Clock
}): Checks {
  const { connection, vault } = deps
  const searchFile = join(deps.config.dataDir, 'search.db')
  return [
    ['ledger', () => checkLedger(deps)],
    ['receipts', (progress) => checkChains({ connection, vault, progress })],
    ['calls', (progress) => checkCalls({ connection, progress })],
    ['catalogue', (progress) => checkListings({ connection, vault, searchFile, progress })],
  ]
}

async function checkLedger({ file, clock }: { file: string; clock: Clock }): Promise<Checked> {
  const audit = await createAuditor({ file, clock })()
  const found = collectFindings()
  for (const { address, stored, recomputed, fault } of audit.findings) {
    const what = `${address} has ${stored} stored and ${recomputed} in its postings`
    found.add(`${what} (${fault})`, RESTORE)
  }
  const { accounts, openHolds } = audit
  const checked = `balanced, ${accounts.length} accounts, ${openHolds} open holds`
  return { checked, first: found.first, count: found.count }
}

/** A check that cannot read on has found something, too; the other checks are still made. */
async function examine(check: () => Checked | Promise<Checked>): Promise<Checked> {
  try {
    return await check()
  } catch (error) {
    const found = collectFindings()
    found.add(`the check cannot go on (${(error as Error).message})`, RESTORE)
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

function openDatabase(file: string): SqliteConnection {
  let connection: SqliteConnection | undefined
  try {
    connection = openForReading(file)
  } catch (error) {
    throw new ConfigFault([`SOUK_DATA_DIR: ${file}: ${(error as Error).message}`])
  }
  if (connection) return connection
  throw new ConfigFault([`SOUK_DATA_DIR: there is no database ${file}`])
}

/** The vault of the master key that the database was sealed with; none is made. */
function openVault(config: Config, connection: SqliteConnection): Vault {
  const vault = createVault(config.masterKey ?? readMasterKey(join(config.dataDir, 'master.key')))
  if (settingOn(connection, 'master_key_fingerprint') === vault.fingerprint) return vault
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
