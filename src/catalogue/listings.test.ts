import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ACatalogue,
  aCatalogue,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import type { Json } from '../../test/support/world.js'
import { showListing } from './catalogue.js'
import { listingPatchSchema } from './listing-schema.js'
import type { ListingWithEndpoints } from './listings.js'

let world: ACatalogue
let slugs = 0

beforeAll(async () => {
  world = await aCatalogue()
})

afterAll(() => world.close())

async function listed(changes: Json = {}): Promise<ListingWithEndpoints> {
  return world.catalogue.create(world.sellerId, aListing({ slug: `shop-${++slugs}`, ...changes }))
}

const change = (id: string, patch: Json) =>
  world.catalogue.change(world.sellerId, id, listingPatchSchema.parse(patch))

const versionsOf = ({ endpoints }: ListingWithEndpoints) =>
  Object.fromEntries(endpoints.map(({ slug, version }) => [slug, version]))

const definitionsOf = (endpointId: string) =>
  world.store.db('endpoint_versions').where({ endpoint_id: endpointId }).orderBy('version')

const two = () => [anEndpoint(), anEndpoint({ slug: 'page', path: '/page' })]

describe('a version', () => {
  test('is 1 when an endpoint is listed', async () => {
    const made = await listed({ endpoints: two() })
    expect(versionsOf(made)).toEqual({ search: 1, page: 1 })
    expect(made.listing.status).toBe('draft')
  })

  test.each<[string, Json]>([
    ['price', { price: { model: 'per_call', amount: '0.002' } }],
    ['schema', { input_schema: { type: 'object', properties: { query: { type: 'string' } } } }],
    ['path', { path: '/v2/search' }],
    ['method', { method: 'POST' }],
    ['description', { description: 'Better.' }],
    ['success rule', { success: { status: [200] } }],
    ['need of approval', { requires_approval: true }],
  ])('is made anew by a change of the %s, and only for that endpoint', async (_, patch) => {
    const made = await listed({ endpoints: two() })
    const changed = await change(made.listing.id, { endpoints: [{ slug: 'search', ...patch }] })
    expect(versionsOf(changed)).toEqual({ search: 2, page: 1 })
  })

  test('is made anew for all endpoints by a change of the backend', async () => {
    const made = await listed({ endpoints: two() })
    const backend = { type: 'http', base_url: 'http://127.0.0.1:9002' }
    expect(versionsOf(await change(made.listing.id, { backend }))).toEqual({ search: 2, page: 2 })
  })

  test('is not made by what changes nothing, nor by a change of the listing alone', async () => {
    const made = await listed({ endpoints: two() })
    const { id } = made.listing
    const patches = [
      { endpoints: two() },
      { endpoints: [{ slug: 'search', price: { amount: '0.001', model: 'per_call' } }] },
      { backend: { type: 'http', base_url: 'http://127.0.0.1:9001/' } },
      { title: 'Renamed', description: 'New.', category: 'books', limits: { per_second: 1 } },
      {},
    ]
    for (const patch of patches) {
      expect(versionsOf(await change(id, patch)), JSON.stringify(patch)).toEqual({
        search: 1,
        page: 1,
      })
    }
    expect((await world.catalogue.own(world.sellerId, id)).listing).toMatchObject({
      title: 'Renamed',
      category: 'books',
      limits: { per_second: 1 },
    })
  })

  test('never changes once written, and can still be had', async () => {
    const made = await listed()
    const { id } = made.listing
    const { endpointId } = made.endpoints[0]!
    const [first] = await definitionsOf(endpointId)
    await world.catalogue.publish(world.sellerId, id)
    for (const amount of ['0.002', '0.003', '0.001']) {
      await change(id, { endpoints: [{ slug: 'search', price: { model: 'per_call', amount } }] })
    }
    const rows = await definitionsOf(endpointId)
    expect(rows.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n])
    expect(rows[0]).toEqual(first)
    const priceAt = async (version?: number) =>
      (await world.catalogue.describe(endpointId, version)).price
    expect(await priceAt(1)).toMatchObject({ amount: '0.001' })
    expect(await priceAt(3)).toMatchObject({ amount: '0.003' })
    expect(await priceAt()).toMatchObject({ amount: '0.001' })
    await expect(world.catalogue.describe(endpointId, 5)).rejects.toMatchObject({
      code: 'endpoint_not_found',
      action: 'Describe it without a version to see the latest.',
    })
  })
})

