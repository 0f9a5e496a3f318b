/**
 * A connection to PostgreSQL on which statements follow each other without waiting: all that are sent
 * in one turn share a round trip. Integers come back as `bigint`, as SQLite gives them.
 */
import pg from 'pg'
import { isUnavailable } from '#core/storage-problem'
import type { SqlValue } from './row-write.js'

/** A value, or an array of one column's values. */
export type Parameter = SqlValue | readonly SqlValue[]

export type Pipeline = {
  /**
   * Runs a statement with `$1`, `$2` … for its values, prepared the first time. After one that fails
   * inside a transaction the others fail, too, and a commit undoes them.
   */
  run<Row>(sql: string, values?: readonly Parameter[]): Promise<Row[]>
  close(): Promise<void>
}

/** @throws Error for which `isUnavailable` is true while the server cannot be reached. */
export async function connectPipeline(url: string): Promise<Pipeline> {
  const client = new pg.Client({
    connectionString: url,
    types: integersAsBigint,
    options: PLANNED_ONCE,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  } as pg.ClientConfig)
  // A connection that breaks while nothing runs tells nobody else; the next statement fails.
  client.on('error', () => {})
  await client.connect()
  const name = nameStatements()
  return {
    run: <Row>(text: string, values: readonly Parameter[] = []) =>
      new Promise<Row[]>((resolve, reject) => {
        const query = { name: name(text), text, values: [...values] }
        client.query(query, (error: Error | null, result: pg.QueryResult) => {
          // What could not even be sent must not be missing in what the next one commits.
          if (error && !(error instanceof pg.DatabaseError)) cut(client)
          if (error) reject(error)
          else resolve(result.rows)
        })
      }),
    close: () => client.end(),
  }
}

/** Breaks the connection at once: nothing more is sent, and the server undoes what is not committed. */
function cut(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

/** Whether the server refused a statement: its transaction is not committed then. */
export function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !isUnavailable(error)
}

/**
 * Planning a statement again each time costs more than running it. All of them look rows up by their
 * keys, also while the tables are so small that reading them whole would seem cheaper.
 */
const PLANNED_ONCE = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off'

/** How long a server may take to greet. */
export const CONNECT_MS = 5_000
/**
 * How long it may take to answer a statement, locks included. A connection on which nothing comes any
 * more, as when the network is cut, would otherwise be waited for until the system gives it up.
 */
export const ANSWER_MS = 10_000
/**
 * How long a transaction may stand still: a gateway that is stopped in the middle of one, or cut off,
 * has locked what the others need.
 */
const IDLE_IN_TRANSACTION_MS = 3_000

const { INT2, INT4, INT8, NUMERIC } = pg.types.builtins
const INTEGERS: ReadonlySet<number> = new Set([INT2, INT4, INT8, NUMERIC])

/** Sums of `bigint` are `numeric` in PostgreSQL; a fraction stays text. */
export const integersAsBigint = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    INTEGERS.has(oid)
      ? (text: string) => (text.includes('.') ? text : BigInt(text))
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

/** A short name for each statement, by which the server knows it again. */
export function nameStatements(): (sql: string) => string {
  const names = new Map<string, string>()
  return (sql) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    const name = `souk_${names.size + 1}`
    names.set(sql, name)
    return name
  }
}
