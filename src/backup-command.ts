/**
 * `souk backup`: a copy of the SQLite database, made and checked while the gateway runs. PostgreSQL
 * has a program of its own for that, which is named.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Clock, systemClock } from '#core/clock'
import { type Backup, backUp, type OnCopied } from '#store'
import { type Config, ConfigFault } from './config.js'

const USAGE = 'usage: souk backup <file>'
/** Nothing is said about a backup that takes less, and then once in this time. */
const PROGRESS_MS = 1_000

/**
 * Needs no lock and no gateway: it only reads.
 *
 * @returns 0 for a backup that was made and checked, 1 for one that failed.
 * @throws ConfigFault for wrong usage, for a target that exists, where there is no database, and
 *   with the command to use where the database is PostgreSQL.
 */
export async function backupCommand(
  config: Config,
  args: string[],
  say: (line: string) => void,
  clock: Clock = systemClock,
): Promise<number> {
  const target = readTarget(args)
  if (config.databaseUrl !== undefined) throw useDump(config.databaseUrl, target)
  const source = join(config.dataDir, 'souk.db')
  requireSource(source)
  requireFree(target)
  let backup: Backup
  try {
    backup = await backUp(source, resolve(target), progress(clock, say))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw alreadyThere(target)
    say(`NOT SAVED: ${message}`)
    return 1
  }
  say(summary(config, target, backup))
  return 0
}

function readTarget(args: string[]): string {
  try {
    const [target, ...more] = parseArgs({ args, allowPositionals: true }).positionals
    if (target && more.length === 0) return target
  } catch {
    // An option; there are none.
  }
  throw new ConfigFault([USAGE])
}

/** The command as a shell takes it, without the password, which `pg_dump` asks for. */
function useDump(databaseUrl: string, target: string): ConfigFault {
  const url = new URL(databaseUrl)
  url.password = ''
  for (const name of ['password', 'sslpassword']) url.searchParams.delete(name)
  // It writes a blank as a plus, which PostgreSQL takes for a plus.
  url.search = url.search.replaceAll('+', '%20')
  const command = `pg_dump --format=custom --file=${quoted(target)} ${quoted(url.href)}`
  return new ConfigFault([
    `souk backup: PostgreSQL is backed up with its own program, while gateways run: ${command}`,
  ])
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

function requireSource(source: string): void {
  if (!existsSync(source)) {
    throw new ConfigFault([`SOUK_DATA_DIR: there is no database ${source}`])
  }
}

function requireFree(target: string): void {
  if (existsSync(target)) throw alreadyThere(target)
  const folder = dirname(resolve(target))
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigFault([`souk backup: there is no folder ${folder}`])
  }
}

function alreadyThere(target: string): ConfigFault {
  return new ConfigFault([`souk backup: ${target} exists and is not overwritten`])
}

function progress(clock: Clock, say: (line: string) => void): OnCopied {
  const startedAt = clock.now()
  let saidAt = startedAt
  return (copied, all) => {
    const now = clock.now()
    const isCopied = copied === all
    if (now - (isCopied ? startedAt : saidAt) < PROGRESS_MS) return
    saidAt = now
    say(isCopied ? 'Checking the copy' : `Copied ${Math.floor((100 * copied) / all)} %`)
  }
}

function summary(config: Config, target: string, { bytes, calls, receipts }: Backup): string {
  const inFolder = (name: string) => join(config.dataDir, name)
  const masterKey = config.masterKey ? 'SOUK_MASTER_KEY' : inFolder('master.key')
  const size = `${(bytes / 1e6).toFixed(1)} MB`
  return (
    `Saved ${target}: ${size}, ${calls} calls, ${receipts} receipts. Not in it: the master key ` +
    `(${masterKey}), with which all that is sealed in it opens, and without which nothing does.`
  )
}
