import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import {
  type ACatalogue,
  aCatalogueOn,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import { anAccount, aPrincipal } from '../../test/support/an-offer.js'
import { databases } from '../../test/support/databases.js'
import type { ToolDefinition } from './listing.js'
import type { BrowseQuery } from './shelf.js'
import type { ToolListing } from './tool-listings.js'

const MANY = 12

function aTool(name: string, description: string): ToolDefinition {
  return {
    name,
    title: name,
    description,
    input_schema: { type: 'object' },
    price: { model: 'per_call', amount: '0.002' },
    success: { status: '2xx' },
    requires_approval: false,
    backend: { type: 'code' },
  }
}

describe.each(databases)('what is private, on %s', (_name, open) => {
  let world: ACatalogue
  let end: () => Promise<void>
  let owner: Principal
  let below: Principal
  const stranger = aPrincipal()

  beforeAll(async () => {
    const { store, close } = await open()
    world = await aCatalogueOn(store)
    end = close
    owner = { ...aPrincipal(), account: anAccount({ id: world.sellerId }) }
    below = {
      ...aPrincipal(),
      account: anAccount({ id: 'acct_below', parentId: world.sellerId }),
    }
    for (const slug of ['wiki', 'atlas', 'herald']) {
      const endpoints = [anEndpoint({ title: `Search the ${slug}` })]
      const { listing } = await world.catalogue.create(
        world.sellerId,
        aListing({ slug, endpoints }),
      )
      await world.catalogue.publish(world.sellerId, listing.id)
    }
  })
  afterAll(async () => {
    await world.close()
    await end()
  })

  function put(slug: string, tools: ToolDefinition[], changes: Partial<ToolListing> = {}) {
    return world.catalogue.putTools({
      ...{ sellerId: world.sellerId, slug, title: slug, description: 'Ours.', category: 'tools' },
      ...{ backend: { type: 'code' }, visibility: 'private', tools, isComplete: true },
      ...changes,
    })
  }

  function remove(slug: string) {
    return put(slug, [])
  }

  async function find(query: Partial<BrowseQuery>, looker?: Principal) {
    const { results } = await world.catalogue.browse({ limit: 20, ...query }, looker)
    return results.map(({ endpoint_id }) => endpoint_id)
  }

  test('is found by its account and those below it, with and without a query', async () => {
    await put('zoo', [aTool('zebras', 'Finds zebras.')])
    for (const looker of [owner, below]) {
      expect(await find({ query: 'zebra' }, looker)).toEqual(['zoo.zebras'])
      expect((await find({}, looker))[0]).toBe('zoo.zebras')
      const { categories } = await world.catalogue.browse({ limit: 1 }, looker)
      expect(categories).toEqual([
        { name: 'search', count: 3 },
        { name: 'tools', count: 1 },
      ])
    }
  })

  test('is found by nobody else, and changes nothing of what others find', async () => {
    await remove('zoo')
    const other = { ...aPrincipal(), account: anAccount({ parentId: 'acct_below' }) }
    const lookers = [stranger, other, undefined]
    const queries = [{}, { query: 'zebra' }, { query: 'search the wiki' }, { category: 'tools' }]
    const all = async () => {
      const pages = lookers.flatMap((looker) =>
        queries.map((query) => world.catalogue.browse({ limit: 20, ...query }, looker)),
      )
      return Promise.all(pages)
    }
    const before = await all()
    await put('zoo', [aTool('zebras', 'Finds zebras, wiki by wiki: search the wiki.')])
    expect(await find({ query: 'zebras' }, owner)).toContain('zoo.zebras')
    expect(await all()).toEqual(before)
  })

  test('every filter holds for it', async () => {
    await put('zoo', [aTool('zebras', 'Finds zebras.')])
    expect(await find({ category: 'tools' }, owner)).toEqual(['zoo.zebras'])
    expect(await find({ max_price: '0.0021', query: 'zebras' }, owner)).toEqual(['zoo.zebras'])
    expect(await find({ max_price: '0.002', query: 'zebras' }, owner)).toEqual([])
    expect(await find({ seller: 'acme', query: 'zebras' }, owner)).toEqual(['zoo.zebras'])
    expect(await find({ min_uptime: 0.5, query: 'zebras' }, owner)).toEqual([])
    world.catalogue.observe({
      ...{ endpointId: 'zoo.zebras', delivered: true },
      ...{ latencyMs: 1, atMs: world.clock.now(), buyerId: 'acct_below' },
    })
    expect(await find({ min_uptime: 0.5, query: 'zebras' }, owner)).toEqual(['zoo.zebras'])
    const narrow = { ...owner, lineage: [{ ...owner.lineage[0]!, allow: { listings: ['wiki'] } }] }
    expect(await find({}, narrow)).toEqual(['wiki.search'])
  })

  test('is found from the moment that it is for sale until it is not', async () => {
    const { listingId } = await put('zoo', [aTool('zebras', 'Finds zebras.')])
    const isFound = async () => (await find({ query: 'zebras' }, owner)).includes('zoo.zebras')
    expect(await isFound()).toBe(true)
    const why = { category: 'fraud' as const, reason: 'told' }
    await world.catalogue.suspendListing(listingId, why)
    expect(await isFound()).toBe(false)
    await world.catalogue.resumeListing(listingId)
    expect(await isFound()).toBe(true)
    await put('zoo', [aTool('gnus', 'Finds gnus.')])
    expect(await find({ query: 'zebras gnus' }, owner)).toEqual(['zoo.gnus'])
    await put('zoo', [aTool('gnus', 'Finds gnus.')], { visibility: 'public' })
    for (const looker of [owner, stranger]) {
      expect(await find({ query: 'gnus' }, looker)).toEqual(['zoo.gnus'])
    }
    await put('zoo', [aTool('gnus', 'Finds gnus.')])
    expect(await find({ query: 'gnus' }, stranger)).toEqual([])
    await remove('zoo')
  })

  test('is found through another gateway as it is when that has followed', async () => {
    const other = await aCatalogueOn(world.store, world)
    for (const names of [[], ['zebras'], ['gnus', 'zebras'], ['gnus'], []]) {
      await put(
        'zoo',
        names.map((name) => aTool(name, `Finds ${name}.`)),
      )
      await other.catalogue.follow()
      const { results } = await other.catalogue.browse({ category: 'tools', limit: 20 }, owner)
      const found = results.map(({ endpoint_id }) => endpoint_id)
      expect(found).toEqual(names.map((name) => `zoo.${name}`))
    }
    await other.close()
  })

  test('pages show what is private first and nothing twice', async () => {
    const names = Array.from({ length: MANY }, (_, n) => `search_${n}`)
    await put(
      'desk',
      names.map((name) => aTool(name, 'Search the desk.')),
    )
    for (const query of ['search', undefined]) {
      const shown: string[] = []
      const pages: number[] = []
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
        const page = await world.catalogue.browse({ query, limit: 4, cursor }, owner)
        shown.push(...page.results.map(({ endpoint_id }) => endpoint_id))
        pages.push(page.results.length)
        cursor = page.next_cursor
      }
      expect(pages).toEqual([4, 4, 4, 3])
      expect(new Set(shown).size).toBe(MANY + 3)
      expect(shown.slice(0, MANY).every((id) => id.startsWith('desk.'))).toBe(true)
    }
  })

  test('a page that both fill goes on where the public part ended', async () => {
    const first = await world.catalogue.browse({ query: 'search', limit: 14 }, owner)
    const { next_cursor: cursor } = first
    const next = await world.catalogue.browse({ query: 'search', limit: 14, cursor }, owner)
    const ids = [...first.results, ...next.results].map(({ endpoint_id }) => endpoint_id)
    expect([first.results.length, next.results.length]).toEqual([14, 1])
    expect(new Set(ids).size).toBe(MANY + 3)
  })

  test('a cursor is for the search that it came from', async () => {
    const { next_cursor: cursor } = await world.catalogue.browse({ query: 'desk', limit: 2 }, owner)
    expect(cursor).toBeDefined()
    const refusal = { code: 'invalid_request' }
    for (const [query, looker] of [
      [{ query: 'desks', limit: 2, cursor }, owner],
      [{ query: 'desk', limit: 2, cursor }, undefined],
      [{ query: 'desk', limit: 2, cursor: 'e30' }, owner],
    ] as const) {
      await expect(world.catalogue.browse(query, looker)).rejects.toMatchObject(refusal)
    }
  })

  test('the database is asked no more often where many private things are found', async () => {
    const asked = async (looker: Principal) => {
      const query = { query: 'search the desk', limit: 20 }
      await world.catalogue.browse(query, looker)
      let count = 0
      const note = () => count++
      const { query: ask } = world.store
      world.store.db.on('query', note)
      world.store.query = ((...given: Parameters<typeof ask>) => {
        count++
        return ask(...given)
      }) as typeof ask
      await world.catalogue.browse(query, looker)
      world.store.db.removeListener('query', note)
      world.store.query = ask
      return count
    }
    expect(await asked(owner)).toBe(await asked(stranger))
  })
})
