/** Probes of listings, with a seller's server that does what it is told, and a clock to turn. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type ACatalogue,
  aCatalogue,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import {
  answerJson,
  type Json,
  type ScriptedUpstream,
  scriptedUpstream,
} from '../../test/support/world.js'

const MINUTE_MS = 60 * 1_000
const EVERY_MS = 15 * MINUTE_MS

let world: ACatalogue
let upstream: ScriptedUpstream
let events: string[]
let hasRoom: boolean

beforeAll(async () => {
  world = await aCatalogue()
  upstream = await scriptedUpstream()
  world.upstreams.allowHost(new URL(upstream.baseUrl).host)
})

beforeEach(async () => {
  for (const { id } of await world.store.db('listings').whereNot({ status: 'retired' })) {
    await world.catalogue.retire(world.sellerId, id)
  }
  upstream.requests.length = 0
  upstream.answerWith(answerJson(200, { ok: true }))
  events = []
  hasRoom = true
})

afterAll(async () => {
  await upstream.close()
  await world.close()
})

let listings = 0

async function onSale(changes: Json = {}) {
  const slug = `wiki-${++listings}`
  const backend = { type: 'http', base_url: upstream.baseUrl }
  const input = aListing({ slug, backend, ...changes } as Parameters<typeof aListing>[0])
  const { listing } = await world.catalogue.create(world.sellerId, input)
  await world.catalogue.publish(world.sellerId, listing.id)
  return { id: listing.id, slug, endpointId: `${slug}.search` }
}

async function look(): Promise<void> {
  await world.catalogue.lookAtHealth({
    hasRoom: async () => hasRoom,
    report: {
      probed: ({ endpointId, finding }) => events.push(`${endpointId} ${finding}`),
      listingPaused: ({ listing }) => events.push(`${listing} paused`),
      listingResumed: ({ listing }) => events.push(`${listing} resumed`),
    },
    signal: new AbortController().signal,
  })
  await world.catalogue.flushStandings()
}

/** Looks every minute, as the timetable would more often. */
async function lookFor(minutes: number): Promise<void> {
  for (let i = 0; i < minutes; i++) {
    world.clock.advance(MINUTE_MS)
    await look()
  }
}

function aCall(endpointId: string, delivered: boolean, buyerId = 'acct_1'): Promise<void> {
  const { catalogue, clock } = world
  catalogue.observe({ endpointId, delivered, latencyMs: 20, atMs: clock.now(), buyerId })
  return catalogue.flushStandings()
}

const listingOf = async (id: string) => (await world.catalogue.own(world.sellerId, id)).listing
const statusOf = async (id: string) => (await listingOf(id)).status
const healthOf = async (endpointId: string) => (await world.catalogue.describe(endpointId)).health

async function isFound(slug: string): Promise<boolean> {
  const { results } = await world.catalogue.browse({ query: slug, limit: 20 })
  return results.some(({ endpoint_id }) => endpoint_id.startsWith(`${slug}.`))
}

const urls = () => upstream.requests.map(({ method, url }) => `${method} ${url}`)

const metered = { model: 'per_unit', unit: 'word', amount: '1', quantity: '/n', max_quantity: 9 }

