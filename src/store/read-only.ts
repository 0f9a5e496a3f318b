/** The database as one reads it from outside, beside a running gateway or without one. */
import { existsSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { migrationNames } from './migrations/migrations.js'
import type { SqliteConnection } from './store.js'

/**
 * A connection that cannot write, takes no lock that a gateway waits for, and reads integers as
 * `bigint`. `undefined` when there is no such file.
 *
 * A read that lasts keeps SQLite from reusing its log: read in portions.
 *
 * @throws Error when the file is no database, or its schema is not that of this version.
 */
export function openForReading(file: string): SqliteConnection | undefined {
  if (!existsSync(file)) return undefined
  const connection = new SqliteDatabase(file, { readonly: true, fileMustExist: true })
  try {
    connection.defaultSafeIntegers(true)
    requireSchema(connection)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

function requireSchema(connection: SqliteConnection): void {
  const hasMigrations = connection
    .prepare("select 1 from sqlite_master where name = 'knex_migrations'")
    .get()
  const applied = hasMigrations
    ? connection.prepare('select name from knex_migrations order by id').pluck().all()
    : []
  if (applied.join() === migrationNames.join()) return
  throw new Error('its tables are not those of this version; start the gateway once')
}

/** {@link readSetting} on a connection of one's own. */
export function settingOn(connection: SqliteConnection, name: string): string | undefined {
  const sql = 'select value from settings where name = ?'
  return connection.prepare<[string], string>(sql).pluck().get(name)
}
