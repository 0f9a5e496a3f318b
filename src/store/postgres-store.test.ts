import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aPostgresServer, aPostgresUrl } from '../../test/support/a-postgres.js'
import {
  connectPipeline,
  isUniqueViolation,
  openPostgresStore,
  type PostgresStore,
} from './store.js'

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let store: PostgresStore
beforeAll(async () => {
  database = await aPostgresUrl()
  store = await openPostgresStore(database)
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

test('integers of any size come back exactly, as bigint, by every way', async () => {
  const sql =
    'select 1 as small, 9007199254740993 as large, sum(v) as sum from (values (2::bigint)) t(v)'
  const exact = { small: 1n, large: 9007199254740993n, sum: 2n }
  expect(await store.query(sql, [])).toEqual([exact])
  expect((await store.db.raw(sql)).rows).toEqual([exact])
  const pipeline = await connectPipeline(database.url)
  expect(await pipeline.run(sql)).toEqual([exact])
  await pipeline.close()
})

test('what fails in a pipeline takes the rest of its transaction along', async () => {
  const pipeline = await connectPipeline(database.url)
  const insert = "insert into settings (name, value) values ($1, 'x')"
  const sent = [
    pipeline.run('begin'),
    pipeline.run(insert, ['kept?']),
    pipeline.run('select 1 / 0'),
    pipeline.run('commit'),
  ]
  const ended = await Promise.allSettled(sent)
  expect(ended.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  expect(await store.query('select 1 from settings where name = ?', ['kept?'])).toEqual([])
  await pipeline.close()
})

test('a value that is taken is told from other faults', async () => {
  const insert = () => store.db('settings').insert({ name: 'twice', value: '' })
  await insert()
  expect(isUniqueViolation(await insert().catch((error) => error))).toBe(true)
  const other = await store.query('select 1 / 0', []).catch((error) => error)
  expect(isUniqueViolation(other)).toBe(false)
})

test('the text of an error holds no value', async () => {
  const failed = store.db('settings').insert({ name: 'a secret', value: null as never })
  await expect(failed).rejects.toThrow(/null value/)
  await expect(failed).rejects.not.toThrow(/a secret/)
})

test('gateways that open an empty database together all find its schema', async () => {
  const empty = await aPostgresUrl()
  const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(empty)))
  for (const each of stores) {
    expect(await each.query('select count(*) as n from accounts', [])).toEqual([{ n: 0n }])
    await each.close()
  }
  await empty.drop()
})

test('what a gateway that died while it changed the schema left locked is freed', async () => {
  const empty = await aPostgresUrl()
  const first = await openPostgresStore(empty)
  await first.db('knex_migrations').where('name', '0008-several-gateways').delete()
  await first.db.raw('drop table ledger_credits, leases; drop function require_rows;')
  await first.db.raw('drop index if exists ledger_holds_deadline_idx')
  await first.db('knex_migrations_lock').update({ is_locked: 1 })
  await first.close()
  const second = await openPostgresStore(empty)
  expect(await second.query('select count(*) as n from leases', [])).toEqual([{ n: 0n }])
  await second.close()
  await empty.drop()
})

test('a database that forgets acknowledged commits is refused', async () => {
  const careless = await aPostgresUrl()
  const client = new pg.Client(careless.url)
  await client.connect()
  const { rows } = await client.query('select current_database() as name')
  await client.query(`alter database ${rows[0].name} set synchronous_commit = off`)
  await client.end()
  await expect(openPostgresStore(careless)).rejects.toThrow('synchronous_commit must not be off')
  await careless.drop()
})

test('a read waits for a server that starts again', async () => {
  const server = await aPostgresServer()
  const own = await openPostgresStore(server)
  expect(await own.query('select 1 as n', [])).toEqual([{ n: 1n }])
  await server.stopImmediately()
  const reading = own.query('select 2 as n', [])
  await server.start()
  expect(await reading).toEqual([{ n: 2n }])
  await own.close()
  await server.close()
})
