import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { parseUsdc } from '#core/money'
import { connectPipeline, openPostgresStore, type Pipeline, type PostgresStore } from '#store'
import { aPostgresUrl } from '../../test/support/a-postgres.js'
import type { Unit } from './ledger.js'
import { postgresBatchWriter } from './postgres-writer.js'

const AN_HOUR_MS = 60 * 60 * 1_000

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let store: PostgresStore

beforeAll(async () => {
  database = await aPostgresUrl()
  store = await openPostgresStore(database)
})

afterEach(() => {
  vi.restoreAllMocks()
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

test('a batch that was given up while nobody knew about it is not taken for the next one', async () => {
  const network = aNetwork()
  const writer = postgresBatchWriter({ connect: network.connect })
  await writer.write([grantTo('first', '1')])
  network.breakAtCommit()
  loseAllPatience()
  await expect(writer.write([grantTo('second', '2')])).rejects.toThrow('Connection terminated')

  network.mend()
  const [written] = await writer.write([grantTo('third', '3')])
  expect(written).toMatchObject({ accepted: true, results: [{ available: parseUsdc('3') }] })
  expect(await balances()).toEqual({ first: '1', second: '2', third: '3' })
  await writer.close()
})

test('a commit whose answer was lost is answered as it went, and not made twice', async () => {
  const network = aNetwork()
  const writer = postgresBatchWriter({ connect: network.connect })
  network.breakAtCommit({ once: true })
  const [written] = await writer.write([grantTo('fourth', '4')])
  expect(written).toMatchObject({ accepted: true, results: [{ available: parseUsdc('4') }] })
  expect(await balances()).toMatchObject({ fourth: '4' })
  await writer.close()
})
