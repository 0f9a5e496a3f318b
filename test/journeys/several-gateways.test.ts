/**
 * Two gateways on one PostgreSQL: what is said to one holds at the other, at once where money is
 * concerned, within two seconds for what is for sale and for who may buy.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { purge } from '#calls'
import { type Jwk, verifyReceipt } from '#receipts'
import type { Tx } from '#store'
import { aPostgresUrl } from '../support/a-postgres.js'
import { aSocket } from '../support/mcp-clients.js'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

/** Far beyond the two seconds that are promised, for a machine that has much else to do. */
const PATIENCE_MS = 15_000

let one: World
let other: World
let drop: () => Promise<void>
let seller: Party
let buyer: Party
let endpointId: string
let listingId: string

beforeAll(async () => {
  const database = await aPostgresUrl()
  drop = database.drop
  const shared = {
    DATABASE_URL: database.url,
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
    SOUK_MAX_IN_FLIGHT_PER_KEY: '1000',
  }
  one = await aWorld(shared)
  const SOUK_EGRESS_ALLOW = new URL(one.upstream.baseUrl).host
  other = await aWorld({ ...shared, SOUK_EGRESS_ALLOW })
  seller = await one.account('Seller')
  const listing = await one.listing(seller)
  endpointId = listing.endpointId
  listingId = listing.id
})
afterAll(async () => {
  await other.close()
  await one.close()
  await drop()
})
beforeEach(async () => {
  one.upstream.answerWith(answerJson(200, { ok: true }))
  one.upstream.requests.length = 0
  buyer = await one.account('Buyer', '1')
})

test('what one publishes the other finds, prices alike and stops selling with it', async () => {
  const offered = async (world: World) =>
    (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json
  await eventually(async () => {
    const found = await other.rest('GET', '/v1/endpoints?query=articles%20wiki', buyer.key)
    expect(found.json.results).toContainEqual(expect.objectContaining({ endpoint_id: endpointId }))
  })
  const price = { model: 'per_call', amount: '0.002' }
  const endpoints = [{ ...(await draft()), price }]
  const changed = await one.rest('PATCH', `/v1/listings/${listingId}`, seller.key, { endpoints })
  expect(changed.status, changed.text).toBe(200)
  await eventually(async () => {
    expect(await offered(other)).toMatchObject({ version: 2, price: { max_total: '0.0021' } })
  })
  const sold = await buy(other, buyer.key)
  expect(sold).toMatchObject({ status: 200, json: { charge: { total: '0.0021' } } })
  await other.rest('POST', `/v1/listings/${listingId}/pause`, seller.key)
  await eventually(async () => {
    expect((await buy(one, buyer.key)).json).toMatchObject({ code: 'listing_changed' })
  })
  await one.rest('POST', `/v1/listings/${listingId}/publish`, seller.key)
  await eventually(async () => expect((await buy(other, buyer.key)).status).toBe(200))
})

test('a key that one revokes buys nothing at the other, and holds nothing open there', async () => {
  const made = await one.rest('POST', '/v1/keys', buyer.key, { name: 'lent', scopes: ['call'] })
  const { id, api_key } = made.json as { id: string; api_key: string }
  expect((await buy(other, api_key)).status).toBe(200)
  const socket = await aSocket(`${other.url}/mcp/ws`, { authorization: `Bearer ${api_key}` })
  await one.rest('DELETE', `/v1/keys/${id}`, buyer.key)
  await eventually(async () => expect((await buy(other, api_key)).status).toBe(401))
  await socket.closed
})

test('whom and what one suspends buys and is sold nothing at the other, until it is resumed', async () => {
  const operator = (path: string) => one.rest('POST', path, one.operatorKey, { reason: 'a test' })
  for (const [at, refused] of [
    [`/v1/accounts/${buyer.id}`, 'account_suspended'],
    [`/v1/accounts/${seller.id}`, 'listing_changed'],
    [`/v1/operator/listings/${listingId}`, 'listing_changed'],
  ] as const) {
    await eventually(async () => expect((await buy(other, buyer.key)).status).toBe(200))
    expect((await operator(`${at}/suspend`)).status).toBe(200)
    await eventually(async () => {
      expect((await buy(other, buyer.key)).json).toMatchObject({ code: refused })
    })
    expect((await operator(`${at}/resume`)).status).toBe(200)
  }
  await eventually(async () => expect((await buy(other, buyer.key)).status).toBe(200))
})

test('a team buys at both with the money of its company, and its caps hold over both', async () => {
  const made = await one.rest('POST', '/v1/sub-accounts', buyer.key, {
    ...{ name: 'Team', limits: { lifetime: '0.01' } },
  })
  const key = made.json.api_key as string
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => buy(i % 2 === 0 ? one : other, key)),
  )
  const totals = answers.map(({ json }) => (json.charge as Json | undefined)?.total ?? '0')
  expect(new Set(totals)).toEqual(new Set(['0.0021', '0']))
  expect(totals.filter((total) => total === '0.0021')).toHaveLength(4)
  const { json } = await other.rest('GET', '/v1/balance', buyer.key)
  expect(json).toMatchObject({ available: '0.9916', held: '0' })
})

