/**
 * Limits under races: of many callers at once exactly as many are served as the limit grants. The
 * rest are told which limit it was, and leave no trace: no call, no money, no mark on the seller.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Answered,
  answerJson,
  aWorld,
  type Json,
  type ListingChanges,
  type Party,
  type World,
} from '../support/world.js'
import { expectBalance } from './books.js'

const CALLERS = 200
const GRANTED = 10
/** What ten calls cost, fee included; each costs 0.00105. */
const TEN = '0.0105'
/** None of these may refuse in place of the limit. */
const ROOM = { SOUK_MAX_IN_FLIGHT_PER_KEY: '1000', SOUK_MAX_IN_FLIGHT: '2000' }

let world: World
let seller: Party
let buyer: Party
let endpointId: string
beforeAll(async () => {
  world = await aWorld(ROOM)
  seller = await world.account('Seller')
  endpointId = (await world.listing(seller)).endpointId
})
afterAll(() => world.close())
beforeEach(async () => {
  world.upstream.answerWith(answerJson(200, { ok: true }))
  world.upstream.requests.length = 0
  buyer = await world.account('Buyer', '1')
})

test.each(['day', 'month', 'lifetime'])('a %s limit of a key', async (name) => {
  const key = await aKey(buyer.key, { [name]: TEN })
  expectGranted(await race([key]), { code: 'limit_exceeded', scope: name, limit: TEN })
  expect(await limitsOf(key)).toMatchObject([{ scope: name, limit: TEN, spent: TEN }])
  await expectSpent(TEN)
})

test('a limit of a key that two keys below it use up at once', async () => {
  const parent = await aKey(buyer.key, { day: TEN })
  const [one, other] = [await aKey(parent), await aKey(parent, { lifetime: '0.01' })]
  const refusal = { code: 'limit_exceeded', limit: expect.stringMatching(/^0\.01(05)?$/) }
  expectGranted(await race([one, other]), refusal)
  for (const key of [one, other])
    expect(await limitsOf(key)).toContainEqual(expect.objectContaining({ spent: TEN }))
  await expectSpent(TEN)
})

test.each(['day', 'month', 'lifetime'])('a %s limit of the account', async (name) => {
  const keys = [buyer.key, await aKey(buyer.key), await aKey(await aKey(buyer.key))]
  await limitAccount({ [name]: TEN })
  const scope = `${name} of account`
  expectGranted(await race(keys), { code: 'limit_exceeded', scope, limit: TEN })
  for (const key of keys)
    expect(await limitsOf(key)).toMatchObject([{ scope, limit: TEN, spent: TEN }])
  await expectSpent(TEN)
})

test('a limit of one call grants none that may cost more', async () => {
  await limitAccount({ call: '0.001' })
  const refusal = { code: 'limit_exceeded', scope: 'call of account', limit: '0.001' }
  expectGranted(await race([buyer.key]), refusal, 0)
  await expectSpent('0')
})

test('a limit has its room again when the seller does not deliver', async () => {
  const key = await aKey(buyer.key, { lifetime: TEN })
  world.upstream.answerWith(answerJson(500, { error: 'down' }))
  const answers = await race([key])
  const codes = new Set(answers.map(({ json }) => json.code))
  expect([...codes].sort()).toEqual(['limit_exceeded', 'upstream_failed'])
  expect(await limitsOf(key)).toMatchObject([{ spent: '0' }])
  world.upstream.answerWith(answerJson(200, { ok: true }))
  world.upstream.requests.length = 0
  expectGranted(await race([key]), { code: 'limit_exceeded', scope: 'lifetime' })
  await expectSpent(TEN)
})

test('a day of a listing, from several buyers', async () => {
  const other = await world.account('Other buyer', '1')
  const limited = await anEndpoint({ listing: { limits: { per_day: GRANTED } } })
  expectGranted(await race([buyer.key, other.key], limited), { code: 'rate_limited' })
  await expectUntouched(limited)
})

