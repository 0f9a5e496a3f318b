/**
 * SQLite. One file has three connections: knex for everything that is not money, one that the paid
 * call reads from, and the ledger's, which writes in batches in a thread of its own.
 *
 * A transaction that knex holds open across an `await` must never meet a batch of the ledger, or one
 * of them finds the file locked: the {@link Turnstile} lets one through at a time.
 */
import { chmodSync, closeSync, openSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import knex, { type Knex } from 'knex'
import { migrations } from './migrations/migrations.js'
import type { SqlValue } from './row-write.js'
import type { Store } from './store.js'
import { createTurnstile, type Turnstile } from './turnstile.js'

export type SqliteConnection = SqliteDatabase.Database

export type SqliteStore = Store & {
  kind: 'sqlite'
  /** What the paid call and the ledger read from. */
  money: SqliteConnection
  turnstile: Turnstile
  file: string
}

/** Opens (and creates, readable by its owner only) the SQLite file and brings its schema up to date. */
export async function openStore(options: { file: string }): Promise<SqliteStore> {
  makeOwnersOnly(options.file)
  const money = openConnection(options.file)
  const db = knex({
    client: 'better-sqlite3',
    // The text of an error would hold the values, and cannot show those that are `bigint`.
    compileSqlOnError: false,
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
  const store: SqliteStore = {
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