describe('a probe', () => {
  test('is sent once an interval, with the example and the credential, and is measured', async () => {
    const { endpointId } = await onSale({
      credential: { type: 'header', name: 'x-api-key', value: 'the-secret' },
      endpoints: [anEndpoint({ example: { arguments: { q: 'tea' } } })],
    })
    await lookFor(75)
    expect(upstream.requests.length).toBeGreaterThanOrEqual(4)
    expect(upstream.requests.length).toBeLessThanOrEqual(5)
    const [first] = upstream.requests
    expect(first).toMatchObject({
      ...{ method: 'GET', url: '/search?q=tea' },
      headers: { 'x-api-key': 'the-secret' },
    })
    expect(await healthOf(endpointId)).toEqual({
      uptime: 1,
      latency_ms_p50: expect.any(Number),
      latency_ms_p95: expect.any(Number),
      checked_at: expect.stringMatching(/^2026-/),
    })
  })

  test('is not sent as soon as something is published, nor while calls tell the same', async () => {
    const { endpointId } = await onSale()
    await lookFor(4)
    for (let i = 0; i < 8; i++) {
      await aCall(endpointId, true)
      await lookFor(5)
    }
    expect(urls()).toEqual([])
  })

  test('goes to each harmless endpoint in its turn, and to no other', async () => {
    const required = { type: 'object', required: ['q'], properties: { q: { type: 'string' } } }
    await onSale({
      endpoints: [
        anEndpoint({ slug: 'a', path: '/a' }),
        anEndpoint({ slug: 'b', path: '/b', method: 'POST' }),
        anEndpoint({ slug: 'c', path: '/c', price: metered }),
        anEndpoint({ slug: 'd', path: '/d', input_schema: required }),
        anEndpoint({ slug: 'e', path: '/e', method: 'HEAD' }),
        anEndpoint({ slug: 'f', path: '/f', requires_approval: true }),
      ],
    })
    await lookFor(75)
    expect(urls().slice(0, 4)).toEqual(['GET /a', 'HEAD /e', 'GET /a', 'HEAD /e'])
  })

  test('goes where and when the seller says, metered or not, or nowhere', async () => {
    const endpoints = [anEndpoint(), anEndpoint({ slug: 'count', path: '/count', price: metered })]
    const { id } = await onSale({ endpoints, probe: { endpoint: 'count', every_minutes: 5 } })
    await lookFor(46)
    expect(new Set(urls())).toEqual(new Set(['GET /count']))
    expect(urls().length).toBeGreaterThanOrEqual(5)
    await world.catalogue.change(world.sellerId, id, { probe: { every_minutes: 1440 } })
    upstream.requests.length = 0
    await lookFor(30)
    expect(urls()).toEqual(['GET /search'])
    await world.catalogue.change(world.sellerId, id, { probe: 'off' })
    upstream.requests.length = 0
    await lookFor(31)
    expect(urls()).toEqual([])
  })

  test.each([['page'], ['post']])('is refused for the endpoint %s', async (endpoint) => {
    const endpoints = [anEndpoint(), anEndpoint({ slug: 'post', method: 'POST' })]
    const refusal = { code: 'invalid_request', message: expect.stringContaining('probe.endpoint') }
    await expect(onSale({ endpoints, probe: { endpoint } })).rejects.toMatchObject(refusal)
    const { id } = await onSale({ endpoints })
    const patch = { probe: { endpoint } }
    const changed = world.catalogue.change(world.sellerId, id, patch)
    await expect(changed).rejects.toMatchObject(refusal)
  })

  test('asks only for what changed, and "not modified" is an answer then, and only then', async () => {
    upstream.answerWith((req: IncomingMessage, res: ServerResponse) => {
      if (req.headers['if-none-match'] === '"v1"') return res.writeHead(304).end()
      return answerJson(200, {}, { etag: '"v1"', 'last-modified': LAST_MODIFIED })(req, res)
    })
    const { endpointId } = await onSale()
    await lookFor(35)
    expect(upstream.requests.map(({ headers }) => headers['if-none-match']).slice(0, 2)).toEqual([
      undefined,
      '"v1"',
    ])
    expect(upstream.requests[1]!.headers['if-modified-since']).toBe(LAST_MODIFIED)
    expect(await healthOf(endpointId)).toMatchObject({ uptime: 1 })
    upstream.answerWith((_, res) => res.writeHead(304).end())
    const odd = await onSale()
    await lookFor(21)
    expect(await healthOf(odd.endpointId)).toMatchObject({ uptime: 0 })
  })

  test('takes "not modified" for nothing after an answer that broke the success rule', async () => {
    upstream.answerWith((req: IncomingMessage, res: ServerResponse) => {
      if (req.headers['if-none-match'] !== undefined) return res.writeHead(304).end()
      return answerJson(200, { errors: [] }, { etag: '"v1"' })(req, res)
    })
    const success = { status: '2xx', must_not_exist: '/errors' }
    const { endpointId } = await onSale({ endpoints: [anEndpoint({ success })] })
    await lookFor(35)
    expect(upstream.requests.length).toBeGreaterThan(1)
    expect(await healthOf(endpointId)).toMatchObject({ uptime: 0 })
  })

  test('steps aside while the listing is busy', async () => {
    await onSale()
    hasRoom = false
    await lookFor(31)
    expect(urls()).toEqual([])
    hasRoom = true
    await lookFor(21)
    expect(urls()).not.toEqual([])
  })

  test.each([404, 422, 429])('with the answer %i says nothing of the provider', async (status) => {
    upstream.answerWith(answerJson(status, {}))
    const { endpointId, id } = await onSale()
    await lookFor(60)
    expect(upstream.requests.length).toBeGreaterThan(2)
    expect(await healthOf(endpointId)).toMatchObject({ uptime: null })
    expect(await statusOf(id)).toBe('published')
  })

  test('goes to one host at most twice a round, and every listing has its turn', async () => {
    for (let i = 0; i < 12; i++) await onSale()
    world.clock.advance(2 * EVERY_MS)
    await look()
    expect(upstream.requests).toHaveLength(2)
    for (let i = 0; i < 40; i++) {
      world.clock.advance(30_000)
      await look()
    }
    expect(new Set(events)).toHaveProperty('size', 12)
  })

  test('is sent by one of two gateways that look at once', async () => {
    await onSale()
    world.clock.advance(2 * EVERY_MS)
    await Promise.all([look(), look(), look()])
    expect(upstream.requests).toHaveLength(1)
  })
})

