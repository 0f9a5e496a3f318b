/** The database: SQLite in one file, for one gateway, or PostgreSQL, which several can share. */
import type { Knex } from 'knex'
import type { SqlValue } from './row-write.js'

export type { Knex } from 'knex'
export { type Backup, backUp, type OnCopied } from './backup.js'
export { checkServer } from './check-server.js'
export { type GroupCommit, groupCommit } from './group-commit.js'
export { DATABASE_NOW_MS, type Lease, type Leases, postgresLeases, soleLeases } from './leases.js'
export { connectPipeline, isRefusal, type Parameter, type Pipeline } from './pipeline.js'
export { openServerForReading } from './postgres-reader.js'
export { lockServer, openPostgresStore, type PostgresStore } from './postgres-store.js'
export { parameterRows, type Reader, settingOn } from './reader.js'
export { currentRevision, nextRevision } from './revision.js'
export {
  defineDelete,
  defineInsert,
  defineTake,
  defineUpdate,
  type RowWrite,
  type SqlValue,
  type Write,
} from './row-write.js'
export {
  chainOf,
  KEEP_SEAT,
  leaveSeat,
  type Seat,
  takeSeat,
  wasCommitted,
} from './seat.js'
export { openFileForReading } from './sqlite-reader.js'
export {
  openConnection,
  openLock,
  openStore,
  type SqliteConnection,
  type SqliteStore,
} from './sqlite-store.js'
export { createTurnstile, type Turnstile } from './turnstile.js'

/** Reads, and single writes that stand alone. */
export type Db = Knex
/** Writes that stand or fall together; only {@link Store.inTransaction} makes one. */
export type Tx = Knex.Transaction

export type Store = {
  kind: 'sqlite' | 'postgres'
  db: Db
  /** A read of the paid call, with `?` for its values: prepared once, much cheaper than knex. */
  query<Row>(sql: string, values: readonly SqlValue[]): Promise<Row[]>
  inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A whole number column as a JavaScript number; for times and counts, never for money. */
export function int(value: unknown): number {
  return Number(value)
}

/** Like {@link int}, `null` staying `null`. */
export function intOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

const UNIQUE_VIOLATIONS: ReadonlySet<unknown> = new Set([
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  '23505',
])

/** Whether `error` is the database saying that a unique value exists already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return UNIQUE_VIOLATIONS.has(code)
}

/** Reads a fact about the whole gateway, such as the fingerprint of its master key. */
export async function readSetting(db: Db, name: string): Promise<string | undefined> {
  const row = await db('settings').where({ name }).first('value')
  return row?.value
}

export async function writeSetting(db: Db, name: string, value: string): Promise<void> {
  await db('settings').insert({ name, value }).onConflict('name').merge()
}
