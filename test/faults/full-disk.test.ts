/**
 * A disk that is full under a running gateway: the database's file takes nothing more. What cannot be
 * written is refused and has not happened, what can be read is answered, and when there is room
 * again the gateway goes on by itself.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  killTheRest,
  souk,
  startGateway,
} from '../journeys/gateway-process.js'
import { canFillDisks, fillDisk, makeRoom } from '../support/a-disk.js'
import {
  type Answered,
  account,
  answerJson,
  type Door,
  doorOf,
  type Json,
  listing,
  OPERATOR_KEY,
  type Party,
  type ScriptedUpstream,
  scriptedUpstream,
} from '../support/world.js'

const TIMEOUT_MS = 120_000
const RUNNING = 5
/** A file that takes nothing. */
const FULL_FILE = '/dev/full'
const ANSWER = { found: 'tea' }

describe.skipIf(!canFillDisks)('a gateway whose disk is full', { timeout: TIMEOUT_MS }, () => {
  const folder = emptyFolder()
  /** On the same disk, as it often is. */
  const logFile = join(folder.path, 'souk.log')
  let upstream: ScriptedUpstream
  let gateway: GatewayProcess
  let door: Door
  let seller: Party
  let buyer: Party
  let shop: { id: string; endpointId: string }
  let freeShop: { id: string; endpointId: string }
  /** A call from before, and those that run while the disk fills up. */
  let earlier: Answered
  /** The first call after there was room again. */
  let reopened: Answered
  let running: Promise<Answered>[]
  let answerRunning = () => {}

  beforeAll(async () => {
    upstream = await scriptedUpstream()
    upstream.answerWith(answerJson(200, ANSWER))
    await build()
    await start()
    seller = await account(door, 'Seller')
    buyer = await account(door, 'Buyer', '1')
    shop = await listing(door, seller)
    freeShop = await listing(door, seller, { endpoint: { price: { model: 'free' } } })
    earlier = await buy('earlier')
    await startCalls()
    fillDisk(gateway.pid)
  }, TIMEOUT_MS)

  afterAll(async () => {
    await killTheRest()
    await upstream.close()
    folder.remove()
  })

  async function start(): Promise<void> {
    const settings = {
      SOUK_OPERATOR_KEY: OPERATOR_KEY,
      SOUK_LOG_LEVEL: 'info',
      SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    }
    gateway = await startGateway(folder.path, settings, logFile)
    door = doorOf(gateway.url, upstream)
  }

  /** Starts calls that the seller answers when told to; all have arrived there. */
  async function startCalls(): Promise<void> {
    const waiting: (() => void)[] = []
    await new Promise<void>((resolve) => {
      upstream.answerWith((req, res) => {
        waiting.push(() => answerJson(200, ANSWER)(req, res))
        if (waiting.length === RUNNING) resolve()
      })
      running = Array.from({ length: RUNNING }, (_, i) => buy(`running-${i}`))
    })
    upstream.answerWith(answerJson(200, ANSWER))
    answerRunning = () => {
      for (const answer of waiting) answer()
    }
  }

  const anOrder = (): Json => ({
    endpoint_id: shop.endpointId,
    arguments: { space: 'main', q: 'tea' },
  })

  const buy = (key: string) =>
    door.rest('POST', '/v1/calls', buyer.key, { ...anOrder(), idempotency_key: key })

  const get = (path: string, key?: string) => door.rest('GET', path, key)

  function expectStorageFull({ status, headers, json }: Answered): void {
    expect({ status, ...json }).toMatchObject({ status: 503, code: 'storage_full' })
    expect(headers.get('retry-after')).toBe(String(json.retry_after_s))
  }

  test('takes no new call, by either face, and asks no seller for it', async () => {
    const sent = upstream.requests.length
    expectStorageFull(await buy('new'))
    const refused = await door.tool(buyer.key, 'call_api', anOrder())
    expect(refused).toMatchObject({ isError: true, code: 'storage_full', retry_after_s: 30 })
    expect(upstream.requests).toHaveLength(sent)
  })

  test('asks no seller for what is free either, once it knows', async () => {
    const sent = upstream.requests.length
    const order = { ...anOrder(), endpoint_id: freeShop.endpointId }
    for (let time = 0; time < 2; time++) {
      expectStorageFull(await door.rest('POST', '/v1/calls', buyer.key, order))
    }
    expect(upstream.requests).toHaveLength(sent)
  })

  test.each<[string, string, (() => Json)?]>([
    ['POST', '/v1/accounts', () => ({ name: 'New' })],
    ['PATCH', '/v1/accounts/$BUYER', () => ({ limits: { day: '1' } })],
    ['POST', '/v1/accounts/$BUYER/grants', () => ({ amount: '1', reason: 'test' })],
    ['POST', '/v1/keys', () => ({ name: 'New', scopes: ['call'] })],
    ['POST', '/v1/quotes', anOrder],
    ['POST', '/v1/ratings', () => ({ call_id: earlier.json.call_id, score: 5 })],
    ['POST', '/v1/listings/$LISTING/pause'],
    ['PATCH', '/v1/listings/$LISTING', () => ({ title: 'New' })],
    ['DELETE', '/v1/listings/$LISTING'],
  ])('does not %s %s', async (method, template, bodyOf) => {
    const path = template.replace('$BUYER', buyer.id).replace('$LISTING', shop.id)
    const keys: Record<string, string> = { accounts: OPERATOR_KEY, listings: seller.key }
    const key = keys[path.split('/')[2]!] ?? buyer.key
    expectStorageFull(await door.rest(method, path, key, bodyOf?.()))
  })

  test('ends the calls that run without a charge, since it could keep no receipt', async () => {
    answerRunning()
    for (const answer of await Promise.all(running)) expectStorageFull(answer)
    expect(await balance()).toMatchObject({ available: '0.9937', held: '0.00525' })
  })

  test('answers what it can read, an earlier call too', async () => {
    for (const path of ['/healthz', '/metrics', '/.well-known/jwks.json', '/docs'])
      expect((await get(path)).status, path).toBe(200)
    for (const path of [
      '/v1/me',
      '/v1/usage',
      '/v1/endpoints?query=wiki',
      `/v1/endpoints/${shop.endpointId}`,
      `/v1/calls/${earlier.json.call_id}`,
      `/v1/receipts/${earlier.json.receipt_id}`,
    ])
      expect((await get(path, buyer.key)).status, path).toBe(200)
    expect((await buy('earlier')).json).toEqual({
      ...earlier.json,
      balance: '0.9937',
      idempotent_replay: true,
    })
    expect((await get('/v1/operator/ledger', OPERATOR_KEY)).json).toMatchObject({
      balanced: true,
      open_holds: RUNNING,
      findings: [],
    })
  })

  test('is not ready, and says why', async () => {
    expectStorageFull(await get('/readyz'))
  })

  test('goes on by itself when there is room again', async () => {
    makeRoom(gateway.pid)
    reopened = await buy('new')
    expect(reopened.json).toMatchObject({ outcome: 'charged', body: ANSWER })
    await expect.poll(async () => (await get('/readyz')).status, { timeout: 10_000 }).toBe(200)
    expect((await door.rest('POST', '/v1/accounts', OPERATOR_KEY, { name: 'New' })).status).toBe(
      201,
    )
    expect((await door.rest('POST', '/v1/quotes', buyer.key, anOrder())).status).toBe(201)
  })

  test('has lost nothing: what could not end is refunded at the next start, and the books are whole', async () => {
    gateway.kill('SIGTERM')
    expect(await gateway.ended).toMatchObject({ code: 0 })
    await start()
    expect(await balance()).toMatchObject({ available: '0.9979', held: '0' })
    for (let i = 0; i < RUNNING; i++) {
      const { status, json } = await buy(`running-${i}`)
      expect(status).toBe(409)
      expect(json).toMatchObject({
        code: 'call_interrupted',
        outcome: 'refunded',
        charge: { total: '0' },
        receipt: expect.stringMatching(/^ey/),
      })
    }
    const doctor = await souk(folder.path, ['doctor'])
    expect(doctor.stdout).not.toContain('BAD')
    expect(doctor.code).toBe(0)
    // The log has a hole where the disk was full, and goes on behind it.
    expect(readFileSync(logFile, 'utf8')).toContain(String(reopened.json.call_id))
  })

  async function balance(): Promise<Json> {
    return (await get('/v1/balance', buyer.key)).json
  }
})

test.skipIf(!existsSync(FULL_FILE))(
  'a gateway whose log cannot be written sells on',
  { timeout: TIMEOUT_MS },
  async () => {
    const folder = emptyFolder()
    const upstream = await scriptedUpstream()
    try {
      await build()
      const settings = {
        SOUK_OPERATOR_KEY: OPERATOR_KEY,
        SOUK_LOG_LEVEL: 'info',
        SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
      }
      const gateway = await startGateway(folder.path, settings, FULL_FILE)
      const door = doorOf(gateway.url, upstream)
      const { endpointId } = await listing(door, await account(door, 'Seller'))
      const { key } = await account(door, 'Buyer', '1')
      const order = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
      // Each has a line of more than 100 bytes; the log is written out at 4 KiB at the latest.
      for (let i = 0; i < 100; i++) {
        const { status } = await door.rest('POST', '/v1/calls', key, order)
        expect(status).toBe(200)
      }
      gateway.kill('SIGTERM')
      expect(await gateway.ended).toMatchObject({ code: 0 })
    } finally {
      await killTheRest()
      await upstream.close()
      folder.remove()
    }
  },
)
