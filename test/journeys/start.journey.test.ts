/**
 * The story of an operator: the real program is started, restarted, drained, killed in the middle of
 * a call, given wrong settings, and its receipts are checked from the command line.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { answerJson, type Json, type ScriptedUpstream, scriptedUpstream } from '../support/world.js'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  killTheRest,
  souk,
  startGateway,
} from './gateway-process.js'
import { jwksOf, readReceipt, sha256 } from './receipt-by-hand.js'

const KEY = /souk_test_\w+/
const BERLIN = { latitude: 52.52, longitude: 13.41, date: '2026-06-21' }
const SUN = { endpoint_id: 'sample.sun', arguments: BERLIN }

/** Each story starts several processes, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: ReturnType<typeof emptyFolder>
let upstream: ScriptedUpstream
beforeAll(async () => {
  await build()
  upstream = await scriptedUpstream()
})
afterAll(() => upstream.close())
beforeEach(() => {
  folder = emptyFolder()
  upstream.requests.length = 0
})
afterEach(async () => {
  await killTheRest()
  folder.remove()
})

test('the first start shows the keys, and only the first', async () => {
  const first = await start()
  const [, operatorKey] = /Operator key \(shown only now\): +(\S+)/.exec(first.printed()) ?? []
  const [, buyerKey] = /Sandbox buyer key, 5 USDC: +(\S+)/.exec(first.printed()) ?? []
  expect((await get(first, '/readyz')).status).toBe(200)
  expect((await get(first, '/v1/balance', buyerKey)).json).toMatchObject({ available: '5' })
  const ledger = await get(first, '/v1/operator/ledger', operatorKey)
  expect(ledger.json).toMatchObject({ balanced: true, open_holds: 0 })
  expectOwnerOnly(join(folder.path, 'data'))
  await stop(first)

  const second = await start()
  expect(second.printed()).not.toMatch(KEY)
  expect((await get(second, '/readyz')).status).toBe(200)
  expect((await get(second, '/v1/balance', buyerKey)).json).toMatchObject({ available: '5' })
  expect((await get(second, '/v1/operator/ledger', operatorKey)).status).toBe(200)
  const bought = await call(second, SUN)
  expect(bought.json).toMatchObject({ outcome: 'charged', version: 1, balance: '4.99895' })
})

test('SIGTERM lets running calls finish, refuses new ones, and a second one changes nothing', async () => {
  const gateway = await start()
  const { order, arrived } = await aCallThatWaits(gateway)
  const slow = call(gateway, order)
  const answer = await arrived

  gateway.kill('SIGTERM')
  const readiness = async () => (await get(gateway, '/readyz')).status
  await expect.poll(readiness, { timeout: 20_000 }).toBe(503)
  gateway.kill('SIGTERM')
  const refused = await call(gateway, SUN)
  expect(refused).toMatchObject({ status: 503, json: { code: 'busy' } })
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  expect((await get(gateway, '/healthz')).status).toBe(200)

  answer()
  const finished = await slow
  expect(finished.status).toBe(200)
  expect(finished.json).toMatchObject({ outcome: 'charged', body: { late: true } })
  expect(await gateway.ended).toMatchObject({ code: 0, signal: null, stderr: '' })

  const next = await start()
  expect((await get(next, '/v1/balance', keys().buyer)).json).toMatchObject({
    available: '4.79',
    held: '0',
  })
})

test('a call that a crash interrupts is given back, never sent again, and has a receipt', async () => {
  const crashing = await start()
  const { order, arrived } = await aCallThatWaits(crashing)
  const interrupted = { ...order, idempotency_key: 'once' }
  const lost = call(crashing, interrupted).catch((error: Error) => error)
  await arrived
  expect((await get(crashing, '/v1/balance', keys().buyer)).json).toMatchObject({
    available: '4.79',
    held: '0.21',
  })
  crashing.kill('SIGKILL')
  expect(await lost).toBeInstanceOf(Error)
  await crashing.ended

  const gateway = await start()
  const whole = { available: '5', held: '0' }
  expect((await get(gateway, '/v1/balance', keys().buyer)).json).toMatchObject(whole)
  for (let retry = 0; retry < 2; retry++) {
    const answer = await call(gateway, interrupted)
    expect(answer.status).toBe(409)
    expect(answer.json).toMatchObject({
      code: 'call_interrupted',
      outcome: 'refunded',
      body: null,
      charge: { amount: '0', fee: '0', total: '0' },
      balance: '5',
    })
  }
  expect(upstream.requests).toHaveLength(1)
  const { json: interruption } = await call(gateway, interrupted)
  const bought = await call(gateway, SUN)
  const jwks = await jwksOf(gateway.url)
  const [zero, next] = [interruption, bought.json].map(({ receipt }) =>
    readReceipt(receipt as string, jwks),
  )
  expect(zero!.isGenuine && next!.isGenuine).toBe(true)
  expect(zero!.claims).toMatchObject({ seq: 1, outcome: 'refunded', charge: { total: '0' } })
  expect(next!.claims).toMatchObject({ seq: 2, prev: sha256(interruption.receipt as string) })
  const ledger = await get(gateway, '/v1/operator/ledger', keys().operator)
  expect(ledger.json).toMatchObject({ balanced: true, open_holds: 0, findings: [] })
})

test('every wrong setting is named in a line of its own, and the start ends with 2', async () => {
  const wrong = {
    PORT: 'http',
    SOUK_OPERATOR_KEY: 'too-short-a-secret',
    SOUK_MASTER_KEY: 'not-32-bytes',
    SOUK_EGRESS_ALLOW: 'http://127.0.0.1/',
    SOUK_UPSTREAM_TIME_MS: 'soon',
    SOUK_PUBLIC_URL: 'souk.example/path',
    SOUK_SANDBOX: 'maybe',
  }
  writeFileSync(join(folder.path, 'souk.yaml'), 'SOUK_COLOUR: green\n')
  const { code, stdout, stderr } = await souk(folder.path, ['start'], wrong)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  const named = stderr
    .trimEnd()
    .split('\n')
    .map((line) => line.split(':')[0])
  expect(named.toSorted()).toEqual([...Object.keys(wrong), 'SOUK_COLOUR'].toSorted())
  expect(stderr).not.toContain('too-short-a-secret')
  // Nothing was begun.
  expect(readdirSync(folder.path)).toEqual(['souk.yaml'])
})

test('a port in use or another master key stop the start with the setting’s name', async () => {
  const gateway = await start()
  const elsewhere = emptyFolder()
  try {
    const { port } = new URL(gateway.url)
    const taken = await souk(elsewhere.path, ['start'], { PORT: port })
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringMatching(/^PORT: .*in use\n$/) })
  } finally {
    elsewhere.remove()
  }
  await stop(gateway)
  const SOUK_MASTER_KEY = Buffer.alloc(32, 7).toString('base64')
  const locked = await souk(folder.path, ['start'], { PORT: '0', SOUK_MASTER_KEY })
  expect(locked).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^SOUK_MASTER_KEY: .*\n$/),
  })
})

test('souk verify tells a good receipt from a forged one, offline; old keys stay good', async () => {
  const first = await start()
  const old = await call(first, SUN)
  const receipt = old.json.receipt as string
  const body = await fetch(`${first.url}/v1/calls/${old.json.call_id}/body`, {
    headers: { authorization: `Bearer ${keys().buyer}` },
  })
  const files = {
    '--jwks': file('jwks.json', JSON.stringify(await jwksOf(first.url))),
    '--request': file('request.json', JSON.stringify({ ...SUN, version: 1 })),
    '--response': file('response.json', Buffer.from(await body.arrayBuffer())),
  }
  await stop(first)

  // The gateway is down: nothing but the files is asked.
  const good = await verify(receipt, files)
  expect(good).toMatchObject({ code: 0, stdout: expect.stringMatching(/^VALID /) })
  expect(good.stdout).toContain('charge 0.001 + fee 0.00005 = 0.00105 USDC')
  expect(await verify(file('receipt.jws', receipt), files)).toMatchObject({ code: 0 })
  const cheaper = { ...SUN, version: 1, arguments: { ...BERLIN, latitude: 52.53 } }
  const forgeries = [
    verify(withClaim(receipt, { charge: { amount: '0', fee: '0', total: '0' } }), files),
    verify(receipt.slice(0, -4), files),
    verify(receipt, { ...files, '--request': file('other.json', JSON.stringify(cheaper)) }),
    verify(receipt, { ...files, '--response': file('other.body', '{}') }),
    verify(receipt, { ...files, '--jwks': file('none.json', '{"keys":[]}') }),
  ]
  for (const { code, stdout } of await Promise.all(forgeries)) {
    expect(stdout).toMatch(/^NOT VALID: /)
    expect(code).toBe(1)
  }

  // A new key signs from the next start on; what the old one signed stays verifiable.
  expect(await souk(folder.path, ['keys', 'rotate'])).toMatchObject({ code: 0, stderr: '' })
  const second = await start()
  const recent = (await call(second, SUN)).json.receipt as string
  const jwks = await jwksOf(second.url)
  const [before, after] = [readReceipt(receipt, jwks), readReceipt(recent, jwks)]
  expect(before.header.kid).not.toBe(after.header.kid)
  expect(before.isGenuine && after.isGenuine).toBe(true)
  expect(after.claims).toMatchObject({ seq: 2, prev: sha256(receipt) })
  const published = { '--jwks': `${second.url}/.well-known/jwks.json` }
  expect(await verify(receipt, published)).toMatchObject({ code: 0 })
  expect(await verify(recent, published)).toMatchObject({ code: 0 })
  expect(await verify(recent, files)).toMatchObject({ code: 1 })
})

function start(): Promise<GatewayProcess> {
  return startGateway(folder.path, { SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host })
}

async function stop(gateway: GatewayProcess): Promise<void> {
  gateway.kill('SIGTERM')
  expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' })
}

/** The keys in the data folder, where the operator finds them again. */
function keys(): { operator: string; buyer: string } {
  const read = (name: string) => readFileSync(join(folder.path, 'data', name), 'utf8')
  return {
    operator: read('operator.key').trim(),
    buyer: JSON.parse(read('sandbox-keys.json')).buyer,
  }
}

