import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { backUp, openStore } from './store.js'

/** Moves one from left to right in every transaction, as fast as it can. */
const WRITER = `
  const [sqlite, file] = process.argv.slice(1)
  const db = new (require(sqlite))(file)
  db.pragma('synchronous = off')
  const move = db.prepare("update settings set value = value + ? where name = ?")
  const moveOne = db.transaction(() => { move.run(-1, 'left'); move.run(1, 'right') })
  moveOne()
  console.log('writing')
  for (;;) moveOne()`

const FILLERS = 400

let opened: OpenedStore
let folder: string
beforeAll(async () => {
  opened = await aStore()
  folder = mkdtempSync(join(opened.store.file, '../copies-'))
})
afterAll(() => opened.close())

test('a backup ends while another process writes without a pause, and is of one moment', async () => {
  const { money, file } = opened.store
  const put = money.prepare('insert into settings values (?, ?)')
  money.transaction(() => {
    for (const name of ['left', 'right']) put.run(name, '0')
    for (let i = 0; i < FILLERS; i++) put.run(`filler-${i}`, 'x'.repeat(100_000))
  })()
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3')
  const writer = spawn(process.execPath, ['-e', WRITER, sqlite, file], { timeout: 20_000 })
  await once(writer.stdout, 'data')

  const to = join(folder, 'busy.db')
  const copied: number[] = []
  const backup = await backUp(file, to, (pages) => copied.push(pages)).finally(() => {
    expect(writer.exitCode).toBeNull()
    writer.kill('SIGKILL')
  })
  await once(writer, 'exit')

  // It took steps, between which others wrote, and no page was copied twice.
  expect(copied.length).toBeGreaterThan(3)
  expect(copied).toEqual([...new Set(copied)].sort((a, b) => a - b))
  expect(backup).toMatchObject({ calls: 0, receipts: 0 })
  expect(backup.bytes).toBeGreaterThan(FILLERS * 100_000)
  expect(readdirSync(folder)).toEqual(['busy.db'])

  const copy = await openStore({ file: to })
  const read = copy.money.prepare<[string], string>('select value from settings where name = ?')
  const [left, right] = ['left', 'right'].map((name) => Number(read.pluck().get(name)))
  await copy.close()
  expect(right).toBeGreaterThan(0)
  expect(left! + right!).toBe(0)
})

test('of two backups to one name the second is refused, and the first stays whole', async () => {
  const { file } = opened.store
  const to = join(folder, 'twice.db')
  const both = await Promise.allSettled([1, 2].map(() => backUp(file, to, () => {})))
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'EEXIST' },
  })
  expect(readdirSync(folder)).toContain('twice.db')
  expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([])
  rmSync(to)
})
