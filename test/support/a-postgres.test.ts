import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { aPostgresServer, aPostgresUrl } from './a-postgres.js'

test('two databases share nothing, and a dropped one is gone', async () => {
  const [one, other] = await Promise.all([aPostgresUrl(), aPostgresUrl()])
  onTestFinished(other.drop)
  await query(one.url, 'create table coins (id int8 primary key)')
  await query(other.url, 'create table coins (name text)')
  await query(one.url, 'insert into coins values (7)')
  expect(await query(one.url, 'select id from coins')).toEqual([{ id: '7' }])
  expect(await query(other.url, 'select name from coins')).toEqual([])

  await one.drop()
  await expect(query(one.url, 'select 1')).rejects.toThrow('does not exist')
  expect(await query(other.url, 'select name from coins')).toEqual([])
})

test('the server of the run speaks UTF-8, in the locale C', async () => {
  const database = await aPostgresUrl()
  onTestFinished(database.drop)
  const [row] = await query(
    database.url,
    "select current_setting('server_encoding') as encoding, datcollate as locale from pg_database where datname = current_database()",
  )
  expect(row).toEqual({ encoding: 'UTF8', locale: 'C' })
})

test('an immediate restart keeps what was committed, and loses what was not', async () => {
  const server = await aPostgresServer()
  onTestFinished(server.close)
  expect(await query(server.url, 'show fsync')).toEqual([{ fsync: 'on' }])
  await query(server.url, 'create table coins (id int8 primary key)')
  await query(server.url, 'insert into coins values (1)')
  const open = new pg.Client(server.url)
  const cut = new Promise((resolve) => open.once('error', resolve))
  await open.connect()
  await open.query('begin')
  await open.query('insert into coins values (2)')

  await server.stopImmediately()
  await cut
  await expect(query(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')

  await server.start()
  expect(await query(server.url, 'select id from coins')).toEqual([{ id: '1' }])
})

test('a closed server leaves no process and no folder', async () => {
  const server = await aPostgresServer()
  const { pid, folder } = await placeOf(server.url)
  expect(isAlive(pid)).toBe(true)

  await server.close()
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(folder)).toBe(false)
})

test('a stopped server can be closed, and closed again', async () => {
  const server = await aPostgresServer()
  const { folder } = await placeOf(server.url)
  await server.stopImmediately()
  await server.close()
  await server.close()
  expect(existsSync(folder)).toBe(false)
})

test('the server of a process that is killed outright goes with it', async () => {
  const module = new URL('./postgres-server.ts', import.meta.url).href
  const script = `import { startPostgres } from '${module}'
    console.log((await startPostgres({ fsync: 'off' })).url)`
  const args = ['--import=tsx', '--input-type=module', '--eval', script]
  const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void owner.kill('SIGKILL'))
  const [url] = await once(owner.stdout, 'data')
  const { pid, folder } = await placeOf(String(url).trim())
  expect(isAlive(pid)).toBe(true)

  owner.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 10_000 })
  expect(isAlive(pid)).toBe(false)
})

/** The process of a server, and the folder that holds all it has. */
async function placeOf(url: string): Promise<{ pid: number; folder: string }> {
  const [row] = await query(url, 'show data_directory')
  const data = String(row!.data_directory)
  const [pid] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
  return { pid: Number(pid), folder: dirname(data) }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
