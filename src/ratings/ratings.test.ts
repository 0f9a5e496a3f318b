import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerJson, aWorld, type Json, type Party, type World } from '../../test/support/world.js'

let world: World
let buyer: Party
let seller: Party
let other: Party
let endpointId: string

beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Acme')
  buyer = await world.account('Ada', '1')
  other = await world.account('Bob', '1')
  endpointId = (await world.listing(seller)).endpointId
})

afterAll(() => world.close())

async function aCall(by: Party, endpoint = endpointId): Promise<Json> {
  const order = { endpoint_id: endpoint, arguments: { space: 'main', q: 'tea' } }
  return (await world.rest('POST', '/v1/calls', by.key, order)).json
}

const rate = (by: Party, callId: unknown, score: unknown, more: Json = {}) =>
  world.rest('POST', '/v1/ratings', by.key, { call_id: callId, score, ...more })

const ratingsOf = async (callId: unknown) =>
  world.started.gateway.deps.store.db('ratings').where({ call_id: callId as string })

describe('a buyer of a delivered call', () => {
  test('rates it once: a second mark replaces the first', async () => {
    const { call_id } = await aCall(buyer)
    const first = await rate(buyer, call_id, 2, { comment: 'slow' })
    expect(first.status).toBe(200)
    const before = first.json.seller as { ratings: number }
    const second = await rate(buyer, call_id, 5)
    expect(second.json.seller).toMatchObject({ id: seller.id, name: 'Acme' })
    expect((second.json.seller as { ratings: number }).ratings).toBe(before.ratings)
    expect(await ratingsOf(call_id)).toMatchObject([{ score: 5n, comment: null }])
  })

  test('rates a free call, too', async () => {
    const free = await world.listing(seller, { endpoint: { price: { model: 'free' } } })
    const { call_id, outcome } = await aCall(buyer, free.endpointId)
    expect(outcome).toBe('free')
    expect((await rate(buyer, call_id, 4)).status).toBe(200)
  })

  test('rates through rate_seller with the same effect', async () => {
    const { call_id } = await aCall(buyer)
    const told = await world.tool(buyer.key, 'rate_seller', { call_id, score: 4 })
    expect(told.seller).toMatchObject({ id: seller.id })
    expect(await ratingsOf(call_id)).toMatchObject([{ score: 4n, buyer_id: buyer.id }])
  })
})

describe('nobody rates', () => {
  test('a call of someone else, and learns nothing about whether there is one', async () => {
    const { call_id } = await aCall(buyer)
    const foreign = await rate(other, call_id, 1)
    const none = await rate(other, 'call_01m7ywwtseecs8syz4ssaz73c3', 1)
    for (const { status, json } of [foreign, none]) {
      expect({ status, code: json.code, detail: json.detail }).toEqual({
        status: 404,
        code: 'call_not_found',
        detail: 'There is no such call of this account.',
      })
    }
    expect(await rate(seller, call_id, 5)).toMatchObject({ status: 404 })
    expect(await ratingsOf(call_id)).toEqual([])
  })

  test('an endpoint of their own', async () => {
    const shop = await world.account('Shop', '1')
    const own = await world.listing(shop)
    const { call_id, outcome } = await aCall(shop, own.endpointId)
    expect(outcome).toBe('charged')
    const { status, json } = await rate(shop, call_id, 5)
    expect({ status, code: json.code }).toEqual({ status: 409, code: 'rating_refused' })
  })

  test('a call that was not delivered', async () => {
    world.upstream.answerWith(answerJson(500, {}))
    const { call_id, outcome } = await aCall(buyer)
    world.upstream.answerWith(answerJson(200, {}))
    expect(outcome).toBe('refunded')
    const { status, json } = await rate(buyer, call_id, 1)
    expect({ status, code: json.code }).toEqual({ status: 409, code: 'rating_refused' })
  })

  test('with a key that may not call', async () => {
    const { call_id } = await aCall(buyer)
    const made = await world.rest('POST', '/v1/keys', buyer.key, { name: 'r', scopes: ['read'] })
    const reader = { ...buyer, key: made.json.api_key as string }
    expect(await rate(reader, call_id, 1)).toMatchObject({ status: 403 })
    expect(await world.tool(reader.key, 'rate_seller', { call_id, score: 1 })).toMatchObject({
      isError: true,
      code: 'insufficient_scope',
    })
  })

  test.each([0, 6, 4.5, '5', null])('with the score %j', async (score) => {
    const { call_id } = await aCall(buyer)
    expect(await rate(buyer, call_id, score)).toMatchObject({ status: 400 })
    expect(await ratingsOf(call_id)).toEqual([])
  })
})

test('the mean and the number of a seller are over all calls of all its endpoints', async () => {
  const fresh = await world.account('Fresh')
  const [one, two] = [await world.listing(fresh), await world.listing(fresh)]
  const marks: [Party, string, number][] = [
    [buyer, one.endpointId, 5],
    [buyer, one.endpointId, 4],
    [other, one.endpointId, 4],
    [other, two.endpointId, 2],
  ]
  let told: unknown
  for (const [by, endpoint, score] of marks) {
    const { call_id } = await aCall(by, endpoint)
    told = (await rate(by, call_id, score)).json.seller
  }
  expect(told).toEqual({ id: fresh.id, name: 'Fresh', rating: 3.75, ratings: 4 })

  const described = await world.rest('GET', `/v1/endpoints/${two.endpointId}`, buyer.key)
  expect(described.json.seller).toEqual(told)
  const { json } = await world.rest('GET', '/v1/endpoints?seller=Fresh', buyer.key)
  const shown = (json.results as Json[]).map(({ endpoint_id, rating, ratings }) => ({
    endpoint_id,
    rating,
    ratings,
  }))
  expect(shown).toEqual([
    { endpoint_id: one.endpointId, rating: 4.33, ratings: 3 },
    { endpoint_id: two.endpointId, rating: 2, ratings: 1 },
  ])
})