async function get(gateway: GatewayProcess, path: string, key?: string) {
  return send(gateway, 'GET', path, key)
}

/** A call of the sandbox's buyer over REST. */
function call(gateway: GatewayProcess, order: Json) {
  return send(gateway, 'POST', '/v1/calls', keys().buyer, order)
}

async function send(
  gateway: GatewayProcess,
  method: string,
  path: string,
  key: string | undefined,
  body?: Json,
) {
  const response = await fetch(gateway.url + path, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const json = (await response.json()) as Json
  return { status: response.status, headers: response.headers, json }
}

/** Lists an endpoint at 0.2 USDC whose upstream answers only when it is told to. */
async function aCallThatWaits(gateway: GatewayProcess) {
  const { operator } = keys()
  const endpoint = {
    slug: 'oracle',
    title: 'An oracle',
    description: 'Answers when it is ready.',
    method: 'GET',
    path: '/oracle',
    input_schema: { type: 'object', properties: {} },
    price: { model: 'per_call', amount: '0.2' },
  }
  const listing = {
    slug: 'delphi',
    title: 'Delphi',
    description: 'A slow seller.',
    category: 'data',
    backend: { type: 'http', base_url: upstream.baseUrl },
    endpoints: [endpoint],
  }
  const { json } = await send(gateway, 'POST', '/v1/listings', operator, listing)
  const published = await send(gateway, 'POST', `/v1/listings/${json.id}/publish`, operator)
  expect(published.status).toBe(200)
  const arrived = new Promise<() => void>((resolve) => {
    upstream.answerWith((req, res) => resolve(() => answerJson(200, { late: true })(req, res)))
  })
  return { order: { endpoint_id: 'delphi.oracle', arguments: {} }, arrived }
}

function verify(receipt: string, files: Record<string, string>) {
  return souk(folder.path, ['verify', receipt, ...Object.entries(files).flat()])
}

/** Writes a file beside the gateway's data, and gives its path. */
function file(name: string, content: string | Buffer): string {
  const path = join(folder.path, name)
  writeFileSync(path, content)
  return path
}

/** The same receipt with a claim that nobody signed. */
function withClaim(receipt: string, claim: Json): string {
  const [header, payload, signature] = receipt.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  const forged = Buffer.from(JSON.stringify({ ...claims, ...claim })).toString('base64url')
  return [header, forged, signature].join('.')
}

/** Everything is its owner's alone. */
function expectOwnerOnly(dataDir: string): void {
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
  expect(mode(dataDir)).toBe('700')
  const names = readdirSync(dataDir)
  expect(names).toEqual(
    expect.arrayContaining(['master.key', 'operator.key', 'sandbox-keys.json', 'souk.db']),
  )
  for (const name of names) expect(`${name} ${mode(join(dataDir, name))}`).toBe(`${name} 600`)
}