test('a quote of one is honoured by the other, once', async () => {
  const quoted = await one.rest('POST', '/v1/quotes', buyer.key, order())
  const { quote_id } = quoted.json.quote as { quote_id: string }
  expect((await buy(other, buyer.key, { quote_id })).status).toBe(200)
  expect((await buy(one, buyer.key, { quote_id })).json).toMatchObject({ code: 'quote_used' })
})

test('a retry at the other gets the same call and receipt, and nothing is sent twice', async () => {
  const first = await buy(one, buyer.key, { idempotency_key: 'a' })
  const again = await buy(other, buyer.key, { idempotency_key: 'a' })
  expect(again.json).toMatchObject({
    call_id: first.json.call_id,
    body: first.json.body,
    receipt: first.json.receipt,
  })
  expect(one.upstream.requests).toHaveLength(1)
})

test('of one key that arrives at both at once one call is made, and both learn its outcome', async () => {
  const keys = Array.from({ length: 10 }, (_, i) => `at once ${i}`)
  const untilOver = async (world: World, idempotency_key: string) => {
    for (;;) {
      const { status, json } = await buy(world, buyer.key, { idempotency_key })
      if (json.code !== 'in_progress') return { status, json }
      await wait(20)
    }
  }
  const both = keys.map((key) => Promise.all([untilOver(one, key), untilOver(other, key)]))
  for (const [here, there] of await Promise.all(both)) {
    expect(here.status).toBe(200)
    expect(there.json.call_id).toBe(here.json.call_id)
  }
  expect(one.upstream.requests).toHaveLength(keys.length)
})

test('a call that runs at one is in progress at the other, until it is over', async () => {
  let release = () => {}
  const arrived = new Promise<void>((resolve) => {
    one.upstream.answerWith((req, res) => {
      release = () => answerJson(200, { ok: true })(req, res)
      resolve()
    })
  })
  const running = buy(one, buyer.key, { idempotency_key: 'slow' })
  await arrived
  const meanwhile = await buy(other, buyer.key, { idempotency_key: 'slow' })
  expect(meanwhile).toMatchObject({ status: 409, json: { code: 'in_progress' } })
  expect(meanwhile.json.action).toEqual(expect.any(String))
  expect(meanwhile.headers.get('retry-after')).not.toBeNull()
  release()
  const { json } = await running
  const after = await buy(other, buyer.key, { idempotency_key: 'slow' })
  expect(after.json).toMatchObject({ call_id: json.call_id, receipt: json.receipt })
})

test.each([
  ['a spending limit', async () => aKey({ day: '0.021' }), 'limit_exceeded'],
  [
    'funds for ten calls',
    async () => (await one.account('Poor', '0.021')).key,
    'insufficient_balance',
  ],
] as const)('%s grants exactly ten of two hundred calls at both at once', async (_, key, code) => {
  const asking = await key()
  const calls = Array.from({ length: 200 }, (_, i) => buy(i % 2 === 0 ? one : other, asking))
  const answers = await Promise.all(calls)
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
  const refused = answers.filter(({ status }) => status !== 200)
  expect(new Set(refused.map(({ json }) => json.code))).toEqual(new Set([code]))
})

test("a listing's limit is counted over both", async () => {
  const limits = { per_day: 10 }
  const limited = await one.listing(seller, { listing: { limits } })
  await eventually(async () => {
    const found = await other.rest('GET', `/v1/endpoints/${limited.endpointId}`, buyer.key)
    expect(found.status).toBe(200)
  })
  const at = (i: number) => (i % 2 === 0 ? one : other)
  const calls = Array.from({ length: 60 }, (_, i) =>
    buy(at(i), buyer.key, { endpoint_id: limited.endpointId }),
  )
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 200)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(50)
})

