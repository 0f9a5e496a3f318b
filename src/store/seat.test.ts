import { afterAll, beforeAll, expect, test } from 'vitest'
import { isUnavailable } from '#core/storage-problem'
import { aPostgresUrl } from '../../test/support/a-postgres.js'
import { connectPipeline, type Pipeline } from './pipeline.js'
import { openPostgresStore } from './postgres-store.js'
import { KEEP_SEAT, takeSeat, wasCommitted } from './seat.js'

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let one: Pipeline
let other: Pipeline

beforeAll(async () => {
  database = await aPostgresUrl()
  await (await openPostgresStore(database)).close()
  one = await connectPipeline(database.url)
  other = await connectPipeline(database.url)
})

afterAll(async () => {
  await Promise.all([one.close(), other.close()])
  await database.drop()
})

test('a transaction that is still on its way is waited for before it is judged', async () => {
  const seat = await takeSeat(one)
  await Promise.all([one.run('begin'), one.run(KEEP_SEAT, [seat.name, seat.epoch, 7n])])
  const judged = wasCommitted(other, seat, 7n)
  const waiting = async () =>
    one.run(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
  await expect.poll(waiting).toHaveLength(1)
  await one.run('commit')
  expect(await judged).toBe(true)
})

test('a seat that expired is taken over, and its last transaction can still be judged', async () => {
  const seat = await takeSeat(one)
  await one.run(KEEP_SEAT, [seat.name, seat.epoch, 3n])
  await one.run('update leases set until_at = 0 where name = $1', [seat.name])
  expect(await takeSeat(other)).toEqual({ name: seat.name, epoch: seat.epoch + 1n })
  expect(await one.run(KEEP_SEAT, [seat.name, seat.epoch, 4n])).toEqual([])
  expect(await wasCommitted(one, seat, 3n)).toBe(true)
  expect(await wasCommitted(one, seat, 4n)).toBe(false)
})

test('a transaction that stands still does not keep its locks', async () => {
  const seat = await takeSeat(one)
  await Promise.all([one.run('begin'), one.run(KEEP_SEAT, [seat.name, seat.epoch, 1n])])
  const kept = other.run(KEEP_SEAT, [seat.name, seat.epoch, 2n])
  expect(await kept).toHaveLength(1)
  await expect(one.run('commit')).rejects.toSatisfy(isUnavailable)
})
