import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock'
import { claimsOf, verifyReceipt } from '#receipts'
import { nanosOf } from '../test/journeys/books.js'
import { answerJson, aShop, type Party, type World } from '../test/support/world.js'
import { backupCommand } from './backup-command.js'
import { ConfigFault, readConfig } from './config.js'
import { restoredCommand } from './restored-command.js'

let folder: string
let lines: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-backup-'))
  lines = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const say = (line: string) => lines.push(line)
const configOf = (dataDir: string, environment: Record<string, string> = {}) =>
  readConfig({ SOUK_DATA_DIR: dataDir, ...environment }, join(dataDir, 'none.yaml'))

describe('beside a running gateway', () => {
  let world: World
  let buyer: Party
  let endpointId: string
  beforeAll(async () => {
    ;({ world, buyer, endpointId } = await aShop())
  })
  afterAll(() => world.close())

  const buy = async (space = 'main') => {
    const order = { endpoint_id: endpointId, arguments: { space, q: 'tea' } }
    const { status, json, text } = await world.rest('POST', '/v1/calls', buyer.key, order)
    expect(status, text).toBe(200)
    return json as { call_id: string; outcome: string; receipt: string }
  }

  test('a backup made while calls go on restores to books that are true and audit clean', async () => {
    let answerSlowCall = () => {}
    const slowCallArrived = new Promise<void>((arrived) => {
      world.upstream.answerWith((req, res) => {
        const answer = () => answerJson(200, { found: req.url })(req, res)
        if (!req.url?.startsWith('/search/slow')) return answer()
        answerSlowCall = answer
        arrived()
      })
    })
    const before = await Promise.all(Array.from({ length: 20 }, () => buy()))
    const interrupted = buy('slow')
    await slowCallArrived
    let isSaved = false
    const during = Array.from({ length: 4 }, async () => {
      while (!isSaved) await buy()
    })
    const file = join(folder, 'souk.db')
    expect(await backupCommand(configOf(world.dataDir), [file], say)).toBe(0)
    isSaved = true
    answerSlowCall()
    await Promise.all([...during, interrupted])
    for (let i = 0; i < 5; i++) await buy()

    expect(readdirSync(folder)).toEqual(['souk.db'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await restore(file)

    // Every promise of the restored books.
    const audit = await world.started.gateway.deps.ledger.audit()
    expect(audit).toMatchObject({ balanced: true, openHolds: 0, findings: [] })
    const jwks = (await world.rest('GET', '/.well-known/jwks.json', undefined)).json
    const receipts = await receiptsOf(buyer)
    const claims = receipts.map(claimsOf)
    const chains = [...new Set(claims.map(({ chain }) => chain))]
    expect(chains).toHaveLength(2)
    for (const chain of chains) {
      const seqs = claims.filter((claim) => claim.chain === chain).map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.map((_, i) => i + 1))
    }
    for (const jws of receipts) {
      expect(await verifyReceipt(jws, { jwks: jwks as never })).toMatchObject({ valid: true })
    }
    const paid = claims.reduce((sum, { charge }) => sum + nanosOf(charge.total), 0n)
    const { json: balance } = await world.rest('GET', '/v1/balance', buyer.key)
    expect(balance).toMatchObject({ held: '0' })
    expect(nanosOf(balance.available as string)).toBe(nanosOf('1') - paid)

    // What was bought before is in it as it was; what was open is refunded, as after a crash.
    expect(receipts).toEqual(expect.arrayContaining(before.map(({ receipt }) => receipt)))
    const { call_id } = await interrupted
    expect(claims.find((claim) => claim.call_id === call_id)).toMatchObject({
      charge: { total: '0' },
    })
    expect(await buy()).toMatchObject({ outcome: 'charged' })
  })

  /** As docs/operate.md says it, into a folder that has nothing else but the master key. */
  async function restore(file: string): Promise<void> {
    await world.stop()
    for (const name of readdirSync(world.dataDir)) {
      if (name !== 'master.key') rmSync(join(world.dataDir, name))
    }
    copyFileSync(file, join(world.dataDir, 'souk.db'))
    expect(await restoredCommand(configOf(world.dataDir), [], say)).toBe(0)
    await world.restart()
  }

  async function receiptsOf({ id }: Party): Promise<string[]> {
    const { db } = world.started.gateway.deps.store
    const rows: { jws: string }[] = await db('receipts').where({ buyer_id: id }).orderBy('seq')
    return rows.map(({ jws }) => jws)
  }

  test('one line says what is in the backup, and that the master key is not, and where it is', async () => {
    const file = join(folder, 'souk-backup.db')
    await backupCommand(configOf(world.dataDir), [file], say)
    const { db } = world.started.gateway.deps.store
    const [calls, receipts] = await Promise.all(
      ['calls', 'receipts'].map(async (table) => (await db(table).select()).length),
    )
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^Saved \S+\/souk-backup\.db: \d+\.\d MB, /)
    expect(lines[0]).toContain(`${calls} calls, ${receipts} receipts.`)
    expect(lines[0]).toContain(`master key (${join(world.dataDir, 'master.key')})`)

    const keys = { SOUK_MASTER_KEY: Buffer.alloc(32).toString('base64') }
    await backupCommand(configOf(world.dataDir, keys), [join(folder, 'again.db')], say)
    expect(lines[1]).toContain('(SOUK_MASTER_KEY)')
  })

  test('progress is told when it takes longer than a second', async () => {
    let nowMs = systemClock.now()
    const slowClock = { now: () => (nowMs += 1_000) }
    await backupCommand(configOf(world.dataDir), [join(folder, 'slow.db')], say, slowClock)
    expect(lines).toEqual(['Copied 0 %', 'Checking the copy', expect.stringMatching(/^Saved /)])
  })

  test('a file that exists is refused and stays as it was', async () => {
    const file = join(folder, 'mine.txt')
    writeFileSync(file, 'mine')
    await expectFault(world.dataDir, [file], `souk backup: ${file} exists and is not overwritten`)
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(readdirSync(folder)).toEqual(['mine.txt'])
  })

  test('a folder that is not there is named', async () => {
    const missing = join(folder, 'no-such')
    const fault = `souk backup: there is no folder ${missing}`
    await expectFault(world.dataDir, [join(missing, 'souk.db')], fault)
    expect(existsSync(missing)).toBe(false)
  })

  test.each([[[]], [['']], [['a', 'b']], [['--force', 'a']]])('%j is wrong usage', (args) =>
    expectFault(world.dataDir, args, 'usage: souk backup <file>'),
  )
})