const LAST_MODIFIED = 'Wed, 14 Jan 2026 12:00:00 GMT'

describe('a listing that keeps failing', () => {
  test('is paused with a notice, found and sold no more, and comes back when it works', async () => {
    const { id, slug, endpointId } = await onSale()
    upstream.answerWith(answerJson(503, {}))
    await lookFor(40)
    expect(events.filter((event) => event.includes('paused'))).toEqual([`${slug} paused`])
    const { status, notice } = await listingOf(id)
    expect(status).toBe('paused')
    expect(notice).toMatchObject({ code: 'health', detail: expect.stringContaining('503') })
    expect(await isFound(slug)).toBe(false)
    await expect(world.catalogue.offer(endpointId)).rejects.toMatchObject({
      code: 'listing_changed',
      message: expect.stringContaining('its provider kept failing'),
    })
    expect(await healthOf(endpointId)).toMatchObject({ uptime: 0 })
    upstream.answerWith(answerJson(200, {}))
    await lookFor(60)
    expect(await listingOf(id)).toMatchObject({ status: 'published', notice: null })
    expect(await isFound(slug)).toBe(true)
    expect(await world.catalogue.offer(endpointId)).toMatchObject({ version: 1 })
  })

  test('is paused within a quarter of an hour of the first call that failed', async () => {
    const { id, endpointId } = await onSale({ probe: { every_minutes: 1440 } })
    upstream.answerWith(answerJson(500, {}))
    await aCall(endpointId, false)
    await lookFor(16)
    expect(await statusOf(id)).toBe('paused')
  })

  test.each([401, 403])('with %i, which no buyer can mend, is paused, too', async (status) => {
    const { id } = await onSale()
    upstream.answerWith(answerJson(status, {}))
    await lookFor(40)
    expect(await statusOf(id)).toBe('paused')
  })

  test('only for some buyers stays on sale as long as its own example works', async () => {
    const { id, endpointId } = await onSale()
    for (let i = 0; i < 30; i++) {
      await aCall(endpointId, false, `acct_${i}`)
      await lookFor(1)
    }
    expect(await statusOf(id)).toBe('published')
    expect(urls()).not.toEqual([])
  })

  test('now and then stays on sale', async () => {
    const { id, endpointId } = await onSale({ endpoints: [anEndpoint({ method: 'POST' })] })
    for (let i = 0; i < 60; i++) {
      await aCall(endpointId, i % 5 === 0, `acct_${i % 3}`)
      await lookFor(1)
    }
    expect(await statusOf(id)).toBe('published')
  })

  test('and cannot be probed is paused when two accounts saw it, and is tried again', async () => {
    const { id, endpointId } = await onSale({ endpoints: [anEndpoint({ method: 'POST' })] })
    const fail = async (accounts: number) => {
      for (let i = 0; i < 16 && (await statusOf(id)) === 'published'; i++) {
        await aCall(endpointId, false, `acct_${i % accounts}`)
        await lookFor(1)
      }
    }
    await fail(1)
    expect(await statusOf(id)).toBe('published')
    await fail(2)
    expect(await statusOf(id)).toBe('paused')
    await lookFor(6)
    expect(await statusOf(id)).toBe('published')
    await fail(2)
    expect(await statusOf(id)).toBe('paused')
    await lookFor(6)
    expect(await statusOf(id)).toBe('paused')
    await lookFor(6)
    expect(await statusOf(id)).toBe('published')
    expect(urls()).toEqual([])
  })

  test('comes back at once when its seller publishes it, and is looked at when it is changed', async () => {
    const { id } = await onSale()
    upstream.answerWith(answerJson(500, {}))
    await lookFor(40)
    await world.catalogue.publish(world.sellerId, id)
    expect(await listingOf(id)).toMatchObject({ status: 'published', notice: null })
    await lookFor(40)
    expect(await statusOf(id)).toBe('paused')
    upstream.answerWith(answerJson(200, {}))
    await world.catalogue.change(world.sellerId, id, { title: 'Mended' })
    await look()
    expect(await statusOf(id)).toBe('published')
  })
})

