/**
 * The database. On SQLite one file has three connections: knex for everything that is not money, one
 * that the paid call reads from, and the ledger's, which writes in batches in a thread of its own.
 *
 * A transaction that knex holds open across an `await` must never meet a batch of the ledger, or one
 * of them finds the file locked: the {@link Turnstile} lets one through at a time.
 */
import { chmodSync, closeSync, openSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import knex, { type Knex } from 'knex'
import { migrations } from './migrations/migrations.js'
import type { SqlValue } from './row-write.js'
import { createTurnstile, type Turnstile } from './turnstile.js'

export type { Knex } from 'knex'
export { type Backup, backUp, type OnCopied } from './backup.js'
export { groupCommit } from './group-commit.js'
export { openForReading, settingOn } from './read-only.js'
export { defineWrite, type RowWrite, type SqlValue, type Write } from './row-write.js'
export type { Turnstile } from './turnstile.js'

/** Reads, and single writes that stand alone. */
export type Db = Knex
/** Writes that stand or fall together; only {@link Store.inTransaction} makes one. */
export type Tx = Knex.Transaction

export type SqliteConnection = SqliteDatabase.Database

export type Store = {
  kind: 'sqlite'
  db: Db
  /** What the paid call and the ledger read from. */
  money: SqliteConnection
  turnstile: Turnstile
  file: string
  /** A read of the paid call: prepared once, much cheaper than a query that knex builds. */
  query<Row>(sql: string, values: readonly SqlValue[]): Promise<Row[]>
  inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Opens (and creates, readable by its owner only) the SQLite file and brings its schema up to date. */
export async function openStore(options: { file: string }): Promise<Store> {
  makeOwnersOnly(options.file)
  const money = openConnection(options.file)
  const db = knex({
    client: 'better-sqlite3',
    connection: {
      filename: options.file,
      options: { safeIntegers: true },
    } as Knex.Sqlite3ConnectionConfig,
    useNullAsDefault: true,
    pool: {
      min: 1,
      max: 1,
      afterCreate: (connection: SqliteConnection, done: (error?: Error) => void) => {
        applyPragmas(connection)
        done()
      },
    },
  })
  const turnstile = createTurnstile()
  const store: Store = {
    kind: 'sqlite',
    db,
    money,
    turnstile,
    file: options.file,
    query: createQuery(money),
    inTransaction: (work) => turnstile.pass(() => db.transaction(work)),
    close: async () => {
      await db.destroy()
      money.close()
    },
  }
  await db.migrate.latest({ migrationSource: migrations })
  return store
}

function createQuery(money: SqliteConnection): Store['query'] {
  const prepared = new Map<string, SqliteDatabase.Statement>()
  return async <Row>(sql: string, values: readonly SqlValue[]) => {
    let statement = prepared.get(sql)
    if (!statement) {
      statement = money.prepare(sql).safeIntegers(true)
      prepared.set(sql, statement)
    }
    return statement.all(values as SqlValue[]) as Row[]
  }
}

/** Makes the file if need be; SQLite's files beside it take over its mode. */
function makeOwnersOnly(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
}

/** Locks `file` for this process alone; `undefined` when another one has it. */
export function openLock(file: string): (() => void) | undefined {
  makeOwnersOnly(file)
  const connection = new SqliteDatabase(file, { timeout: 0 })
  try {
    connection.pragma('journal_mode = delete')
    connection.exec('begin exclusive')
    return () => connection.close()
  } catch (error) {
    connection.close()
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return undefined
    throw error
  }
}

/** One more connection to the file, with the settings that all of them have. */
export function openConnection(file: string): SqliteConnection {
  const connection = new SqliteDatabase(file)
  applyPragmas(connection)
  return connection
}

function applyPragmas(connection: SqliteConnection): void {
  connection.pragma('journal_mode = WAL')
  // FULL: a commit that was acknowledged survives the loss of power. Group commit pays for it.
  connection.pragma('synchronous = FULL')
  connection.pragma('foreign_keys = ON')
  connection.pragma('busy_timeout = 5000')
  // 4,000 pages are 16 MB: hot pages are written back once for many commits.
  connection.pragma('wal_autocheckpoint = 4000')
  connection.pragma('cache_size = -65536')
}

/** A whole number column as a JavaScript number; for times and counts, never for money. */
export function int(value: unknown): number {
  return Number(value)
}

/** Like {@link int}, `null` staying `null`. */
export function intOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

/** Whether `error` is the database saying that a unique value exists already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
}

/** Reads a fact about the whole gateway, such as the fingerprint of its master key. */
export async function readSetting(db: Db, name: string): Promise<string | undefined> {
  const row = await db('settings').where({ name }).first('value')
  return row?.value
}

export async function writeSetting(db: Db, name: string, value: string): Promise<void> {
  await db('settings').insert({ name, value }).onConflict('name').merge()
}
