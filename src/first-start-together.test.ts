import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { aPostgresUrl } from '../test/support/a-postgres.js'
import { readConfig } from './config.js'
import { type Started, start } from './main.js'

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let folder: string
let gateways: Started[]

/** Starts a gateway with a folder of its own on the database of all. */
function startIn(name: string, settings: Record<string, string> = {}): Promise<Started> {
  const environment = {
    PORT: '0',
    DATABASE_URL: database.url,
    SOUK_DATA_DIR: join(folder, name),
    SOUK_MASTER_KEY: masterKey,
    SOUK_LOG_LEVEL: 'silent',
    ...settings,
  }
  return start(readConfig(environment, join(folder, 'none.yaml')))
}

const masterKey = randomBytes(32).toString('base64')

beforeAll(async () => {
  database = await aPostgresUrl()
  folder = mkdtempSync(join(tmpdir(), 'souk-together-'))
  gateways = await Promise.all(['a', 'b', 'c'].map((name) => startIn(name)))
}, 60_000)

afterAll(async () => {
  await Promise.all(gateways.map(({ drain }) => drain()))
  await database.drop()
  rmSync(folder, { recursive: true })
})

async function ask({ gateway }: Started, path: string, key: string, body?: unknown) {
  const response = await fetch(`${gateway.deps.publicUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

const order = { endpoint_id: 'sample.flaky', arguments: {} }

test('gateways that start at once on an empty database share one operator and one sandbox', async () => {
  const [first] = gateways
  const operatorKey = first!.doors.operatorKey!
  const { buyerKey } = first!.doors.sandbox!
  for (const [i, started] of gateways.entries()) {
    expect(started.doors).toMatchObject({ operatorKey, sandbox: { buyerKey, isNew: true } })
    const file = join(folder, ['a', 'b', 'c'][i]!, 'operator.key')
    expect(readFileSync(file, 'utf8')).toBe(`${operatorKey}\n`)
    expect((await ask(started, '/v1/operator/ledger', operatorKey)).status).toBe(200)
    expect((await ask(started, '/v1/balance', buyerKey)).json).toMatchObject({ available: '5' })
  }
})

test('each of them finds and sells the whole catalogue, the sample seller too', async () => {
  const { buyerKey } = gateways[0]!.doors.sandbox!
  for (const started of gateways) {
    const { json } = await ask(started, '/v1/endpoints?limit=20', buyerKey)
    expect(json.results).toHaveLength(20)
    const called = await ask(started, '/v1/calls', buyerKey, order)
    expect(called).toMatchObject({ status: 200, json: { outcome: 'charged' } })
  }
})

test('one that starts later changes none of the keys, and one that comes again shows none', async () => {
  const { operatorKey, sandbox } = gateways[0]!.doors
  const late = await startIn('late')
  expect(late.doors).toMatchObject({ operatorKey, sandbox: { buyerKey: sandbox!.buyerKey } })
  await late.drain()
  const again = await startIn('late')
  expect(again.doors.operatorKey).toBeUndefined()
  expect(again.doors.sandbox).toMatchObject({ buyerKey: sandbox!.buyerKey, isNew: false })
  await again.drain()
  expect((await ask(gateways[0]!, '/v1/operator/ledger', operatorKey!)).status).toBe(200)
})

test('when the gateway that ran the sample seller has ended, another one runs it', async () => {
  const { buyerKey } = gateways[0]!.doors.sandbox!
  for (let left = gateways.length; left > 1; left--) {
    await gateways.shift()!.drain()
    await vi.waitFor(
      async () => {
        const called = await ask(gateways[0]!, '/v1/calls', buyerKey, order)
        expect(called.json.outcome).toBe('charged')
      },
      { timeout: 10_000, interval: 100 },
    )
  }
})

test('an operator whose key one gateway was given, or who rotated it, keeps it whoever starts', async () => {
  const generated = gateways[0]!.doors.operatorKey!
  const fixed = 'the-key-that-one-gateway-is-configured-with'
  gateways.push(await startIn('fixed', { SOUK_OPERATOR_KEY: fixed }))
  const isOperator = async (started: Started, key: string) =>
    (await ask(started, '/v1/operator/ledger', key)).status === 200
  const expectKept = async (name: string, key: string) => {
    const started = await startIn(name)
    gateways.push(started)
    expect(started.doors.operatorKey).toBeUndefined()
    expect(await isOperator(started, key)).toBe(true)
    expect(await isOperator(started, generated)).toBe(false)
  }
  // One that knew the key of before, and one that knows none.
  await expectKept('late', fixed)
  await expectKept('fresh', fixed)
  const at = gateways.at(-1)!
  const { keys } = (await ask(at, '/v1/keys', fixed)).json as { keys: { id: string }[] }
  const rotated = await ask(at, `/v1/keys/${keys[0]!.id}/rotate`, fixed, {})
  await expectKept('fresher', (rotated.json as { api_key: string }).api_key)
})
