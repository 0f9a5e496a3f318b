/** The database as one reads it from outside, beside running gateways or without one. */
import { migrationNames } from './migrations/migrations.js'
import type { SqlValue } from './row-write.js'

/**
 * A connection that cannot write, and takes no lock that a gateway waits for. A read that lasts keeps
 * the database from clearing away what is old: read in portions. One thing at a time reads with it.
 */
export type Reader = {
  kind: 'sqlite' | 'postgres'
  /** Rows of a statement with `?` for its values, prepared once; integers are `bigint`. */
  all<Row>(sql: string, values?: readonly SqlValue[]): Promise<Row[]>
  /**
   * All that `read` reads is as it was at one moment, whatever is written meanwhile. It finds its
   * rows by an index: a portion of a large table must never cost a walk through all of it.
   */
  atOneMoment<T>(read: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** @throws Error when the schema is not that of this version. */
export async function requireSchema({ all }: Reader): Promise<void> {
  const applied = await all<{ name: string }>('select name from knex_migrations order by id').catch(
    (error: Error) => {
      if (isNoTable(error)) return []
      throw error
    },
  )
  if (applied.map(({ name }) => name).join() === migrationNames.join()) return
  throw new Error('its tables are not those of this version; start the gateway once')
}

function isNoTable({ code, message }: Error & { code?: unknown }): boolean {
  return code === '42P01' || message.startsWith('no such table')
}

/** A fact about the whole gateway, such as the fingerprint of its master key. */
export async function settingOn({ all }: Reader, name: string): Promise<string | undefined> {
  const [row] = await all<{ value: string }>('select value from settings where name = ?', [name])
  return row?.value
}

/** `(?, ?), (?, ?)`: so many rows of so many values, for `values` or, with rows of one, for `in`. */
export function parameterRows(rows: number, valuesEach: number): string {
  const row = `(${Array(valuesEach).fill('?').join(', ')})`
  return Array(rows).fill(row).join(', ')
}