describe('a change', () => {
  test('adds endpoints that are new, and names what they lack', async () => {
    const made = await listed()
    const { id } = made.listing
    await expect(
      change(id, { endpoints: [{ slug: 'page', title: 'A page', method: 'GET' }] }),
    ).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'The new endpoint "page" lacks description, path, input_schema, price.',
    })
    const changed = await change(id, { endpoints: [anEndpoint({ slug: 'page' })] })
    expect(versionsOf(changed)).toEqual({ page: 1, search: 1 })
  })

  test('retires endpoints, keeps them on record, and brings one back as a new version', async () => {
    const made = await listed({ endpoints: two() })
    const { id } = made.listing
    await world.catalogue.publish(world.sellerId, id)
    const endpointId = made.endpoints.find(({ slug }) => slug === 'page')!.endpointId
    const retired = await change(id, { retire: ['page'] })
    expect(retired.endpoints.map(({ slug, status }) => ({ slug, status }))).toEqual([
      { slug: 'page', status: 'retired' },
      { slug: 'search', status: 'active' },
    ])
    await expect(world.catalogue.offer(endpointId)).rejects.toMatchObject({
      code: 'listing_changed',
    })
    expect((await world.catalogue.describe(endpointId)).status).toBe('retired')
    const back = await change(id, { endpoints: [{ slug: 'page' }] })
    expect(versionsOf(back)).toEqual({ page: 2, search: 1 })
    expect((await world.catalogue.offer(endpointId)).version).toBe(2)
  })

  test('that is refused leaves everything as it was', async () => {
    const made = await listed({ endpoints: two() })
    const { id } = made.listing
    const patches: Json[] = [
      { title: 'New', endpoints: [{ slug: 'search', path: '/{missing}' }] },
      { title: 'New', backend: { type: 'http', base_url: 'http://10.0.0.1' } },
      { title: 'New', endpoints: [anEndpoint(), anEndpoint()] },
      { title: 'New', retire: ['page', 'pages'] },
      {
        title: 'New',
        endpoints: [{ slug: 'page', input_schema: { type: 'object', $ref: 'http://x' } }],
      },
    ]
    for (const patch of patches) {
      await expect(change(id, patch), JSON.stringify(patch)).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
    expect(await world.catalogue.own(world.sellerId, id)).toEqual(made)
  })

  test('of a listing of someone else is listing_not_found, as of one that is none', async () => {
    const made = await listed()
    for (const [seller, id] of [
      ['acct_someone', made.listing.id],
      [world.sellerId, 'lst_nothing'],
    ] as const) {
      const told = {
        code: 'listing_not_found',
        message: 'There is no such listing of this account.',
      }
      const acts = [
        () => world.catalogue.own(seller, id),
        () => world.catalogue.change(seller, id, { title: 'Mine' }),
        () => world.catalogue.publish(seller, id),
        () => world.catalogue.pause(seller, id),
        () => world.catalogue.retire(seller, id),
        () => world.catalogue.setCredential(seller, id, { type: 'none' }),
        () => world.catalogue.probe(seller, id, {}),
      ]
      for (const act of acts) await expect(act()).rejects.toMatchObject(told)
    }
  })
})

