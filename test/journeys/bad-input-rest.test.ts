/** Whatever a stranger sends to /v1: a coded refusal, no charge, nothing lost, the process lives. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ProblemCode, problems } from '#core/problem'
import { badMessages, expectRefusedBytes } from '../support/bad-bytes.js'
import { badListings } from '../support/bad-listings.js'
import { aBazaar, type Bazaar, type Face, restFace } from '../support/bazaar.js'
import { failingUpstreams, SHORT_TIME } from '../support/failing-upstreams.js'
import { expectRefusal, PROBLEM, refusals } from '../support/refusals.js'
import { NARROW, refusalsAtTheHold } from '../support/refusals-at-the-hold.js'
import type { Answered, Json } from '../support/world.js'

let bazaar: Bazaar
let face: Face

beforeAll(async () => {
  bazaar = await aBazaar({ ...NARROW, ...SHORT_TIME })
  face = restFace(bazaar.world)
})

beforeEach(() => bazaar.calm())

afterAll(async () => {
  expect(await bazaar.buy(bazaar.buyer.key, bazaar.order())).toMatchObject({ outcome: 'charged' })
  await bazaar.world.close()
})

describe('refused before anything is sent', () => {
  test.each(refusals)('$name: $code', (row) => expectRefusal(bazaar, face, row))
})

describe('refused because something is used up', () => {
  test.each(refusalsAtTheHold)('$name: $code', (row) => expectRefusal(bazaar, face, row))
})

describe('refunded', () => {
  test.each(failingUpstreams)('$name: $code', (row) => expectRefusal(bazaar, face, row))

  test.each(['123456789012345678901234567890', '1e99', '1e400', '100.000000001'])(
    'a metered quantity of %s is charged at the maximum',
    async (words) => {
      const price = { model: 'per_unit', unit: 'word', amount: '0.0001', quantity: '/words' }
      const { endpointId } = await bazaar.sell({ price: { ...price, max_quantity: 100 } })
      bazaar.world.upstream.answerWith((_req, res) => void res.end(`{"words":${words}}`))
      const bought = await bazaar.buy(bazaar.buyer.key, bazaar.order({ endpoint_id: endpointId }))
      expect(bought).toMatchObject({ outcome: 'charged', charge: { total: '0.0105' } })
    },
  )
})

describe('refused unread', () => {
  test.each(badMessages)('$name: $code', (row) => expectRefusedBytes(bazaar, face, row))
})

describe('the long way, through express', () => {
  const long = () => restFace(bazaar.world, 'long')

  test.each(refusals)('$name: $code', (row) => expectRefusal(bazaar, long(), row))

  test.each(refusalsAtTheHold)('$name: $code', (row) => expectRefusal(bazaar, long(), row))

  test.each(badMessages)('$name: $code', (row) => expectRefusedBytes(bazaar, long(), row))
})

function expectProblem({ status, headers, json }: Answered, code: ProblemCode, says: Json = {}) {
  expect(json).toMatchObject({
    code,
    status: problems[code].status,
    trace_id: expect.stringMatching(/^trc_/),
    detail: json.message,
    title: problems[code].title,
    ...PROBLEM,
    ...says,
  })
  expect(status).toBe(problems[code].status)
  expect(headers.get('content-type')).toBe('application/problem+json')
}

describe('listings that cannot be sold', () => {
  beforeAll(async () => {
    await bazaar.world.listing(bazaar.seller, { slug: 'listed' })
  })

  let listings = 0
  const listing = ({ listing = {}, endpoint = {} }: { listing?: Json; endpoint?: Json }) => ({
    slug: `bad-listing-${++listings}`,
    title: 'Bad listing',
    description: 'Never listed.',
    category: 'search',
    backend: { type: 'http', base_url: bazaar.world.upstream.baseUrl },
    credential: { type: 'header', name: 'x-api-key', value: 'long-enough-1' },
    endpoints: [
      {
        slug: 'search',
        title: 'Search',
        description: 'Searches.',
        method: 'GET',
        path: '/search/{space}',
        input_schema: {
          type: 'object',
          required: ['space'],
          properties: { space: { type: 'string' } },
        },
        price: { model: 'per_call', amount: '0.001' },
        ...endpoint,
      },
    ],
    ...listing,
  })

  test.each(badListings)('$name: $code', async (row) => {
    const { world, seller } = bazaar
    const reached = world.upstream.requests.length
    const { json: before } = await world.rest('GET', '/v1/listings', seller.key)
    const answered = await world.rest('POST', '/v1/listings', seller.key, listing(row))
    expectProblem(answered, row.code)
    expect((await world.rest('GET', '/v1/listings', seller.key)).json).toEqual(before)
    expect(world.upstream.requests.length).toBe(reached)
  })

  test('a good listing is refused when a change would make it a bad one', async () => {
    const { world, seller, wiki } = bazaar
    const change = (method: string, path: string, body: unknown) =>
      world.rest(method, `/v1/listings/${wiki.id}${path}`, seller.key, body)
    const inward = { type: 'http', base_url: 'https://169.254.169.254' }
    const pattern = { type: 'object', properties: { q: { pattern: '(?=a)' } } }
    for (const answered of [
      await change('PATCH', '', { backend: inward }),
      await change('PATCH', '', { endpoints: [{ slug: 'search', path: '/../x' }] }),
      await change('PATCH', '', { endpoints: [{ slug: 'search', input_schema: pattern }] }),
      await change('PATCH', '', { slug: 'other' }),
      await change('PUT', '/credential', { type: 'header', name: 'lang', value: 'long-enough-1' }),
      await change('PUT', '/credential', { type: 'bearer', token: 'short' }),
    ]) {
      expectProblem(answered, 'invalid_request')
    }
    expect(await bazaar.buy(bazaar.buyer.key, bazaar.order())).toMatchObject({ version: 1 })
  })

  test.each([
    'https://169.254.169.254/openapi.json',
    'http://127.0.0.1:1/',
    'file:///etc/passwd',
    'x',
  ])('an import from %s: invalid_request', async (url) => {
    const { world, seller } = bazaar
    const price = { model: 'per_call', amount: '0.001' }
    const body = { url, slug: 'imported', price }
    expectProblem(
      await world.rest('POST', '/v1/listings/import', seller.key, body),
      'invalid_request',
    )
  })

  test.each([[], null, 1, '', 'swagger: 2', {}, { openapi: '3.1.0' }, '['.repeat(500)])(
    'an import of the document %j: invalid_request',
    async (document) => {
      const { world, seller } = bazaar
      const price = { model: 'per_call', amount: '0.001' }
      const body = { document, slug: 'imported', price }
      expectProblem(
        await world.rest('POST', '/v1/listings/import', seller.key, body),
        'invalid_request',
      )
    },
  )
})

describe('bodies, addresses and ids', () => {
  /** Every operation of the description, its ids filled in, with a key that may use it. */
  async function operations() {
    const { json } = await bazaar.world.rest('GET', '/openapi.json', undefined)
    const paths = json.paths as Record<string, Record<string, { requestBody?: unknown }>>
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { requestBody }]) => ({
        method: method.toUpperCase(),
        path,
        takesBody: requestBody !== undefined,
      })),
    )
  }

  test('a body of the wrong type is refused by every route that takes one', async () => {
    const { world, seller, wiki } = bazaar
    for (const { method, path, takesBody } of await operations()) {
      if (!takesBody) continue
      const isOperators = /^\/v1\/(accounts|invites|operator|admin)\b/.test(path)
      const key = isOperators ? world.operatorKey : seller.key
      const id = path.startsWith('/v1/accounts') ? seller.id : wiki.id
      for (const body of [[], [1], null, 1, true, '"text"', { no_such_field: 1 }]) {
        const answered = await world.rest(method, path.replace('{id}', id), key, body ?? 'null')
        expect(answered.json, `${method} ${path} ${JSON.stringify(body)}`).toMatchObject({
          code: 'invalid_request',
        })
        expectProblem(answered, 'invalid_request')
      }
    }
  })

  test.each([
    ['POST', '/v1/accounts', { name: '' }, 'invalid_request'],
    ['POST', '/v1/accounts', { name: '\u202e<b></b>' }, 'invalid_request'],
    ['POST', '/v1/accounts', { name: 7 }, 'invalid_request'],
    ['POST', '/v1/accounts', { name: 'x', slug: 'Not A Slug' }, 'invalid_request'],
    ['POST', '/v1/accounts', { name: 'x', slug: 'taken' }, 'slug_taken'],
    ['POST', '/v1/accounts', { name: 'x', limits: { day: 1 } }, 'invalid_request'],
    ['PATCH', '/v1/accounts/acct_x', { limits: {} }, 'account_not_found'],
    ['PATCH', '/v1/accounts/$BUYER', {}, 'invalid_request'],
    ['PATCH', '/v1/accounts/$BUYER', { limits: { year: '1' } }, 'invalid_request'],
    ['PATCH', '/v1/accounts/$BUYER', { limits: { day: '-1' } }, 'invalid_request'],
    ['PATCH', '/v1/accounts/$BUYER', { limits: {}, name: 'x' }, 'invalid_request'],
    ['POST', '/v1/accounts/acct_x/grants', { amount: '1', reason: 'x' }, 'account_not_found'],
    ...[1, '0', '-1', 'abc', '1e30', '0.0000000001', '99999999999', null].map((amount) => [
      'POST',
      '/v1/accounts/$BUYER/grants',
      { amount, reason: 'x' },
      'invalid_request',
    ]),
    ['POST', '/v1/keys', { name: 'x', scopes: [] }, 'invalid_request'],
    ['POST', '/v1/keys', { name: 'x', scopes: ['root'] }, 'invalid_request'],
    ...['-1', 1, '1e3', 'abc', '0.0000000001'].map((day) => [
      'POST',
      '/v1/keys',
      { name: 'x', scopes: ['call'], limits: { day } },
      'invalid_request',
    ]),
    ['POST', '/v1/keys', { name: 'x', scopes: ['call'], limits: { year: '1' } }, 'invalid_request'],
    ...['2001-01-01', 'soon', 1, '2099-99-99'].map((expires_at) => [
      'POST',
      '/v1/keys',
      { name: 'x', scopes: ['call'], expires_at },
      'invalid_request',
    ]),
  ] as [string, string, Json, ProblemCode][])('%s %s %j: %s', async (method, path, body, code) => {
    const { world, buyer } = bazaar
    await world.rest('POST', '/v1/accounts', world.operatorKey, { name: 'Taken', slug: 'taken' })
    const before = await bazaar.state()
    const answered = await world.rest(
      method,
      path.replace('$BUYER', buyer.id),
      world.operatorKey,
      body,
    )
    expectProblem(answered, code)
    expect(await bazaar.state()).toEqual(before)
  })

  test('a key gives no more than it has', async () => {
    const { world, buyer, key } = bazaar
    const limits = { call: '1', day: '1', month: '1', lifetime: '1' }
    const parent = await key(buyer, {
      scopes: ['manage', 'read'],
      limits,
      expires_at: '2090-01-01T00:00:00Z',
    })
    const make = (terms: Json) =>
      world.rest('POST', '/v1/keys', parent.key, { name: 'x', scopes: ['read'], ...terms })
    expectProblem(await make({ scopes: ['call'] }), 'insufficient_scope')
    expectProblem(await make({ expires_at: '2091-01-01T00:00:00Z' }), 'invalid_request')
    for (const limit of Object.keys(limits)) {
      expectProblem(await make({ limits: { [limit]: '1.000000001' } }), 'invalid_request')
    }
    const above = (await world.rest('GET', '/v1/me', buyer.key)).json.key as { id: string }
    expectProblem(await world.rest('DELETE', `/v1/keys/${above.id}`, parent.key), 'key_not_found')
  })

  test('a route refuses a key without its scope, and what is the operator’s', async () => {
    const { world, buyer, key, wiki } = bazaar
    const caller = await key(buyer, { scopes: ['call'] })
    for (const { method, path } of await operations()) {
      const isSelling = path.startsWith('/v1/listings') || path === '/v1/earnings'
      const isOperators = path.startsWith('/v1/accounts') || path.startsWith('/v1/operator')
      if (!isSelling && !isOperators && !path.startsWith('/v1/keys')) continue
      const answered = await world.rest(method, path.replace('{id}', wiki.id), caller.key)
      expectProblem(answered, isOperators ? 'forbidden' : 'insufficient_scope')
    }
  })

  test('a route that wants a key refuses nobody’s request, whatever the address', async () => {
    for (const { method, path } of await operations()) {
      // Whoever signs up has no key yet.
      if (!path.startsWith('/v1/') || path === '/v1/sign-ups') continue
      const answered = await bazaar.world.rest(method, path.replace('{id}', 'x'), undefined)
      expectProblem(answered, 'unauthenticated')
      expect(answered.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
  })

  test.each(['/', '/v1', '/v2/calls', '/v1/nothing', '/v1/calls/x/y', '/.env', '/v1/../etc', '//'])(
    'nothing is at %s',
    async (path) => {
      expectProblem(await bazaar.world.rest('GET', path, bazaar.buyer.key), 'not_found')
    },
  )

  test.each([
    ['DELETE', '/v1/calls'],
    ['GET', '/v1/quotes'],
    ['PUT', '/v1/listings'],
    ['POST', '/v1/usage'],
    ['OPTIONS', '/v1/me'],
  ])('%s is no method of %s', async (method, path) => {
    const answered = await bazaar.world.rest(method, path, bazaar.buyer.key)
    expectProblem(answered, 'method_not_allowed')
    expect(answered.headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
  })

  test.each(['/v1/calls/%ff', '/v1/endpoints/%E0%A4%A', '/v1/receipts/%'])(
    '%s does not decode: invalid_request',
    async (path) => {
      expectProblem(await bazaar.world.rest('GET', path, bazaar.buyer.key), 'invalid_request')
    },
  )

  test('a parameter that is there twice, or is no parameter, is refused', async () => {
    for (const query of [
      'limit=1&limit=2',
      'query=a&query=b',
      'query[a]=1',
      '__proto__=1',
      'x=1',
    ]) {
      const answered = await bazaar.world.rest('GET', `/v1/endpoints?${query}`, bazaar.buyer.key)
      expectProblem(answered, 'invalid_request')
    }
  })

  test('an idempotency key of 256 characters in the header is refused', async () => {
    const { world, buyer, order } = bazaar
    const headers = { 'idempotency-key': 'x'.repeat(256) }
    const before = await bazaar.state()
    expectProblem(
      await world.rest('POST', '/v1/calls', buyer.key, order(), headers),
      'invalid_request',
    )
    expect(await bazaar.state()).toEqual(before)
  })
})