describe('without a database of Souk', () => {
  let dataDir: string
  let file: string
  beforeEach(() => {
    dataDir = mkdtempSync(join(folder, 'data-'))
    file = join(folder, 'copy.db')
  })

  test('a data folder without a database is named, and none is made', async () => {
    const source = join(dataDir, 'souk.db')
    await expectFault(dataDir, [file], `SOUK_DATA_DIR: there is no database ${source}`)
    expect(readdirSync(dataDir)).toEqual([])
    expect(existsSync(file)).toBe(false)
  })

  const foreign: Record<string, [(source: string) => void, RegExp]> = {
    text: [(source) => writeFileSync(source, 'x'.repeat(8192)), /file is not a database/],
    'an empty file': [(source) => writeFileSync(source, ''), /has no table accounts/],
    "somebody else's database": [makeForeign, /has no table accounts/],
    'a damaged database': [makeDamaged, /damaged|malformed/],
  }
  test.each(Object.entries(foreign))('%s is not saved', async (_what, [make, reason]) => {
    make(join(dataDir, 'souk.db'))
    expect(await backupCommand(configOf(dataDir), [file], say)).toBe(1)
    expect(lines).toEqual([expect.stringMatching(reason)])
    expect(lines[0]).toMatch(/^NOT SAVED: /)
    expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual([])
  })
})

describe('where the database is PostgreSQL', () => {
  const urls: Record<string, string> = {
    'postgres://souk:secret-4711@db.example:5432/souk': 'postgres://souk@db.example:5432/souk',
    'postgres://souk:s%27%23t@[::1]/souk?sslmode=require&password=secret-4711':
      'postgres://souk@[::1]/souk?sslmode=require',
    'postgresql:///souk?host=/run/db&options=-c%20a%3Db':
      'postgresql:///souk?host=%2Frun%2Fdb&options=-c%20a%3Db',
  }
  test.each(Object.entries(urls))('its own program is named for %s', async (url, shown) => {
    const target = join(folder, "today's.dump")
    const file = target.replace("'", "'\\''")
    const run = backupCommand(configOf(folder, { DATABASE_URL: url }), [target], say)
    const fault = await run.catch((error: ConfigFault) => error.faults)
    expect(fault).toEqual([
      'souk backup: PostgreSQL is backed up with its own program, while gateways run: ' +
        `pg_dump --format=custom --file='${file}' '${shown}'`,
    ])
    expect(readdirSync(folder)).toEqual([])
  })
})

async function expectFault(dataDir: string, args: string[], fault: string): Promise<void> {
  const run = backupCommand(configOf(dataDir), args, say)
  await expect(run).rejects.toThrow(new ConfigFault([fault]))
  expect(lines).toEqual([])
}

function makeForeign(source: string): void {
  const connection = new SqliteDatabase(source)
  connection.exec('create table calls (id text); create table receipts (id text)')
  connection.close()
}

function makeDamaged(source: string): void {
  const connection = new SqliteDatabase(source)
  connection.exec('create table words (word text primary key)')
  const put = connection.prepare('insert into words values (?)')
  connection.transaction(() => {
    for (let i = 0; i < 2_000; i++) put.run(`word-${i}`)
  })()
  connection.close()
  // Pages in the middle are overwritten; the header and the schema stay.
  const bytes = readFileSync(source)
  writeFileSync(source, bytes.fill(0xa5, 8_192, 20_480))
}
