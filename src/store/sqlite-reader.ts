/** Reads a SQLite file from outside. */
import { existsSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { type Reader, requireSchema } from './reader.js'
import type { SqlValue } from './row-write.js'

/**
 * `undefined` when there is no such file.
 *
 * @throws Error when the file is no database, or its schema is not that of this version.
 */
export async function openFileForReading(file: string): Promise<Reader | undefined> {
  if (!existsSync(file)) return undefined
  const connection = new SqliteDatabase(file, { readonly: true, fileMustExist: true })
  connection.defaultSafeIntegers(true)
  const prepared = new Map<string, SqliteDatabase.Statement>()
  const reader: Reader = {
    kind: 'sqlite',
    async all<Row>(sql: string, values: readonly SqlValue[] = []) {
      const statement = prepared.get(sql) ?? connection.prepare(sql)
      prepared.set(sql, statement)
      return statement.all(values) as Row[]
    },
    async atOneMoment(read) {
      connection.exec('begin')
      try {
        return await read()
      } finally {
        if (connection.inTransaction) connection.exec('commit')
      }
    },
    close: async () => void connection.close(),
  }
  try {
    await requireSchema(reader)
    return reader
  } catch (error) {
    connection.close()
    throw error
  }
}