test('each signs chains of its own without a gap, and both publish all keys', async () => {
  const bought = await Promise.all(
    Array.from({ length: 12 }, (_, i) => buy(i % 3 === 0 ? one : other, buyer.key)),
  )
  const jwks = (await other.rest('GET', '/.well-known/jwks.json', undefined)).json
  const chains = new Map<string, number[]>()
  for (const { json } of bought) {
    const { receipt } = json as { receipt: string }
    expect(await verifyReceipt(receipt, { jwks: jwks as { keys: Jwk[] } })).toMatchObject({
      valid: true,
    })
    const { chain, seq } = decodeJwt(receipt) as { chain: string; seq: number }
    chains.set(chain, [...(chains.get(chain) ?? []), seq])
  }
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  const lengths = [...chains.values()].map((seqs) => {
    expect(seqs.sort((a, b) => a - b)).toEqual(numbered(seqs.length))
    return seqs.length
  })
  expect(lengths.sort()).toEqual([4, 8])
})

test('a session of an older MCP client goes on at the other', async () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    },
  }
  const accept = { accept: 'application/json, text/event-stream' }
  const begun = await one.rest('POST', '/mcp', buyer.key, initialize, accept)
  const headers = {
    ...accept,
    'mcp-session-id': begun.headers.get('mcp-session-id')!,
    'mcp-protocol-version': '2025-11-25',
  }
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
  const listed = await other.rest('POST', '/mcp', buyer.key, list, headers)
  expect(listed.status, listed.text).toBe(200)
  expect((listed.json.result as { tools: unknown[] }).tools).toHaveLength(7)
})

test('a job is done by one at a time, and who lost the lease can write no more under it', async () => {
  const [mine, theirs] = [one.started.gateway.deps, other.started.gateway.deps]
  const lease = (await mine.leases.hold('a test', 60_000))!
  expect(await theirs.leases.hold('a test', 60_000)).toBeUndefined()
  expect(await mine.leases.hold('a test', 60_000)).toEqual(lease)
  await mine.store.inTransaction((tx) => mine.leases.fence(tx, lease))
  // As after a long sleep of the one that has it.
  await mine.store.db('leases').where({ name: lease.name }).update({ until_at: 0 })
  expect(await theirs.leases.hold('a test', 60_000)).toEqual({ ...lease, epoch: lease.epoch + 1n })
  const late = mine.store.inTransaction((tx) => mine.leases.fence(tx, lease))
  await expect(late).rejects.toThrow("another gateway's")
  expect(await mine.leases.hold('a test', 60_000)).toBeUndefined()
})

test('a purge that goes on after its lease was lost forgets nothing more', async () => {
  const [mine, theirs] = [one.started.gateway.deps, other.started.gateway.deps]
  const { store, clock, leases } = mine
  const lease = (await leases.hold('a purge', 60_000))!
  const fence = (tx: Tx) => leases.fence(tx, lease)
  await store.db('idempotency_keys').insert(deadKey('left'))
  await store.db('leases').where({ name: lease.name }).update({ until_at: 0 })
  await theirs.leases.hold('a purge', 60_000)
  await expect(purge({ store, clock, fence })).rejects.toThrow("another gateway's")
  expect(await store.db('idempotency_keys').where({ key_id: 'left' })).toHaveLength(1)
  await purge({ store, clock })
  expect(await store.db('idempotency_keys').where({ key_id: 'left' })).toHaveLength(0)
})

function order(changes: Json = {}): Json {
  return { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' }, ...changes }
}

function deadKey(key_id: string) {
  return { key_id, hash: '', fingerprint: '', call_id: '', expires_at: 1 }
}

function buy(world: World, key: string, changes: Json = {}) {
  return world.rest('POST', '/v1/calls', key, order(changes))
}

async function aKey(limits: Json): Promise<string> {
  const terms = { name: 'limited', scopes: ['call'], limits }
  return (await one.rest('POST', '/v1/keys', buyer.key, terms)).json.api_key as string
}

/** The endpoint of the listing as its seller wrote it. */
async function draft(): Promise<Json> {
  const { endpoints } = (await one.rest('GET', `/v1/listings/${listingId}`, seller.key)).json
  const { endpoint_id, status, version, price, ...own } = (endpoints as Json[])[0]!
  return own
}

/** Asks again until it is so. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
      await wait(100)
    }
  }
}