describe('a pause of the seller', () => {
  test('is never lifted, also when the gateway had paused the listing before', async () => {
    const { id } = await onSale()
    upstream.answerWith(answerJson(500, {}))
    await lookFor(40)
    expect((await listingOf(id)).notice).not.toBeNull()
    await world.catalogue.pause(world.sellerId, id)
    upstream.answerWith(answerJson(200, {}))
    upstream.requests.length = 0
    await lookFor(60)
    expect(await listingOf(id)).toMatchObject({ status: 'paused', notice: null })
    expect(urls()).toEqual([])
  })

  test('that comes while a probe is on its way stands', async () => {
    const { id } = await onSale()
    upstream.answerWith(answerJson(500, {}))
    await lookFor(40)
    upstream.answerWith((req, res) => {
      void world.catalogue.pause(world.sellerId, id).then(() => answerJson(200, {})(req, res))
    })
    await lookFor(60)
    expect(await listingOf(id)).toMatchObject({ status: 'paused', notice: null })
  })
})

test('a clock that is set back by days stops no recovery and no probe, nor makes many', async () => {
  const { id } = await onSale()
  world.clock.advance(60 * 24 * 60 * MINUTE_MS)
  upstream.answerWith(answerJson(500, {}))
  await lookFor(40)
  expect(await statusOf(id)).toBe('paused')
  world.clock.advance(-60 * 24 * 60 * MINUTE_MS)
  upstream.answerWith(answerJson(200, {}))
  upstream.requests.length = 0
  await lookFor(31)
  expect(await statusOf(id)).toBe('published')
  expect([2, 3, 4]).toContain(urls().length)
})

test('what is a draft, paused or retired is not probed', async () => {
  const paused = await onSale()
  await world.catalogue.pause(world.sellerId, paused.id)
  const retired = await onSale()
  await world.catalogue.retire(world.sellerId, retired.id)
  const backend = { type: 'http' as const, base_url: upstream.baseUrl }
  await world.catalogue.create(world.sellerId, aListing({ slug: 'a-draft', backend }))
  await lookFor(31)
  expect(urls()).toEqual([])
})
