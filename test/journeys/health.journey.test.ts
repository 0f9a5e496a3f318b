/**
 * The story of an API that breaks and recovers, of a price that changes, and of buyers who say what
 * they think: what buyers see is what is so.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

const MINUTE_MS = 60 * 1_000
const ARGUMENTS = { space: 'main', q: 'tea' }

let world: World
let seller: Party
let buyer: Party
let isDown: boolean
beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Acme')
})
afterAll(() => world.close())
beforeEach(async () => {
  buyer = await world.account('Ada', '1')
  isDown = false
  world.upstream.answerWith((req, res) => answerJson(isDown ? 503 : 200, {})(req, res))
})

const sell = (method: string, path: string, body?: unknown) =>
  world.rest(method, path, seller.key, body)

const balance = async () => (await world.rest('GET', '/v1/balance', buyer.key)).json

/** Lets time pass for what is stored of a listing's health: all of it lies so much further back. */
async function passes(slug: string, minutes: number): Promise<void> {
  const { store } = world.started.gateway.deps
  const times = ['due_at', 'failing_since', 'paused_at', 'resume_at', 'resumed_at']
  const back = times.map((name) => [name, store.db.raw('?? - ?', [name, minutes * MINUTE_MS])])
  await store.db('listing_health').where({ slug }).update(Object.fromEntries(back))
}

/** What the timetable does every few seconds. */
async function looks(): Promise<void> {
  const { catalogue, telemetry } = world.started.gateway.deps
  await catalogue.flushStandings()
  const { signal } = new AbortController()
  await catalogue.lookAtHealth({ hasRoom: async () => true, report: telemetry, signal })
  await catalogue.flushStandings()
}

/** What search finds among these endpoints, best first. */
async function found(query: string, among: string[], filters: Json = {}): Promise<Json[]> {
  const { results } = await world.tool(buyer.key, 'browse_apis', { query, limit: 20, ...filters })
  return (results as Json[]).filter(({ endpoint_id }) => among.includes(endpoint_id as string))
}

