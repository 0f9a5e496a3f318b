/**
 * A copy of the database while others write to it. One read transaction lasts from the first page to
 * the last, so that the copy is the database at one moment, and no write makes SQLite begin anew.
 * Meanwhile the write-ahead log cannot be emptied: it grows by what is written.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'

/** 10 MB; progress is told between steps. */
const PAGES_PER_STEP = 2_500

/** What nothing can make again; a file without them is not Souk's. */
const TABLES = [
  ...['accounts', 'api_keys', 'listings', 'ledger_accounts', 'ledger_postings'],
  ...['calls', 'receipts', 'signing_keys', 'settings'],
]

/** What a finished backup holds; `bytes` is the size of its file. */
export type Backup = { bytes: number; calls: number; receipts: number }

/** Told how many of all pages are copied; all of them when the copy is about to be checked. */
export type OnCopied = (copied: number, all: number) => void

/**
 * Copies the SQLite file `from` to the new file `to`, readable by its owner only and complete in
 * itself, and checks the copy. Until then it has a name of its own beside `to`, so that a file named
 * `to` is a whole one.
 *
 * @throws Error with code `EEXIST` when there is a file `to`, another Error when the copy cannot be
 *   made or fails the check; either way nothing is left behind.
 */
export async function backUp(from: string, to: string, onCopied: OnCopied): Promise<Backup> {
  const partial = `${to}.partial-${randomBytes(4).toString('hex')}`
  closeSync(openSync(partial, 'wx', 0o600))
  try {
    await copy(from, partial, onCopied)
    leaveWal(partial)
    const counts = inspect(partial)
    giveName(partial, to)
    return { bytes: statSync(to).size, ...counts }
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(partial + suffix, { force: true })
  }
}

async function copy(from: string, partial: string, onCopied: OnCopied): Promise<void> {
  const source = new SqliteDatabase(from, { readonly: true })
  try {
    // A read transaction begins with the first read.
    source.exec('begin; select count(*) from sqlite_schema')
    const { totalPages } = await source.backup(partial, {
      progress: ({ totalPages: all, remainingPages }) => {
        onCopied(all - remainingPages, all)
        return PAGES_PER_STEP
      },
    })
    onCopied(totalPages, totalPages)
  } finally {
    source.close()
  }
}

/** The mode is copied, too; in it, the mere reading of a file makes two more beside it. */
function leaveWal(file: string): void {
  const connection = new SqliteDatabase(file)
  try {
    connection.pragma('journal_mode = delete')
  } finally {
    connection.close()
  }
}

function inspect(file: string): Pick<Backup, 'calls' | 'receipts'> {
  const connection = new SqliteDatabase(file, { readonly: true })
  try {
    const fault = connection.pragma('integrity_check(1)', { simple: true })
    if (fault !== 'ok') throw new Error(`the database is damaged: ${fault}`)
    const tables = connection.prepare("select name from sqlite_schema where type = 'table'")
    const present = new Set(tables.pluck().all())
    const missing = TABLES.filter((name) => !present.has(name))
    if (missing.length > 0) throw new Error(`the database has no table ${missing.join(', ')}`)
    const count = (table: string) =>
      connection.prepare<[], number>(`select count(*) from ${table}`).pluck().get()!
    return { calls: count('calls'), receipts: count('receipts') }
  } finally {
    connection.close()
  }
}

/** A link is refused where a file has the name already; renaming would replace it. */
function giveName(partial: string, to: string): void {
  try {
    linkSync(partial, to)
  } catch (error) {
    // Some file systems, mostly those of removable and shared drives, have no links.
    if (existsSync(to)) throw error
    renameSync(partial, to)
  }
}
