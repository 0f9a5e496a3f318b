import { afterAll, beforeAll, expect, test } from 'vitest'
import { aStoreOfTheRun, type StoreOfTheRun } from '../../test/support/a-store-of-the-run.js'
import { versionFault } from './check-server.js'
import { type Reader, settingOn } from './store.js'

let opened: StoreOfTheRun
let reader: Reader
beforeAll(async () => {
  opened = await aStoreOfTheRun()
  reader = await opened.openReader()
})
afterAll(async () => {
  await reader.close()
  await opened.close()
})

const put = (name: string, value: string) =>
  opened.store.db('settings').insert({ name, value }).onConflict('name').merge()

test('a reader cannot write', async () => {
  await put('kept', 'as it was')
  const change = reader.all("update settings set value = 'changed' returning value")
  await expect(change).rejects.toThrow(/read-?only/)
  expect(await settingOn(reader, 'kept')).toBe('as it was')
})

test('what is read at one moment is of that moment, and what is read after it is newer', async () => {
  await put('counted', '1')
  const counted = () => settingOn(reader, 'counted')
  const seen = await reader.atOneMoment(async () => {
    const before = await counted()
    await put('counted', '2')
    return [before, await counted()]
  })
  expect(seen).toEqual(['1', '1'])
  expect(await counted()).toBe('2')
})

test('a read that fails ends its moment, and the next one sees what is there then', async () => {
  const failing = reader.atOneMoment(() => reader.all('select nothing from settings'))
  await expect(failing).rejects.toThrow('nothing')
  await put('later', 'seen')
  expect(await reader.atOneMoment(() => settingOn(reader, 'later'))).toBe('seen')
})

test('integers are exact beyond 2^53, sums and counts too', async () => {
  const { db } = opened.store
  const large = 9_007_199_254_740_993n
  await db('ledger_counters').insert({ scope: 'a', window: 'b', used: large })
  const rows = await reader.all(
    'select sum(used) as sum, max(used) as max, count(*) as count from ledger_counters where scope = ?',
    ['a'],
  )
  expect(rows).toEqual([{ sum: large, max: large, count: 1n }])
})

test('a database of another version is refused', async () => {
  const { db } = opened.store
  await db('knex_migrations').where({ name: '0004-calls' }).update({ name: '0004-later' })
  await expect(opened.openReader()).rejects.toThrow('its tables are not those of this version')
})

test.each(['13.0', '17.2 (Debian 17.2-1)', '18beta1'])('PostgreSQL %s will do', (version) => {
  expect(versionFault(version)).toBeUndefined()
})

test.each(['12.22', '9.6.24'])('PostgreSQL %s is too old', (version) => {
  expect(versionFault(version)).toContain(`PostgreSQL ${version} is older than 13`)
})
