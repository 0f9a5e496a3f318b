/**
 * Rows that are written in the same transaction as ledger commands. The feature that owns the table
 * says once what is written; the ledger writes it without knowing what it means. SQLite is given a
 * row at a time, PostgreSQL the rows of many units in one statement.
 */
export type SqlValue = string | number | bigint | Buffer | null

type ColumnType = 'text' | 'integer' | 'bigint' | 'bytea'
type Columns = Readonly<Record<string, ColumnType>>

/** What is written, as plain data, so that another thread can be sent it. */
export type Write = {
  /** For SQLite: a statement for one row, with `?` for its values. */
  readonly one: string
  /** For PostgreSQL: a statement for many rows, with an array for each of the values. */
  readonly many: string
  /**
   * When set, the row must be written: if it cannot be, the whole unit is refused under this name.
   * Of two such writes in one batch to one key, the second is refused.
   */
  readonly claim?: Claim
}

export type Claim = {
  readonly refusal: string
  /** Which of the values are the key. */
  readonly key: readonly number[]
  /**
   * For PostgreSQL: which of many rows would be written; with arrays of all values, and the row
   * numbers, counted from 1, as `nth`. It locks those that are there already, in the
   * order of the keys.
   */
  readonly writable: string
}

export type RowWrite = { readonly write: Write; readonly values: readonly SqlValue[] }

/** A function that makes one use of a write. */
export type MakeRow = (values: readonly SqlValue[]) => RowWrite

/**
 * Adds a row. Values are those of `columns`, in order.
 *
 * @param constants columns that are the same in each row, as SQL.
 */
export function defineInsert(
  table: string,
  columns: Columns,
  constants: Readonly<Record<string, string>> = {},
): MakeRow {
  const names = [...Object.keys(columns), ...Object.keys(constants)].join(', ')
  const fixed = Object.values(constants)
  const marks = Object.keys(columns).map(() => '?')
  return make({
    one: `insert into ${table} (${names}) values (${[...marks, ...fixed].join(', ')})`,
    many: `insert into ${table} (${names})
      select ${[...Object.keys(columns).map((name) => `v.${name}`), ...fixed].join(', ')}
      from ${rowsOf(columns)}`,
  })
}

/**
 * Adds the row of a key that is free, or takes over one whose time is over.
 *
 * @param options.isOver SQL that is true of a row `t` that the new row `v` may take over.
 */
export function defineTake(
  table: string,
  columns: Columns,
  options: { key: readonly string[]; isOver(v: string): string; refusal: string },
): MakeRow {
  const names = Object.keys(columns)
  const { key, isOver, refusal } = options
  const rest = names.filter((name) => !key.includes(name))
  const insert = `insert into ${table} as t (${names.join(', ')})`
  const takeOver = `on conflict (${key.join(', ')})
    do update set ${rest.map((name) => `${name} = excluded.${name}`).join(', ')}
    where ${isOver('excluded')}`
  const inOrder = `order by ${key.map((name) => `v.${name}`).join(', ')}`
  return make({
    one: `${insert} values (${names.map(() => '?').join(', ')}) ${takeOver}`,
    many: required(`${insert} select v.* from ${rowsOf(columns)} ${inOrder} ${takeOver}`),
    claim: {
      refusal,
      key: key.map((name) => names.indexOf(name)),
      writable: `select v.nth from ${numberedRowsOf(columns)} where not exists
        (select 1 from ${table} as t where ${matching(key)} and not (${isOver('v')}))`,
    },
  })
}

/**
 * Changes the row of a key, if it is as `onlyIf` says. Values are those of `columns`, then the key.
 *
 * @param options.onlyIf SQL that is true of a row `t` that may be changed.
 */
export function defineUpdate(
  table: string,
  columns: Columns,
  options: { key: Columns; onlyIf: string; refusal: string },
): MakeRow {
  const names = Object.keys(columns)
  const key = Object.keys(options.key)
  const all = { ...columns, ...options.key }
  return make({
    one: `update ${table} as t set ${names.map((name) => `${name} = ?`).join(', ')}
      where ${key.map((name) => `t.${name} = ?`).join(' and ')} and ${options.onlyIf}`,
    many: required(
      `update ${table} as t set ${names.map((name) => `${name} = v.${name}`).join(', ')}
       from ${rowsOf(all)} where ${matching(key)} and ${options.onlyIf}`,
    ),
    claim: {
      refusal: options.refusal,
      key: key.map((_, i) => names.length + i),
      writable: `select v.nth from ${numberedRowsOf(all)} join ${table} as t on ${matching(key)}
        where ${options.onlyIf} order by ${key.map((name) => `t.${name}`).join(', ')}
        for update of t`,
    },
  })
}

/** Takes the row of a key away, if there is one. */
export function defineDelete(table: string, key: Columns): MakeRow {
  const names = Object.keys(key)
  return make({
    one: `delete from ${table} where ${names.map((name) => `${name} = ?`).join(' and ')}`,
    many: `delete from ${table} as t using ${rowsOf(key)} where ${matching(names)}`,
  })
}

function make(write: Write): MakeRow {
  return (values) => ({ write, values })
}

/** Rows `v` of the arrays `$1`, `$2` and so on. */
function rowsOf(columns: Columns): string {
  return `unnest(${arrays(columns)}) as v(${Object.keys(columns).join(', ')})`
}

function numberedRowsOf(columns: Columns): string {
  return `unnest(${arrays(columns)}) with ordinality as v(${Object.keys(columns).join(', ')}, nth)`
}

function arrays(columns: Columns): string {
  return Object.values(columns)
    .map((type, i) => `$${i + 1}::${type}[]`)
    .join(', ')
}

function matching(key: readonly string[]): string {
  return key.map((name) => `t.${name} = v.${name}`).join(' and ')
}

/** Makes a statement fail that does not write each of its rows: another gateway was faster. */
function required(statement: string): string {
  return `with written as (${statement} returning 1)
    select require_rows(count(*), cardinality($1)) from written`
}
