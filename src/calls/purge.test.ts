import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { connectPipeline, openPostgresStore, type PostgresStore } from '#store'
import { aPostgresUrl } from '../../test/support/a-postgres.js'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { IDEMPOTENCY_LIFE_MS, takeIdempotencyKey } from './call-rows.js'
import { purge } from './purge.js'

const MIB = 1024 * 1024

let opened: OpenedStore
const clock = handClock()
const now = clock.now()
beforeAll(async () => {
  opened = await aStore()
})
afterAll(() => opened.close())

const TABLES = {
  call_bodies: (i: number, endsAt: number) => ({
    call_id: `call_${i}`,
    sealed: Buffer.from('sealed'),
    bytes: 6,
    expires_at: endsAt,
  }),
  // One hash under many keys: it is the pair that counts.
  idempotency_keys: (i: number, endsAt: number) => ({
    key_id: `key_${i}`,
    hash: 'same',
    fingerprint: '',
    call_id: `call_${i}`,
    expires_at: endsAt,
  }),
  quotes: (i: number, endsAt: number) => ({
    id: `quote_${i}`,
    buyer_id: '',
    endpoint_id: '',
    version: 1,
    request_hash: '',
    max_charge: 0,
    max_fee: 0,
    expires_at: endsAt,
  }),
  ledger_counters: (i: number, endsAt: number | null) => ({
    scope: `listing:${i}`,
    window: 'same',
    used: 1,
    ends_at: endsAt,
  }),
}
type Table = keyof typeof TABLES
const tables = Object.keys(TABLES) as Table[]

beforeEach(async () => {
  for (const table of tables) await opened.store.db(table).delete()
})

async function fill(table: Table, count: number, endsAt: number): Promise<void> {
  const { db } = opened.store
  const [{ n }] = (await db(table).count({ n: '*' })) as [{ n: bigint }]
  const rowOf: (i: number, endsAt: number) => Record<string, unknown> = TABLES[table]
  const rows = Array.from({ length: count }, (_, i) => rowOf(Number(n) + i, endsAt))
  await db.batchInsert(table, rows, 100)
}

async function countIn(table: Table): Promise<number> {
  const [{ n }] = (await opened.store.db(table).count({ n: '*' })) as [{ n: bigint }]
  return Number(n)
}

describe.each(tables)('of %s', (table) => {
  /** Counters stay two hours longer, for a clock that is set back. */
  const dueAt = table === 'ledger_counters' ? now - 2 * 60 * 60 * 1_000 : now

  test('one round forgets all that is over, in however many steps, and nothing else', async () => {
    await fill(table, 1_234, dueAt - 1)
    await fill(table, 321, dueAt)
    await fill(table, 9, dueAt + 1)
    await purge({ store: opened.store, clock })
    expect(await countIn(table)).toBe(330)
  })

  test('what is over is found through an index', () => {
    const endsAt = table === 'ledger_counters' ? 'ends_at' : 'expires_at'
    const plan = opened.store.money
      .prepare(`explain query plan select 1 from ${table} where ${endsAt} < 5 limit 50`)
      .all() as { detail: string }[]
    expect(plan.map(({ detail }) => detail).join()).toMatch(
      /SEARCH .* USING (PRIMARY KEY|(COVERING )?INDEX)/,
    )
  })
})

test('a counter without an end is kept', async () => {
  await opened.store.db('ledger_counters').insert(TABLES.ledger_counters(1, null))
  await purge({ store: opened.store, clock })
  expect(await countIn('ledger_counters')).toBe(1)
})

test('past the quota the bodies that expire first go first, until the rest fits', async () => {
  const { db } = opened.store
  for (let i = 0; i < 400; i++) {
    const body = TABLES.call_bodies(i, now + 1_000 + i)
    await db('call_bodies').insert({ ...body, bytes: 4 * MIB })
  }
  await purge({ store: opened.store, clock })
  const left = await db('call_bodies').orderBy('expires_at').select('call_id', 'bytes')
  const bytes = left.reduce((sum, row) => sum + Number(row.bytes), 0)
  expect(bytes).toBeLessThanOrEqual(1024 * MIB)
  expect(bytes).toBeGreaterThan(700 * MIB)
  expect(left.at(-1)?.call_id).toBe('call_399')
})

test('what is kept is summed without reading a single body', () => {
  const columns = opened.store.money.pragma('table_info(call_bodies)') as { name: string }[]
  const names = columns.map(({ name }) => name)
  // SQLite reads a row from its start: a column behind a large one costs reading the large one.
  expect(names.indexOf('bytes')).toBeLessThan(names.indexOf('sealed'))
})

test('calls get through between two steps', async () => {
  await fill('quotes', 500, now - 1)
  let turns = 0
  const purged = purge({ store: opened.store, clock }).then(() => 'done' as const)
  const nextTurn = () => new Promise<'turn'>((resolve) => setImmediate(() => resolve('turn')))
  while ((await Promise.race([purged, nextTurn()])) === 'turn') turns++
  expect(turns).toBeGreaterThan(5)
})

test('on PostgreSQL a key that is taken over while it is purged stays', async () => {
  const database = await aPostgresUrl()
  const store = await openPostgresStore(database)
  const gateway = await connectPipeline(database.url)
  const take = (callId: string, expiresAtMs: number) => {
    const { write, values } = takeIdempotencyKey(['key', 'hash', '', callId, expiresAtMs])
    return gateway.run(
      write.many,
      values.map((value) => [value]),
    )
  }
  await take('call_old', now - 1)
  await gateway.run('begin')
  await take('call_new', now + IDEMPOTENCY_LIFE_MS)
  const purged = purge({ store, clock })
  await isWaiting(store)
  await gateway.run('commit')
  await purged
  const left = await store.query('select call_id from idempotency_keys', [])
  expect(left).toEqual([{ call_id: 'call_new' }])
  await gateway.close()
  await store.close()
  await database.drop()
})

/** Resolves when a statement waits for a lock. */
async function isWaiting(store: PostgresStore): Promise<void> {
  const sql = 'select 1 from pg_locks where not granted'
  while ((await store.query(sql, [])).length === 0) await wait(5)
}
