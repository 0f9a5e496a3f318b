/**
 * PostgreSQL: knex for everything that is not money, and a pool for the reads of the paid call. The
 * ledger writes on a connection of its own, in a thread of its own.
 */
import { setTimeout as wait } from 'node:timers/promises'
import knex from 'knex'
import pg from 'pg'
import { isUnavailable } from '#core/storage-problem'
import { migrations } from './migrations/migrations.js'
import { numberedStatements } from './numbered-statements.js'
import { ANSWER_MS, CONNECT_MS, integersAsBigint } from './pipeline.js'
import type { SqlValue } from './row-write.js'
import type { Db, Store } from './store.js'

/** Connections of each gateway; the ledger's is one more. */
const READERS = 6
const OTHERS = 6
/** What may be done twice is tried again while the server restarts, but not for longer. */
const PATIENCE_MS = 5_000
const PAUSE_MS = 100
/** How long a transaction may stand still, that a gateway is stopped in the middle of. */
const IDLE_IN_TRANSACTION_MS = 3_000
/** What revisions rest on: a statement sees what was committed before it. */
const READ_COMMITTED = '-c default_transaction_isolation=read\\ committed'
/** Names the lock under which one gateway at a time brings the schema up to date. */
const MIGRATION_LOCK = 8_402
const OLDEST_SERVER = 130_000

export type PostgresStore = Store & { kind: 'postgres'; url: string }

/**
 * Connects to the database at `url` and brings its schema up to date.
 *
 * @throws Error saying why it cannot be used.
 */
export async function openPostgresStore(options: { url: string }): Promise<PostgresStore> {
  const connection = {
    connectionString: options.url,
    types: integersAsBigint,
    keepAlive: true,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: ANSWER_MS,
    options: READ_COMMITTED,
  }
  const db = openKnex(connection)
  const pool = new pg.Pool({
    ...connection,
    max: READERS,
    connectionTimeoutMillis: CONNECT_MS,
  })
  // Told of idle connections that break; whoever reads next gets a new one.
  pool.on('error', () => {})
  const close = async () => {
    await db.destroy()
    await pool.end()
  }
  try {
    await migrate(options.url)
  } catch (error) {
    await close()
    throw error
  }
  return {
    kind: 'postgres',
    url: options.url,
    db,
    query: createQuery(pool),
    inTransaction: (work) => db.transaction(work),
    close,
  }
}

/** Gateways that start together wait for the first one. */
async function migrate(url: string): Promise<void> {
  // The schema of a large database may take longer to change than an answer may to come.
  const db = openKnex({ connectionString: url, types: integersAsBigint })
  try {
    await lockServer(url, MIGRATION_LOCK, async (client) => {
      await requireDurable(client)
      // What is left of a gateway that died here; nobody else can be at it now.
      const [, isBehind] = await db.migrate.list({ migrationSource: migrations })
      if (isBehind.length === 0) return
      await db.migrate.forceFreeMigrationsLock({ migrationSource: migrations })
      await db.migrate.latest({ migrationSource: migrations })
    })
  } finally {
    await db.destroy()
  }
}

/**
 * Does something while no other gateway does: they wait for the lock of this number. It is freed when
 * this process ends, however it ends.
 */
export async function lockServer<T>(
  url: string,
  lock: number,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1)', [lock])
    return await work(client)
  } finally {
    await client.end()
  }
}

function openKnex(connection: pg.ClientConfig): Db {
  return knex({
    client: 'pg',
    // As on SQLite: no values in the text of an error.
    compileSqlOnError: false,
    connection: connection as never,
    pool: { min: 0, max: OTHERS },
    acquireConnectionTimeout: CONNECT_MS,
  })
}

/** Money is not kept where a commit that was acknowledged can be lost. */
async function requireDurable(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    `select current_setting('server_version_num')::int as version, name, setting
     from pg_settings where name = 'synchronous_commit'`,
  )
  const { version, setting } = rows[0] as { version: number; setting: string }
  if (version < OLDEST_SERVER) throw new Error('PostgreSQL must be of version 13 or later')
  if (setting === 'off') throw new Error('synchronous_commit must not be off')
}

function createQuery(pool: pg.Pool): Store['query'] {
  const numbered = numberedStatements()
  return async <Row>(sql: string, values: readonly SqlValue[]) => {
    const { name, text } = numbered(sql)
    const query = { text, values: [...values] }
    return patiently(async () => {
      const prepared = pool.query({ ...query, name })
      const { rows } = await prepared.catch((error: unknown) => {
        if (!isOutdated(error)) throw error
        return pool.query(query)
      })
      return rows as Row[]
    })
  }
}

/** Whether a newer gateway has changed the columns that a statement was prepared for. */
function isOutdated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === 'RevalidateCachedQuery'
}

async function patiently<T>(read: () => Promise<T>): Promise<T> {
  let giveUpAt: number | undefined
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      giveUpAt ??= performance.now() + PATIENCE_MS
      if (performance.now() > giveUpAt) throw error
      await wait(PAUSE_MS)
    }
  }
}
