/**
 * A row that is written in the same transaction as ledger commands. The feature that owns the table
 * defines the statement once; the ledger runs it without knowing what it means.
 */
export type SqlValue = string | number | bigint | Buffer | null

/** A statement with `?` for its values, in SQL that SQLite and PostgreSQL both read. */
export type Write = {
  readonly sql: string
  /**
   * When set, the statement must change a row: if it does not, the whole unit is refused under
   * this name.
   */
  readonly refusal?: string
}

export type RowWrite = { readonly write: Write; readonly values: readonly SqlValue[] }

/** Defines a statement; the function it gives makes one use of it. */
export function defineWrite(write: Write): (values: readonly SqlValue[]) => RowWrite {
  return (values) => ({ write, values })
}
