import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ACatalogue, aCatalogue, aListing } from '../../test/support/a-catalogue.js'

let world: ACatalogue
let listingId: string

beforeEach(async () => {
  world = await aCatalogue()
  const { listing } = await world.catalogue.create(world.sellerId, aListing())
  listingId = listing.id
  await world.catalogue.publish(world.sellerId, listingId)
})

afterEach(() => world.close())

const found = async (query = 'wiki') =>
  (await world.catalogue.browse({ query, limit: 5 })).results.map(({ endpoint_id }) => endpoint_id)

test('a listing is found as soon as publishing answers, and no more once it is paused or retired', async () => {
  expect(await found()).toEqual(['wiki.search'])
  await world.catalogue.pause(world.sellerId, listingId)
  expect(await found()).toEqual([])
  await world.catalogue.publish(world.sellerId, listingId)
  expect(await found()).toEqual(['wiki.search'])
  await world.catalogue.retire(world.sellerId, listingId)
  expect(await found()).toEqual([])
})

test('a change is found by its new words and not by its old ones', async () => {
  await world.catalogue.change(world.sellerId, listingId, {
    title: 'Cookbook',
    description: 'Recipes.',
    endpoints: [{ slug: 'search', title: 'Find a recipe', description: 'Dishes and ingredients.' }],
  })
  expect(await found('recipe')).toEqual(['wiki.search'])
  expect(await found('articles')).toEqual([])
})

test('a restart does not index again what the index has', async () => {
  await world.reopen()
  expect(world.search.puts).toBe(0)
  expect(await found()).toEqual(['wiki.search'])
})

test('a lost index is rebuilt at the start, with what is known about each endpoint', async () => {
  const at = { endpointId: 'wiki.search', latencyMs: 12, atMs: world.clock.now() }
  world.catalogue.observe({ ...at, delivered: true })
  world.catalogue.observe({ ...at, delivered: false })
  await world.catalogue.setRatings('wiki.search', async () => ({
    ...{ sum: 9, count: 2 },
    ...{ weight: 1e9, weighted: 4.5e9 },
  }))
  await world.catalogue.flushStandings()
  await world.reopen({ lost: true })
  expect(world.search.puts).toBe(1)
  const page = await world.catalogue.browse({ limit: 5, min_rating: 4.49, min_uptime: 0.5 })
  expect(page.results).toMatchObject([
    { endpoint_id: 'wiki.search', rating: 4.5, ratings: 2, uptime: 0.5, latency_ms: 12 },
  ])
})

test('an index that missed a change is brought up at the next start', async () => {
  const revision = await world.search.revision()
  await world.catalogue.change(world.sellerId, listingId, { title: 'Cookbook' })
  await world.search.remove(['wiki.search'])
  await world.search.setRevision(revision!)
  expect(await found()).toEqual([])
  await world.reopen()
  expect(await found('cookbook')).toEqual(['wiki.search'])
})

test('a change brings up all that the index had missed before it', async () => {
  const { listing } = await world.catalogue.create(world.sellerId, aListing({ slug: 'atlas' }))
  await world.catalogue.publish(world.sellerId, listing.id)
  await world.search.remove(['wiki.search'])
  await world.search.setRevision('0')
  await world.catalogue.change(world.sellerId, listing.id, { title: 'Cookbook' })
  expect((await found('*')).sort()).toEqual(['atlas.search', 'wiki.search'])
})

test.each(['9999', 'of another kind'])(
  'an index at the revision %j, which is not of this catalogue, is made anew',
  async (revision) => {
    const { listing } = await world.catalogue.create(world.sellerId, aListing({ slug: 'atlas' }))
    await world.catalogue.publish(world.sellerId, listing.id)
    for (const table of ['endpoint_versions', 'endpoints']) {
      await world.store.db(table).where('endpoint_id', 'atlas.search').delete()
    }
    await world.store.db('listings').where({ id: listing.id }).delete()
    await world.search.remove(['wiki.search'])
    await world.search.setRevision(revision)
    await world.reopen()
    expect((await world.search.find({ limit: 5 })).items).toEqual(['wiki.search'])
  },
)

test('more changes than are indexed in one go are all found', async () => {
  const [listing] = await world.store.db('listings').select()
  const [endpoint] = await world.store.db('endpoints').select()
  const [version] = await world.store.db('endpoint_versions').select()
  const names = Array.from({ length: 450 }, (_, i) => `copy${i}`)
  const first = Number(listing.revision) + 1
  const last = String(first + names.length - 1)
  await world.store.inTransaction(async (tx) => {
    for (const [i, slug] of names.entries()) {
      const revision = first + i
      await tx('listings').insert({ ...listing, id: `lst_${slug}`, slug, revision })
      const ids = { listing_id: `lst_${slug}`, endpoint_id: `${slug}.search` }
      await tx('endpoints').insert({ ...endpoint, ...ids })
      await tx('endpoint_versions').insert({ ...version, endpoint_id: ids.endpoint_id })
    }
    await tx('settings').where({ name: 'catalogue_revision' }).update({ value: last })
  })
  await world.catalogue.follow()
  expect(world.search.puts).toBe(451)
  expect(await world.search.revision()).toBe(last)
  expect((await world.search.categories())[0]).toEqual({ name: 'search', count: 451 })
})

test('the seller can be filtered by id, name and slug', async () => {
  const bySeller = async (seller: string) =>
    (await world.catalogue.browse({ seller, limit: 5 })).results.length
  expect(await bySeller(world.sellerId)).toBe(1)
  expect(await bySeller('Acme Ltd')).toBe(1)
  expect(await bySeller('acme')).toBe(1)
  expect(await bySeller('Acme')).toBe(0)
})