describe('an API that breaks', () => {
  test('is paused by itself, tells its seller why, and is back when it works', async () => {
    const { id, slug, endpointId } = await world.listing(seller)
    const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
    expect(await world.tool(buyer.key, 'call_api', order)).toMatchObject({ outcome: 'charged' })
    const before = await balance()

    isDown = true
    expect(await world.tool(buyer.key, 'call_api', order)).toMatchObject({ outcome: 'refunded' })
    for (let i = 0; i < 6; i++) {
      await looks()
      await passes(slug, 4)
    }
    const listing = (await sell('GET', `/v1/listings/${id}`)).json
    expect(listing).toMatchObject({
      status: 'paused',
      notice: {
        code: 'health',
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        detail: expect.stringContaining('503'),
      },
    })
    expect(await found(slug, [endpointId])).toEqual([])
    const described = await world.tool(buyer.key, 'describe_endpoint', { endpoint_id: endpointId })
    expect(described).toMatchObject({ status: 'paused', health: { uptime: expect.any(Number) } })
    const refused = [
      await world.tool(buyer.key, 'call_api', order),
      (await world.rest('POST', '/v1/calls', buyer.key, order)).json,
    ]
    for (const refusal of refused) {
      expect(refusal).toMatchObject({
        code: 'listing_changed',
        ...('detail' in refusal && { detail: expect.stringContaining('kept failing') }),
      })
    }
    expect(await balance()).toEqual(before)

    isDown = false
    await passes(slug, 6)
    await looks()
    const mended = (await sell('GET', `/v1/listings/${id}`)).json
    expect(mended.status).toBe('published')
    expect(mended).not.toHaveProperty('notice')
    expect(await found(slug, [endpointId])).toHaveLength(1)
    expect(await world.tool(buyer.key, 'call_api', order)).toMatchObject({ outcome: 'charged' })
    const { health } = (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json
    expect(health).toEqual({
      uptime: expect.any(Number),
      latency_ms_p50: expect.any(Number),
      latency_ms_p95: expect.any(Number),
      checked_at: expect.any(String),
    })
    const metrics = (await world.rest('GET', '/metrics', undefined)).text
    for (const line of [
      'souk_health_moves_total{move="paused"} 1',
      'souk_health_moves_total{move="resumed"} 1',
    ]) {
      expect(metrics).toContain(line)
    }
    expect(metrics).toMatch(/souk_probes_total\{finding="down"\} \d+/)
  })

  test('is not paused for what buyers ask wrong, nor by its seller’s own calls', async () => {
    const { id, slug, endpointId } = await world.listing(seller, { listing: { probe: 'off' } })
    const fund = { amount: '1', reason: 'test' }
    await world.rest('POST', `/v1/accounts/${seller.id}/grants`, world.operatorKey, fund)
    const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
    world.upstream.answerWith(answerJson(422, {}))
    for (let i = 0; i < 8; i++) await world.rest('POST', '/v1/calls', buyer.key, order)
    world.upstream.answerWith(answerJson(500, {}))
    for (let i = 0; i < 8; i++) await world.rest('POST', '/v1/calls', seller.key, order)
    await looks()
    await passes(slug, 30)
    await looks()
    expect((await sell('GET', `/v1/listings/${id}`)).json.status).toBe('published')
    const { health } = (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json
    expect(health).toMatchObject({ uptime: null })
  })
})

test('a listing is not paused by buyers whose arguments its success rule answers to', async () => {
  const { id, slug, endpointId } = await world.listing(seller, {
    listing: { probe: 'off' },
    endpoint: { success: { must_not_exist: '/errors' } },
  })
  const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
  world.upstream.answerWith(answerJson(200, { errors: ['no such field'] }))
  for (const { key } of [buyer, await world.account('Eve', '1')]) {
    for (let i = 0; i < 4; i++) {
      expect((await world.rest('POST', '/v1/calls', key, order)).json.outcome).toBe('refunded')
    }
  }
  await looks()
  await passes(slug, 30)
  await looks()
  expect((await sell('GET', `/v1/listings/${id}`)).json.status).toBe('published')
  const { health } = (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json
  expect(health).toMatchObject({ uptime: 0 })
})

test('an answer of the status that the seller sells counts as one, whatever it is', async () => {
  const { endpointId } = await world.listing(seller, { endpoint: { success: { status: 404 } } })
  world.upstream.answerWith(answerJson(404, { taken: false }))
  const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
  expect((await world.rest('POST', '/v1/calls', buyer.key, order)).json.outcome).toBe('charged')
  await looks()
  const { health } = (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json
  expect(health).toMatchObject({ uptime: 1 })
})

test('the timetable looks after health', async () => {
  const watching = await aWorld({ SOUK_PROBES: 'on' })
  const { slug } = await watching.listing(await watching.account('Acme'))
  const { store } = watching.started.gateway.deps
  await store.db('listing_health').where({ slug }).update({ due_at: 0 })
  await expect.poll(() => watching.upstream.requests.length, { timeout: 15_000 }).toBe(1)
  const due = await store.db('listing_health').where({ slug }).first('due_at')
  expect(Number(due.due_at)).toBeGreaterThan(0)
  await watching.close()
})

describe('the price', () => {
  test('that search, description and quote show is the one that a call charges, through changes', async () => {
    const { id, slug, endpointId } = await world.listing(seller)
    const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
    for (const amount of ['0.002', '0.000000001', '0.0173', '0.001']) {
      const endpoints = [{ slug: 'search', price: { model: 'per_call', amount } }]
      expect((await sell('PATCH', `/v1/listings/${id}`, { endpoints })).status).toBe(200)

      const [overMcp] = await found(slug, [endpointId])
      const rest = await world.rest('GET', `/v1/endpoints?query=${slug}`, buyer.key)
      const overRest = (rest.json.results as Json[]).find((it) => it.endpoint_id === endpointId)
      const described = await world.tool(buyer.key, 'describe_endpoint', {
        endpoint_id: endpointId,
      })
      const priced = await world.tool(buyer.key, 'get_pricing', order)
      const shown = (overMcp!.price as Json).max_total
      expect(overMcp!.price).toMatchObject({ model: 'per_call', amount })
      expect([overRest!.price, described.price, priced.price]).toMatchObject([
        ...[overMcp!.price, overMcp!.price, overMcp!.price],
      ])
      expect((priced.quote as Json).max_total).toBe(shown)
      // Search filters by the same amount, to the last digit.
      expect(await found(slug, [endpointId], { max_price: shown })).toHaveLength(1)

      const bought = [
        await world.tool(buyer.key, 'call_api', { ...order, max_price: shown }),
        (await world.rest('POST', '/v1/calls', buyer.key, { ...order, max_price: shown })).json,
      ]
      for (const { charge } of bought as { charge: Json }[]) {
        expect(charge).toMatchObject({ amount, total: shown })
      }
    }
  })
})

describe('ratings', () => {
  const TEXT = { title: 'Tide table', description: 'High and low water of the sandbank.' }

  async function rated(by: Party, endpointId: string, calls: number, score: number) {
    const order = { endpoint_id: endpointId, arguments: ARGUMENTS }
    let callId: unknown
    for (let i = 0; i < calls; i++) {
      callId = (await world.rest('POST', '/v1/calls', by.key, order)).json.call_id
    }
    const { status } = await world.rest('POST', '/v1/ratings', by.key, { call_id: callId, score })
    expect(status).toBe(200)
  }

  test('of a ring of cheap accounts do not outrank those of a few who pay', async () => {
    const endpoint = { ...TEXT, price: { model: 'per_call', amount: '0.01' } }
    const honest = await world.listing(seller, { endpoint })
    const crooked = await world.listing(await world.account('Crook'), { endpoint })
    for (let i = 0; i < 5; i++) {
      await rated(await world.account(`Honest ${i}`, '2'), honest.endpointId, 20, i === 0 ? 4 : 5)
    }
    for (let i = 0; i < 50; i++) {
      await rated(await world.account(`Ring ${i}`, '0.02'), crooked.endpointId, 1, 5)
    }
    const both = [crooked.endpointId, honest.endpointId]
    const results = await found('high and low water of the sandbank', both)
    // What people see is the plain mean.
    expect(results).toMatchObject([
      { endpoint_id: honest.endpointId, rating: 4.8, ratings: 5 },
      { endpoint_id: crooked.endpointId, rating: 5, ratings: 50 },
    ])
    const best = await found('high and low water of the sandbank', both, { min_rating: 4.2 })
    expect(best.map(({ endpoint_id }) => endpoint_id)).toEqual([honest.endpointId])
  })
})