describe('a new listing', () => {
  test('has a slug of its own in the whole gateway', async () => {
    await listed({ slug: 'only-one' })
    await expect(listed({ slug: 'only-one' })).rejects.toMatchObject({ code: 'slug_taken' })
    const attempts = [1, 2].map(() => listed({ slug: 'at-once' }))
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('that is refused leaves nothing behind', async () => {
    await expect(
      listed({
        slug: 'half',
        endpoints: [anEndpoint(), anEndpoint({ slug: 'bad', path: '/{x}' })],
      }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await world.store.db('listings').where({ slug: 'half' })).toEqual([])
    expect(await world.store.db('endpoints').where('endpoint_id', 'like', 'half.%')).toEqual([])
  })

  test('has each endpoint slug once', async () => {
    await expect(listed({ endpoints: [anEndpoint(), anEndpoint()] })).rejects.toMatchObject({
      message: 'The endpoint slug "search" is there twice.',
    })
  })

  test.each([
    ['a host inside', 'http://10.0.0.1'],
    ['a port that was not allowed', 'http://127.0.0.1:9003'],
    ['plain http', 'http://wiki.example'],
    ['a password', 'https://me:secret@wiki.example'],
    ['a query', 'https://wiki.example/?a=1'],
  ])('does not call %s', async (_, base_url) => {
    await expect(listed({ backend: { type: 'http', base_url } })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('a credential', () => {
  const credential = { type: 'header', name: 'x-api-key', value: 'a-secret-of-the-seller' }

  test('is shown by type and name only, and is sealed in the database', async () => {
    const made = await listed({ credential })
    expect(showListing(made).credential).toEqual({ type: 'header', name: 'x-api-key', set: true })
    expect(JSON.stringify(showListing(made))).not.toContain('a-secret')
    const row = await world.store.db('listings').where({ id: made.listing.id }).first()
    expect(row.credential_sealed.includes('a-secret')).toBe(false)
  })

  test('goes into the offer in clear, and nowhere else', async () => {
    const made = await listed({ credential })
    await world.catalogue.publish(world.sellerId, made.listing.id)
    const offer = await world.catalogue.offer(made.endpoints[0]!.endpointId)
    expect(offer.credential).toEqual(credential)
    const { endpointId } = made.endpoints[0]!
    expect(JSON.stringify(await world.catalogue.describe(endpointId))).not.toContain('a-secret')
    const page = await world.catalogue.browse({ limit: 20 })
    expect(JSON.stringify(page)).not.toContain('a-secret')
  })

  test('is for one host: after a move nothing is sold until it is given again', async () => {
    const made = await listed({ credential })
    const { id } = made.listing
    const { endpointId } = made.endpoints[0]!
    await world.catalogue.publish(world.sellerId, id)
    await change(id, { backend: { type: 'http', base_url: 'http://127.0.0.1:9002' } })
    const refusal = await world.catalogue.offer(endpointId).catch((error) => error)
    expect(refusal).toMatchObject({ code: 'listing_changed' })
    expect(refusal.action).not.toContain('without a version')
    await world.catalogue.setCredential(world.sellerId, id, {
      type: 'bearer',
      token: 'a-second-secret',
    })
    const offer = await world.catalogue.offer(endpointId)
    expect(offer).toMatchObject({ version: 2, credential: { token: 'a-second-secret' } })
    await expect(world.catalogue.offer(endpointId, 1)).rejects.toMatchObject({
      code: 'listing_changed',
      action: 'Call it without a version.',
    })
  })

  test('stays for another path on the same host', async () => {
    const made = await listed({ credential })
    await world.catalogue.publish(world.sellerId, made.listing.id)
    await change(made.listing.id, {
      backend: { type: 'http', base_url: 'http://127.0.0.1:9001/v2' },
    })
    expect((await world.catalogue.offer(made.endpoints[0]!.endpointId)).version).toBe(2)
  })

  test('is refused where an argument aims at its place', async () => {
    const input_schema = {
      type: 'object',
      properties: { q: { type: 'string', 'x-in': 'query' } },
    }
    const made = await listed({ endpoints: [anEndpoint({ input_schema })] })
    await expect(
      world.catalogue.setCredential(world.sellerId, made.listing.id, {
        type: 'query',
        name: 'q',
        value: 'a-secret-of-the-seller',
      }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('may take a place that only a retired endpoint aimed at, which then cannot come back', async () => {
    const input_schema = { type: 'object', properties: { token: { type: 'string' } } }
    const old = anEndpoint({ slug: 'old', path: '/old', input_schema })
    const { id } = (await listed({ endpoints: [anEndpoint(), old] })).listing
    await change(id, { retire: ['old'] })
    await world.catalogue.setCredential(world.sellerId, id, {
      type: 'query',
      name: 'token',
      value: 'a-secret-of-the-seller',
    })
    await expect(change(id, { endpoints: [{ slug: 'old' }] })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  test('shorter than 8 characters is refused', async () => {
    await expect(listed({ credential: { ...credential, value: '1234567' } })).rejects.toMatchObject(
      {
        code: 'invalid_request',
      },
    )
  })
})

describe('the status', () => {
  test('goes from draft to published to paused and back, and retired is the end', async () => {
    const made = await listed()
    const { id } = made.listing
    const { endpointId } = made.endpoints[0]!
    const { catalogue, sellerId } = world
    await expect(catalogue.offer(endpointId)).rejects.toMatchObject({ code: 'endpoint_not_found' })
    await expect(catalogue.describe(endpointId)).rejects.toMatchObject({
      code: 'endpoint_not_found',
    })
    await catalogue.publish(sellerId, id)
    expect((await catalogue.describe(endpointId)).status).toBeUndefined()
    await catalogue.pause(sellerId, id)
    await expect(catalogue.offer(endpointId)).rejects.toMatchObject({ code: 'listing_changed' })
    expect((await catalogue.describe(endpointId)).status).toBe('paused')
    await catalogue.publish(sellerId, id)
    await catalogue.offer(endpointId)
    await catalogue.retire(sellerId, id)
    await catalogue.retire(sellerId, id)
    for (const act of [catalogue.publish, catalogue.pause]) {
      await expect(act(sellerId, id)).rejects.toMatchObject({ code: 'listing_changed' })
    }
    expect((await catalogue.describe(endpointId)).status).toBe('retired')
  })

  test('of a draft that still needs its credential stays draft', async () => {
    const { catalogue, sellerId } = world
    const slot = { type: 'header', name: 'x-api-key' }
    const made = await catalogue.create(sellerId, aListing({ slug: 'needs-key' }), { slot })
    expect(showListing(made).credential).toEqual({ ...slot, set: false })
    await expect(catalogue.publish(sellerId, made.listing.id)).rejects.toMatchObject({
      code: 'invalid_request',
      action: 'Set it with PUT /v1/listings/{id}/credential.',
    })
    await catalogue.setCredential(sellerId, made.listing.id, {
      type: 'header',
      name: 'x-api-key',
      value: 'a-secret-of-the-seller',
    })
    await catalogue.publish(sellerId, made.listing.id)
  })
})

test('others go on while the many listings of an account are read', async () => {
  for (let made = 0; made < 20; made++) await listed()
  let turns = 0
  let goesOn = true
  const goOn = () => {
    turns++
    if (goesOn) setImmediate(goOn)
  }
  setImmediate(goOn)
  const { listings } = await world.catalogue.listOwn(world.sellerId)
  goesOn = false
  expect(listings.length).toBeGreaterThanOrEqual(20)
  expect(turns).toBeGreaterThanOrEqual(listings.length)
})
