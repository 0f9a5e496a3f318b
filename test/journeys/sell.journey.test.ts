/**
 * The story of a seller: an API of its own is listed over REST, tried, published, found and bought;
 * the price changes, the listing pauses, and a second API comes as an OpenAPI document.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Answered, answerJson, aWorld, type Party, type World } from '../support/world.js'
import type { Result } from './agents.js'
import { earnedBy, expectBalance, feesSoFar } from './books.js'

const SECRET = 'key-of-the-weather-station-0815'
const TIDE = { harbour: 'Cuxhaven', day: '2026-06-21' }

let world: World
let seller: Party
let buyer: Party
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  seller = await world.account('Tide tables')
  buyer = await world.account('Sailor', '1')
  world.upstream.requests.length = 0
  world.upstream.answerWith(answerJson(200, { high_water: ['04:12', '16:35'] }))
})

test('a seller lists, tries and publishes an API; each sale earns exactly its price', async () => {
  // Listed, it is a draft that nobody can find or buy; its credential never comes back.
  const created = await sell('POST', '/v1/listings', tides('tides-one'))
  expect(created.status).toBe(201)
  expect(created.json).toMatchObject({
    status: 'draft',
    credential: { type: 'header', name: 'x-station-key', set: true },
    endpoints: [{ endpoint_id: 'tides-one.high-water', version: 1 }],
  })
  expect(created.text).not.toContain(SECRET)
  const order = { endpoint_id: 'tides-one.high-water', arguments: TIDE }
  expect(await use('call_api', order)).toMatchObject({ code: 'endpoint_not_found' })
  expect(await idsFound('high water of harbours')).not.toContain(order.endpoint_id)

  // Tried, it reaches the upstream for real, first with a fault that the hint names.
  world.upstream.answerWith(answerJson(401, { error: 'who are you?' }))
  const refused = await sell('POST', `/v1/listings/${created.json.id}/test`, {})
  expect(refused.json).toMatchObject({
    ok: false,
    results: [{ ok: false, status: 401, hint: expect.stringContaining('credential') }],
  })
  world.upstream.answerWith(answerJson(200, { high_water: ['04:12', '16:35'] }))
  const tried = await sell('POST', `/v1/listings/${created.json.id}/test`, {})
  expect(tried.json).toMatchObject({
    ok: true,
    results: [{ endpoint_id: order.endpoint_id, status: 200, hint: 'It works.' }],
  })

  // Published, it is found at once and bought.
  const published = await sell('POST', `/v1/listings/${created.json.id}/publish`)
  expect(published.json.status).toBe('published')
  expect(await idsFound('high water of harbours')).toContain(order.endpoint_id)
  const before = { earned: await earnedBy(world, seller.key), fees: await feesSoFar(world) }
  world.upstream.requests.length = 0
  const bought = await use('call_api', order)
  expect(bought).toMatchObject({
    outcome: 'charged',
    body: { high_water: ['04:12', '16:35'] },
    // 5 % of 1,234,567 nanos are 61,728.35, and fractions of a nano are rounded up.
    charge: { amount: '0.001234567', fee: '0.000061729', total: '0.001296296' },
    balance: '0.998703704',
  })
  await expectBalance(world, buyer.key, '0.998703704')
  expect(await earnedBy(world, seller.key)).toBe(before.earned + 1_234_567n)
  expect(await feesSoFar(world)).toBe(before.fees + 61_729n)

  // The upstream saw the seller's key and nothing of the buyer.
  expect(world.upstream.requests).toHaveLength(1)
  const [seen] = world.upstream.requests
  expect(seen).toMatchObject({
    method: 'GET',
    url: '/harbours/Cuxhaven/tides?day=2026-06-21',
    headers: { 'x-station-key': SECRET },
  })
  expect(JSON.stringify(seen)).not.toContain(buyer.key)
  expect(seen!.headers.authorization).toBeUndefined()

  // Its receipt is the seller's to read, too, and nobody else's.
  const path = `/v1/receipts/${bought.receipt_id}`
  const ownReceipt = await sell('GET', path)
  expect(ownReceipt.json.claims).toMatchObject({ seller: seller.id, buyer: buyer.id })
  const stranger = await world.account('Stranger')
  expect((await world.rest('GET', path, stranger.key)).status).toBe(404)
})

test('while a call runs the most that it can cost is held, and given back when it fails', async () => {
  const { endpointId } = await publishTides('tides-held')
  const arrived = new Promise<() => void>((resolve) => {
    world.upstream.answerWith((req, res) => {
      resolve(() => answerJson(500, { error: 'the gauge is under water' })(req, res))
    })
  })
  const running = use('call_api', { endpoint_id: endpointId, arguments: TIDE })
  const answer = await arrived
  await expectBalance(world, buyer.key, '0.998703704', '0.001296296')
  answer()
  expect(await running).toMatchObject({
    isError: true,
    code: 'upstream_failed',
    outcome: 'refunded',
    status: 500,
    balance: '1',
  })
  await expectBalance(world, buyer.key, '1')
  expect(await earnedBy(world, seller.key)).toBe(0n)
})

test('a new price is a new version; a pinned version and a quote made before keep the old one', async () => {
  const { id, endpointId } = await publishTides('tides-priced')
  const order = { endpoint_id: endpointId, arguments: TIDE }
  const { quote } = await use('get_pricing', order)

  const changed = await sell('PATCH', `/v1/listings/${id}`, {
    endpoints: [{ slug: 'high-water', price: { model: 'per_call', amount: '0.1' } }],
  })
  expect(changed.json).toMatchObject({ endpoints: [{ endpoint_id: endpointId, version: 2 }] })

  const old = { amount: '0.001234567', fee: '0.000061729', total: '0.001296296' }
  const pinned = await use('call_api', { ...order, version: 1 })
  expect(pinned).toMatchObject({ version: 1, charge: old, balance: '0.998703704' })
  const promised = await use('call_api', { ...order, quote_id: (quote as Result).quote_id })
  expect(promised).toMatchObject({ version: 1, charge: old, balance: '0.997407408' })
  const again = await use('call_api', { ...order, quote_id: (quote as Result).quote_id })
  expect(again).toMatchObject({ isError: true, code: 'quote_used' })

  // Who names neither gets the new price, unless it is above what they would pay.
  const capped = await use('call_api', { ...order, max_price: '0.1' })
  expect(capped).toMatchObject({ isError: true, code: 'price_exceeds_max', max_total: '0.105' })
  const latest = await use('call_api', order)
  expect(latest).toMatchObject({ version: 2, charge: { total: '0.105' }, balance: '0.892407408' })
  expect(await earnedBy(world, seller.key)).toBe(2n * 1_234_567n + 100_000_000n)
})

test('a paused listing is not sold, whatever was quoted, until it is published again', async () => {
  const { id, endpointId } = await publishTides('tides-paused')
  const order = { endpoint_id: endpointId, arguments: TIDE }
  const { quote } = await use('get_pricing', order)
  const paid = { ...order, idempotency_key: 'before the pause' }
  const bought = await use('call_api', paid)

  await sell('POST', `/v1/listings/${id}/pause`)
  expect(await idsFound('high water of harbours')).not.toContain(endpointId)
  const quoted = { ...order, quote_id: (quote as Result).quote_id }
  for (const refused of [order, { ...order, version: 1 }, quoted]) {
    expect(await use('call_api', refused)).toMatchObject({ isError: true, code: 'listing_changed' })
  }
  const overRest = await world.rest('POST', '/v1/calls', buyer.key, order)
  expect(overRest).toMatchObject({ status: 409, json: { code: 'listing_changed' } })
  // What was bought before stays what it was.
  expect(await use('call_api', paid)).toEqual({ ...bought, idempotent_replay: true })

  await sell('POST', `/v1/listings/${id}/publish`)
  expect(await use('call_api', quoted)).toMatchObject({ outcome: 'charged' })
})

test('an OpenAPI document becomes a draft, gets its credential, is published and sells', async () => {
  const imported = await sell('POST', '/v1/listings/import', {
    document: gaugesDocument(),
    price: { model: 'per_call', amount: '0.002' },
  })
  expect(imported.status, imported.text).toBe(201)
  expect(imported.json).toMatchObject({
    slug: 'river-gauges',
    status: 'draft',
    credential: { type: 'query', name: 'token', set: false },
    warnings: [],
  })
  const [endpoint] = imported.json.endpoints as { endpoint_id: string; input_schema: Result }[]
  expect(endpoint!.input_schema).toMatchObject({
    required: ['river'],
    properties: { river: { 'x-in': 'path' }, days: { 'x-in': 'query', maximum: 30 } },
  })

  const path = `/v1/listings/${imported.json.id}`
  const tooEarly = await sell('POST', `${path}/publish`)
  expect(tooEarly.status).toBe(400)
  expect(tooEarly.json.action).toContain('credential')
  const credential = { type: 'query', name: 'token', value: SECRET }
  const unlocked = await sell('PUT', `${path}/credential`, credential)
  expect(unlocked.json.credential).toEqual({ type: 'query', name: 'token', set: true })
  expect(unlocked.text).not.toContain(SECRET)
  expect((await sell('POST', `${path}/publish`)).json.status).toBe('published')

  const order = { endpoint_id: endpoint!.endpoint_id, arguments: { river: 'Elbe', days: 3 } }
  world.upstream.answerWith(answerJson(200, { cm: [412, 409, 401] }))
  expect(await idsFound('water level of a river')).toContain(order.endpoint_id)
  const wrong = await use('call_api', { ...order, arguments: { days: 99 } })
  expect(wrong).toMatchObject({ isError: true, code: 'invalid_arguments' })
  expect(await use('call_api', order)).toMatchObject({
    outcome: 'charged',
    body: { cm: [412, 409, 401] },
    charge: { amount: '0.002', fee: '0.0001', total: '0.0021' },
  })
  const [seen] = world.upstream.requests
  expect(seen!.url).toBe(`/rivers/Elbe/level?days=3&token=${SECRET}`)
  expect(await earnedBy(world, seller.key)).toBe(2_000_000n)
})

function sell(method: string, path: string, body?: unknown): Promise<Answered> {
  return world.rest(method, path, seller.key, body)
}

function use(tool: string, args: Result): Promise<Result> {
  return world.tool(buyer.key, tool, args)
}

async function idsFound(query: string): Promise<unknown[]> {
  const { results } = await use('browse_apis', { query, limit: 20 })
  return (results as Result[]).map(({ endpoint_id }) => endpoint_id)
}

async function publishTides(slug: string): Promise<{ id: string; endpointId: string }> {
  const { json } = await sell('POST', '/v1/listings', tides(slug))
  expect((await sell('POST', `/v1/listings/${json.id}/publish`)).status).toBe(200)
  return { id: json.id as string, endpointId: `${slug}.high-water` }
}

function tides(slug: string): Result {
  return {
    slug,
    title: 'Tide tables',
    description: 'Times of high water in the harbours of the North Sea.',
    category: 'weather',
    backend: { type: 'http', base_url: world.upstream.baseUrl },
    credential: { type: 'header', name: 'x-station-key', value: SECRET },
    endpoints: [
      {
        slug: 'high-water',
        title: 'High water of harbours',
        description: 'When it is high water in a harbour on a day.',
        method: 'GET',
        path: '/harbours/{harbour}/tides',
        input_schema: {
          type: 'object',
          required: ['harbour'],
          properties: { harbour: { type: 'string' }, day: { type: 'string', format: 'date' } },
        },
        example: { arguments: { harbour: 'Husum' } },
        price: { model: 'per_call', amount: '0.001234567' },
      },
    ],
  }
}

function gaugesDocument(): Result {
  const parameters = [
    { name: 'river', in: 'path', required: true, schema: { type: 'string' } },
    { name: 'days', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 30 } },
  ]
  return {
    openapi: '3.1.0',
    info: { title: 'River gauges', version: '1', description: 'Water levels of rivers.' },
    servers: [{ url: world.upstream.baseUrl }],
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'apiKey', in: 'query', name: 'token' } } },
    paths: {
      '/rivers/{river}/level': {
        get: {
          operationId: 'riverLevel',
          summary: 'Water level of a river',
          description: 'The water level of a river on the latest days, in centimetres.',
          parameters,
          responses: { 200: { description: 'Levels, latest first.' } },
        },
      },
    },
  }
}

test('a seller whose API wants OAuth gives client credentials, which never reach the API', async () => {
  const secret = 'client-secret-of-the-harbour'
  const tokens: string[] = []
  world.upstream.answerWith((req, res) => {
    if (req.url === '/token') {
      const access_token = `token-number-${tokens.push('') - 1}-of-the-harbour`
      answerJson(200, { access_token, token_type: 'Bearer', expires_in: 3600 })(req, res)
      return
    }
    // The first token was revoked meanwhile.
    const isGood = req.headers.authorization === 'Bearer token-number-1-of-the-harbour'
    answerJson(isGood ? 200 : 401, { got: req.headers.authorization })(req, res)
  })
  const credential = {
    type: 'oauth2_client_credentials',
    token_url: `${world.upstream.baseUrl}/token`,
    client_id: 'harbour',
    client_secret: secret,
  }
  const listing = await sell('POST', '/v1/listings', { ...tides('tides-oauth'), credential })
  expect(listing.status, listing.text).toBe(201)
  expect(listing.text).not.toContain(secret)
  await sell('POST', `/v1/listings/${listing.json.id}/publish`)
  const bought = await use('call_api', { endpoint_id: 'tides-oauth.high-water', arguments: TIDE })
  expect(bought).toMatchObject({ outcome: 'charged', status: 200 })
  expect(JSON.stringify(bought)).not.toMatch(/client-secret|token-number/)
  expect(tokens).toHaveLength(2)
  const calls = world.upstream.requests.filter(({ url }) => url !== '/token')
  expect(JSON.stringify(calls)).not.toContain(secret)

  const away = { ...credential, token_url: 'http://169.254.169.254/token' }
  const refused = await sell('POST', '/v1/listings', { ...tides('tides-away'), credential: away })
  expect(refused.status).toBe(400)
  expect(refused.json.message).toContain('credential.token_url')
})
