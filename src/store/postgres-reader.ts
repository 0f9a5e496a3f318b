/** Reads a PostgreSQL database from outside; one that follows another server will do, too. */
import pg from 'pg'
import { numberedStatements } from './numbered-statements.js'
import { CONNECT_MS, integersAsBigint } from './pipeline.js'
import { type Reader, requireSchema } from './reader.js'
import type { SqlValue } from './row-write.js'

/**
 * Compiling a statement takes longer than these run. Without the statistics that a database lacks
 * right after it was restored, a portion would be taken for most of its table.
 */
const BY_INDEX = 'set local enable_seqscan = off; set local jit = off'

/** @throws Error when the server cannot be reached, or the schema is not that of this version. */
export async function openServerForReading(url: string): Promise<Reader> {
  const client = new pg.Client({
    connectionString: url,
    types: integersAsBigint,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  })
  // A connection that breaks while nothing runs tells nobody else; the next statement fails.
  client.on('error', () => {})
  const numbered = numberedStatements()
  const reader: Reader = {
    kind: 'postgres',
    async all<Row>(sql: string, values: readonly SqlValue[] = []) {
      const { rows } = await client.query({ ...numbered(sql), values: [...values] })
      return rows as Row[]
    },
    async atOneMoment(read) {
      await client.query(`begin isolation level repeatable read read only; ${BY_INDEX}`)
      try {
        return await read()
      } finally {
        await client.query('commit')
      }
    },
    close: () => client.end(),
  }
  try {
    await client.connect()
    await client.query('set default_transaction_read_only = on')
    await requireSchema(reader)
    return reader
  } catch (error) {
    await client.end()
    throw error
  }
}
