/** The catalogue through the faces of a whole gateway, with calls that really reach an upstream. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answerJson,
  aWorld,
  type Json,
  type Party,
  scriptedUpstream,
  UPSTREAM_SECRET,
  type World,
} from '../../test/support/world.js'

let world: World
let buyer: Party
let seller: Party
let elsewhere: Awaited<ReturnType<typeof scriptedUpstream>>

beforeAll(async () => {
  elsewhere = await scriptedUpstream()
  world = await aWorld()
  world.started.gateway.deps.upstreams.allowHost(new URL(elsewhere.baseUrl).host)
  buyer = await world.account('Ada', '1')
  seller = await world.account('Acme')
})

beforeEach(() => world.upstream.answerWith(answerJson(200, { ok: true })))

afterAll(async () => {
  await world.close()
  await elsewhere.close()
})

async function browse(filters: Record<string, string>, key = buyer.key): Promise<string[]> {
  const path = `/v1/endpoints?limit=20&${new URLSearchParams(filters)}`
  const { status, json, text } = await world.rest('GET', path, key)
  expect(status, text).toBe(200)
  return (json.results as Json[]).map(({ endpoint_id }) => endpoint_id as string)
}

const describeIt = async (endpointId: string) =>
  (await world.rest('GET', `/v1/endpoints/${endpointId}`, buyer.key)).json

const buy = async (endpointId: string, more: Json = {}) =>
  (
    await world.rest('POST', '/v1/calls', buyer.key, {
      endpoint_id: endpointId,
      arguments: { space: 'main', q: 'tea' },
      ...more,
    })
  ).json

const flush = () => world.started.gateway.deps.catalogue.flushStandings()

describe('standing', () => {
  test('comes from real calls, and is in browse and describe after the next flush', async () => {
    const { endpointId, slug } = await world.listing(seller)
    expect(await describeIt(endpointId)).toMatchObject({
      health: { uptime: null, latency_ms_p50: null, checked_at: null },
      seller: { rating: null },
    })
    const delivered = await buy(endpointId)
    await buy(endpointId)
    await buy(endpointId)
    world.upstream.answerWith(answerJson(500, {}))
    await buy(endpointId)
    await world.rest('POST', '/v1/ratings', buyer.key, { call_id: delivered.call_id, score: 4 })
    await flush()
    expect(await browse({ query: slug, min_uptime: '0.75' })).toContain(endpointId)
    expect(await browse({ query: slug, min_uptime: '0.76' })).not.toContain(endpointId)
    // One mark of a buyer who paid little hardly moves the score from the mean of all.
    expect(await browse({ query: slug, min_rating: '3.5' })).toContain(endpointId)
    expect(await browse({ query: slug, min_rating: '3.6' })).not.toContain(endpointId)
    expect(await describeIt(endpointId)).toMatchObject({
      health: {
        uptime: 0.75,
        latency_ms_p50: expect.any(Number),
        checked_at: expect.stringMatching(/Z$/),
      },
      seller: { name: 'Acme', rating: 4, ratings: 1 },
    })
    const { results } = await world.tool(buyer.key, 'browse_apis', { query: slug, limit: 20 })
    const shown = (results as Json[]).find(({ endpoint_id }) => endpoint_id === endpointId)
    expect(shown).toMatchObject({ uptime: 0.75, rating: 4, ratings: 1 })
  })
})

describe('filters', () => {
  let cheap: string
  let dear: string
  let shop: Party

  beforeAll(async () => {
    shop = await world.account('Filter shop')
    const listing = { category: 'filtering' }
    cheap = (await world.listing(shop, { slug: 'cheap', listing })).endpointId
    const price = { model: 'per_call', amount: '0.01' }
    dear = (await world.listing(shop, { slug: 'dear', listing, endpoint: { price } })).endpointId
  })

  test('category is exact, and is counted in the overview', async () => {
    expect((await browse({ category: 'filtering' })).toSorted()).toEqual([cheap, dear])
    expect(await browse({ category: 'filter' })).toEqual([])
    const { json } = await world.rest('GET', '/v1/endpoints', buyer.key)
    expect(json.categories).toContainEqual({ name: 'filtering', count: 2 })
  })

  test('max_price compares the most that a call costs, fee included, to the last nano', async () => {
    expect(await browse({ category: 'filtering', max_price: '0.00105' })).toEqual([cheap])
    expect(await browse({ category: 'filtering', max_price: '0.001049999' })).toEqual([])
    expect(await browse({ category: 'filtering', max_price: '0.0105' })).toHaveLength(2)
  })

  test('seller is an id, an exact name or a slug, on both faces', async () => {
    for (const name of [shop.id, 'Filter shop', shop.slug]) {
      expect((await browse({ seller: name })).toSorted()).toEqual([cheap, dear])
      const { results } = await world.tool(buyer.key, 'browse_apis', { seller: name })
      expect(results).toHaveLength(2)
    }
    expect(await browse({ seller: 'Filter' })).toEqual([])
  })

  test('all of them hold at once, over all pages', async () => {
    const filters = { category: 'filtering', seller: shop.id, max_price: '1' }
    const found: string[] = []
    let cursor: string | undefined
    do {
      const query = new URLSearchParams({ ...filters, limit: '1', ...(cursor && { cursor }) })
      const { json } = await world.rest('GET', `/v1/endpoints?${query}`, buyer.key)
      found.push(...(json.results as Json[]).map(({ endpoint_id }) => endpoint_id as string))
      cursor = json.next_cursor as string | undefined
    } while (cursor)
    expect(found.toSorted()).toEqual([cheap, dear])
  })

  test.each([
    'max_price=free',
    'max_price=-1',
    'min_rating=6',
    'min_uptime=2',
    'limit=0',
    'limit=201',
    'cursor=x',
    'colour=red',
  ])('%s is refused', async (filter) => {
    const { status, json } = await world.rest('GET', `/v1/endpoints?${filter}`, buyer.key)
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'invalid_request' })
  })
})

describe('a host that changes', () => {
  test('stops the sale until the credential is given again, and never sees the old one', async () => {
    const { id, endpointId } = await world.listing(seller)
    const at = `/v1/listings/${id}`
    const backend = { type: 'http', base_url: elsewhere.baseUrl }
    expect((await world.rest('PATCH', at, seller.key, { backend })).status).toBe(200)
    expect(await buy(endpointId)).toMatchObject({ status: 409, code: 'listing_changed' })
    expect(elsewhere.requests).toEqual([])
    const credential = { type: 'header', name: 'x-api-key', value: 'the-new-secret-of-it' }
    await world.rest('PUT', `${at}/credential`, seller.key, credential)
    expect(await buy(endpointId)).toMatchObject({ outcome: 'charged', version: 2 })
    expect(elsewhere.requests[0]!.headers['x-api-key']).toBe('the-new-secret-of-it')
    expect(await buy(endpointId, { version: 1 })).toMatchObject({ code: 'listing_changed' })
  })
})

describe('a credential', () => {
  test('reaches the upstream, and is in no file of the data folder and in no answer', async () => {
    const { id, endpointId } = await world.listing(seller)
    await buy(endpointId)
    expect(world.upstream.requests.at(-1)!.headers['x-api-key']).toBe(UPSTREAM_SECRET)
    const shown = await world.rest('GET', `/v1/listings/${id}`, seller.key)
    expect(shown.json.credential).toEqual({ type: 'header', name: 'x-api-key', set: true })
    const all = await world.rest('GET', '/v1/listings', seller.key)
    for (const { text } of [shown, all]) expect(text).not.toContain(UPSTREAM_SECRET)
    for (const name of readdirSync(world.dataDir)) {
      const bytes = readFileSync(join(world.dataDir, name))
      expect({ name, found: bytes.includes(UPSTREAM_SECRET) }).toEqual({ name, found: false })
    }
  })
})

describe('a test of a listing', () => {
  const probe = async (id: string, body: Json = {}) =>
    (await world.rest('POST', `/v1/listings/${id}/test`, seller.key, body)).json as {
      ok: boolean
      results: Json[]
    }

  test('calls the upstream with example and credential, and reports status and latency', async () => {
    const { id, endpointId } = await world.listing(seller)
    expect(await probe(id)).toEqual({
      ok: true,
      results: [
        {
          endpoint_id: endpointId,
          ok: true,
          status: 200,
          latency_ms: expect.any(Number),
          hint: 'It works.',
        },
      ],
    })
    const sent = world.upstream.requests.at(-1)!
    expect(sent.url).toBe('/search/main?q=tea')
    expect(sent.headers['x-api-key']).toBe(UPSTREAM_SECRET)
  })

  test.each([
    [401, 'credential'],
    [403, 'credential'],
    [404, 'base_url'],
    [429, 'limits'],
    [500, '500'],
  ])('hints at what to mend after %d', async (status, word) => {
    const { id } = await world.listing(seller)
    world.upstream.answerWith(answerJson(status, {}))
    const { ok, results } = await probe(id)
    expect(ok).toBe(false)
    expect(results[0]).toMatchObject({ status, hint: expect.stringContaining(word) })
  })

  test('sends nothing where the arguments do not fit, and says which', async () => {
    const { id } = await world.listing(seller)
    const sent = world.upstream.requests.length
    const { results } = await probe(id, { arguments: { space: 5, q: 'tea' } })
    expect(results[0]).toMatchObject({
      ok: false,
      status: null,
      hint: expect.stringContaining('/space'),
    })
    expect(world.upstream.requests).toHaveLength(sent)
  })

  test('of an endpoint that it does not have is endpoint_not_found', async () => {
    const { id } = await world.listing(seller)
    expect(await probe(id, { endpoint: 'nothing' })).toMatchObject({ code: 'endpoint_not_found' })
  })

  test('sends no credential to another host than the one that it was given for', async () => {
    const { id } = await world.listing(seller)
    const sent = elsewhere.requests.length
    const backend = { type: 'http', base_url: elsewhere.baseUrl }
    await world.rest('PATCH', `/v1/listings/${id}`, seller.key, { backend })
    const { ok, results } = await probe(id)
    expect(ok).toBe(false)
    expect(results[0]).toMatchObject({ status: null, hint: expect.stringContaining('credential') })
    expect(elsewhere.requests).toHaveLength(sent)
  })

  test('costs nothing and counts in no standing', async () => {
    const { id, endpointId } = await world.listing(seller)
    await probe(id)
    await flush()
    expect(await describeIt(endpointId)).toMatchObject({ health: { uptime: null } })
  })
})

describe('a provider that ships', () => {
  const ofOperator = async (slug: string) => {
    const { json } = await world.rest('GET', '/v1/listings', world.operatorKey)
    return (json.listings as Json[]).find((listing) => listing.slug === slug)!
  }

  test('has its slug reserved', async () => {
    const { json } = await world.rest('POST', '/v1/listings', seller.key, {
      slug: 'github',
      title: 'Not GitHub',
      description: 'No.',
      category: 'code',
      backend: { type: 'http', base_url: world.upstream.baseUrl },
      endpoints: [
        {
          slug: 'repository',
          title: 'x',
          description: 'x',
          method: 'GET',
          path: '/',
          input_schema: { type: 'object' },
          price: { model: 'free' },
        },
      ],
    })
    expect(json).toMatchObject({ status: 409, code: 'slug_taken' })
  })

  test('and needs a key is sold once the operator sets it and publishes, also after a restart; a lost index loses nothing', async () => {
    const { id, status, operator_must } = (await ofOperator('openai')) as Json
    expect({ status, operator_must }).toMatchObject({
      status: 'draft',
      operator_must: expect.stringContaining('key'),
    })
    expect(await browse({ query: 'chat with GPT', seller: 'operator' })).not.toContain(
      'openai.chat',
    )
    expect(await describeIt('openai.chat')).toMatchObject({ code: 'endpoint_not_found' })
    const early = await world.rest('POST', `/v1/listings/${id}/publish`, world.operatorKey)
    expect(early.json).toMatchObject({ status: 400, action: operator_must })

    const credential = { type: 'bearer', token: 'sk-of-the-operator-0001' }
    await world.rest('PUT', `/v1/listings/${id}/credential`, world.operatorKey, credential)
    const published = await world.rest('POST', `/v1/listings/${id}/publish`, world.operatorKey)
    expect(published.json).toMatchObject({ status: 'published' })
    const filters = { query: 'chat with GPT', seller: 'operator' }
    expect(await browse(filters)).toContain('openai.chat')

    const rated = await world.listing(seller, { slug: 'rated' })
    const { call_id } = await buy(rated.endpointId)
    await world.rest('POST', '/v1/ratings', buyer.key, { call_id, score: 5 })
    await world.stop()
    rmSync(join(world.dataDir, 'search.index'))
    await world.restart()
    expect(await ofOperator('openai')).toMatchObject({ id, status: 'published' })
    expect(await browse(filters)).toContain('openai.chat')
    expect(await browse({ seller: seller.slug, min_rating: '3.5', min_uptime: '1' })).toEqual([
      rated.endpointId,
    ])
  })
})