test('the places of a listing, from several buyers', async () => {
  const other = await world.account('Other buyer', '1')
  const limited = await anEndpoint({ listing: { limits: { concurrency: GRANTED } } })
  let refused = 0
  const waiting: (() => void)[] = []
  const answerAll = () => {
    if (refused === CALLERS - GRANTED) for (const answer of waiting.splice(0)) answer()
  }
  world.upstream.answerWith((req, res) => {
    waiting.push(() => answerJson(200, {})(req, res))
    answerAll()
  })
  const keys = [buyer.key, other.key]
  const asked = Array.from({ length: CALLERS }, async (_, i) => {
    const answer = await buy(keys[i % 2]!, limited)
    if (answer.status !== 200) refused++
    answerAll()
    return answer
  })
  expectGranted(await Promise.all(asked), { code: 'rate_limited' })
  await expectUntouched(limited)
  // The places are free again.
  expect((await buy(buyer.key, limited)).status).toBe(200)
})

test('the free calls of a day', async () => {
  const free = await anEndpoint({ endpoint: { price: { model: 'free', daily_cap: GRANTED } } })
  expectGranted(await race([buyer.key, await aKey(buyer.key)], free), { code: 'rate_limited' })
  await expectUntouched(free)
  await expectSpent('0')
})

async function aKey(of: string, limits: Json = {}): Promise<string> {
  const terms = { name: 'test', scopes: ['call', 'read', 'manage'], limits }
  const { json } = await world.rest('POST', '/v1/keys', of, terms)
  return json.api_key as string
}

async function limitAccount(limits: Json): Promise<void> {
  const path = `/v1/accounts/${buyer.id}`
  const { status, json } = await world.rest('PATCH', path, world.operatorKey, { limits })
  expect(status).toBe(200)
  expect(json).toMatchObject({ id: buyer.id, limits })
}

async function anEndpoint(changes: ListingChanges): Promise<string> {
  return (await world.listing(seller, changes)).endpointId
}

function buy(key: string, endpoint = endpointId): Promise<Answered> {
  const order = { endpoint_id: endpoint, arguments: { space: 'main', q: 'tea' } }
  return world.rest('POST', '/v1/calls', key, order)
}

/** All at the same time, with these keys in turn. */
function race(keys: readonly string[], endpoint?: string): Promise<Answered[]> {
  const callers = Array.from({ length: CALLERS }, (_, i) => buy(keys[i % keys.length]!, endpoint))
  return Promise.all(callers)
}

function expectGranted(answers: readonly Answered[], refusal: Json, granted = GRANTED): void {
  const refused = answers.filter(({ status }) => status !== 200)
  expect(answers.length - refused.length).toBe(granted)
  expect(world.upstream.requests).toHaveLength(granted)
  for (const { status, json } of refused) {
    expect({ status, ...json }).toMatchObject({ status: 429, ...refusal })
    expect(json).not.toHaveProperty('call_id')
  }
}

async function limitsOf(key: string): Promise<Json[]> {
  return (await world.rest('GET', '/v1/balance', key)).json.limits as Json[]
}

/** The money is what the calls cost, and the calls are those that were granted. */
async function expectSpent(total: '0' | typeof TEN): Promise<void> {
  await expectBalance(world, buyer.key, total === '0' ? '1' : '0.9895')
  const { json } = await world.rest('GET', '/v1/usage?limit=200', buyer.key)
  expect(json.totals).toMatchObject({ charged: total })
  const calls = json.calls as { outcome: string }[]
  const charged = calls.filter(({ outcome }) => outcome === 'charged')
  expect(charged).toHaveLength(total === '0' ? 0 : GRANTED)
}

/** A refusal is no failure of the seller's. */
async function expectUntouched(endpoint: string): Promise<void> {
  const { json } = await world.rest('GET', `/v1/endpoints/${endpoint}`, buyer.key)
  expect(json.health).toMatchObject({ uptime: 1 })
  const { store } = world.started.gateway.deps
  const [row] = await store.db('calls').where({ endpoint_id: endpoint }).count({ n: '*' })
  expect(Number(row!.n)).toBe(GRANTED)
}
