/** The search on a server is in step again whichever side was down, and whatever was lost. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { meilisearch, type RemoteSearch } from '#search'
import { type ACatalogue, aCatalogue, aListing } from '../../test/support/a-catalogue.js'
import { type AMeilisearch, aMeilisearch } from '../../test/support/a-meilisearch.js'
import { createLearning } from './learning.js'
import { createPusher } from './pushing.js'
import { createStandings } from './standing.js'

const NAME = 'souk-test'
const FOREVER = new AbortController().signal

let world: ACatalogue
let server: AMeilisearch
let remote: RemoteSearch
let push: (signal?: AbortSignal) => Promise<void>
let told: string[]

beforeEach(async () => {
  ;[world, server] = await Promise.all([aCatalogue(), aMeilisearch()])
  remote = meilisearch({ url: server.url, key: server.key, embedder: undefined }, NAME)
  told = []
  push = aPusher()
})

afterEach(async () => {
  await world.close()
  await server.close()
})

/** As at a new start of a gateway: whatever it had in memory is gone. */
function aPusher() {
  const { store, clock } = world
  const watch = {
    away: (error: unknown) => told.push((error as Error).message),
    back: () => told.push('back'),
  }
  const pusher = createPusher({
    store,
    clock,
    remote,
    watch,
    standings: createStandings({ store }),
    learning: createLearning({ store, clock, isOn: true }),
  })
  return (signal = FOREVER) => pusher(signal)
}

async function publish(slug: string): Promise<string> {
  const { catalogue, sellerId } = world
  const { listing } = await catalogue.create(sellerId, aListing({ slug }))
  await catalogue.publish(sellerId, listing.id)
  return listing.id
}

const pause = (listingId: string) => world.catalogue.pause(world.sellerId, listingId)

async function found(): Promise<string[]> {
  const live = await remote.live()
  return live ? (await live.find({ limit: 50 })).items.toSorted() : []
}

/** Revision of the catalogue that the server holds. */
async function place(): Promise<string | undefined> {
  return (await (await remote.live())?.revision())?.split(' ')[0]
}

const additions = () => server.requests.filter((line) => /^POST .*\/documents$/.test(line)).length

describe('in step', () => {
  test('a new server gets all that is published, and then what changes', async () => {
    const wiki = await publish('wiki')
    await publish('atlas')
    await push()
    expect(await found()).toEqual(['atlas.search', 'wiki.search'])
    expect(await place()).toBe(await world.search.revision())
    await pause(wiki)
    await publish('menus')
    await push()
    expect(await found()).toEqual(['atlas.search', 'menus.search'])
    expect(await place()).toBe(await world.search.revision())
    expect(told).toEqual([])
  })

  test('nothing is sent again when nothing changed, by another gateway neither', async () => {
    await publish('wiki')
    await push()
    const before = server.tasks.length
    await push()
    push = aPusher()
    await push()
    expect(server.tasks.length).toBe(before)
  })

  test('an empty catalogue has an index, too', async () => {
    await push()
    expect(await remote.live()).toBeDefined()
    await publish('wiki')
    await push()
    expect(await found()).toEqual(['wiki.search'])
  })

  test('lessons follow, and each gateway tells them once', async () => {
    await publish('wiki')
    await push()
    const { db } = world.store
    const words = JSON.stringify({ encyclopedia: 1 })
    await db('endpoint_lessons').insert({ endpoint_id: 'wiki.search', words, revision: 1 })
    await db('settings').insert({ name: 'lessons_revision', value: '1' }).onConflict('name').merge()
    await push()
    const live = (await remote.live())!
    expect((await live.find({ query: 'encyclopedias', limit: 5 })).items).toEqual(['wiki.search'])
    const before = server.tasks.length
    await push()
    expect(server.tasks.length).toBe(before)
    push = aPusher()
    await push()
    expect(server.tasks.length).toBeGreaterThan(before)
  })

  test('standings follow, each once', async () => {
    await publish('wiki')
    await push()
    const seen = { endpointId: 'wiki.search', latencyMs: 12, atMs: world.clock.now() }
    world.catalogue.observe({ ...seen, delivered: true, buyerId: 'acct_1' })
    await world.catalogue.flushStandings()
    await push()
    const before = server.tasks.length
    push = aPusher()
    await push()
    expect(server.tasks.length).toBe(before)
    const live = (await remote.live())!
    expect((await live.find({ minUptime: 1, limit: 5 })).items).toEqual(['wiki.search'])
  })
})

describe('after a fault', () => {
  test('the server was away while the catalogue changed', async () => {
    const wiki = await publish('wiki')
    await push()
    await server.goAway()
    await pause(wiki)
    await publish('atlas')
    await push()
    await push()
    await server.comeBack()
    world.clock.advance(1_000)
    await push()
    expect(await found()).toEqual(['atlas.search'])
    expect(told).toEqual(['Meilisearch does not answer (ECONNREFUSED).', 'back'])
  })

  test.each(['documentAdditionOrUpdate', 'indexCreation', 'settingsUpdate', 'indexSwap'])(
    'a task of the kind %s failed while the index was made',
    async (kind) => {
      await publish('wiki')
      server.failNext(kind, 'internal')
      await push()
      expect(await found()).toEqual([])
      world.clock.advance(1_000)
      await push()
      expect(await found()).toEqual(['wiki.search'])
      expect(told).toEqual(['Meilisearch failed at a task (internal).', 'back'])
    },
  )

  test.each(['documentAdditionOrUpdate', 'documentDeletion'])(
    'the place moves only after a task of the kind %s is done',
    async (kind) => {
      const wiki = await publish('wiki')
      await push()
      const before = await place()
      await pause(wiki)
      await publish('atlas')
      server.failNext(kind, 'internal')
      await push()
      expect(await place()).toBe(before)
      world.clock.advance(1_000)
      await push()
      expect(await found()).toEqual(['atlas.search'])
    },
  )

  test('the server lost its data', async () => {
    await publish('wiki')
    await push()
    server.indexes.clear()
    await push()
    expect(await found()).toEqual(['wiki.search'])
  })

  test('the server got older data back', async () => {
    const wiki = await publish('wiki')
    await push()
    const backup = structuredClone(server.indexes)
    await pause(wiki)
    await publish('atlas')
    await push()
    server.indexes.clear()
    for (const [name, index] of backup) server.indexes.set(name, index)
    expect(await found()).toEqual(['wiki.search'])
    await push()
    expect(await found()).toEqual(['atlas.search'])
  })

  test('the index is ahead of the catalogue, as after a restore', async () => {
    await publish('wiki')
    await push()
    const live = (await remote.live())!
    await live.remove(['wiki.search'])
    await live.setRevision('9999 9999/x.y')
    let isSwapped = false
    server.beforeNext('indexSwap', () => {
      isSwapped = true
    })
    await push()
    expect(isSwapped).toBe(true)
    expect(await found()).toEqual(['wiki.search'])
    expect(await place()).toBe(await world.search.revision())
  })

  test('only the standings of the index are ahead', async () => {
    await publish('wiki')
    await push()
    await (await remote.live())!.setRevision(`${await place()} 9999/x.y 9999/x.y`)
    const seen = { endpointId: 'wiki.search', latencyMs: 12, atMs: world.clock.now() }
    world.catalogue.observe({ ...seen, delivered: true, buyerId: 'acct_1' })
    await world.catalogue.flushStandings()
    await push()
    const live = (await remote.live())!
    expect((await live.find({ minUptime: 1, limit: 5 })).items).toEqual(['wiki.search'])
  })

  test('a gateway stopped in the middle, and another one goes on', async () => {
    await publish('wiki')
    const stopping = new AbortController()
    server.beforeNext('documentAdditionOrUpdate', () => stopping.abort())
    await push(stopping.signal)
    expect(await found()).toEqual([])
    push = aPusher()
    await push()
    expect(await found()).toEqual(['wiki.search'])
    expect(told).toEqual([])
  })
})

test('an index of another layout answers until the new one takes its place', async () => {
  await publish('wiki')
  await push()
  const old = server.indexes.get(NAME)!
  old.rows.get('state')!.layout = '0-of-another-version'
  const before = additions()
  let answering: unknown
  server.beforeNext('indexSwap', () => {
    answering = server.indexes.get(NAME)
  })
  await push()
  expect(answering).toBe(old)
  expect(additions()).toBeGreaterThan(before)
  expect(await found()).toEqual(['wiki.search'])
  expect([...server.indexes.keys()]).toEqual([NAME])
})

test('more changes than are sent in one go all arrive', async () => {
  await publish('wiki')
  const [listing] = await world.store.db('listings').select()
  const [endpoint] = await world.store.db('endpoints').select()
  const [version] = await world.store.db('endpoint_versions').select()
  const first = Number(listing.revision) + 1
  const slugs = Array.from({ length: 450 }, (_, at) => `copy${at}`)
  await world.store.inTransaction(async (tx) => {
    for (const [at, slug] of slugs.entries()) {
      await tx('listings').insert({ ...listing, id: `lst_${slug}`, slug, revision: first + at })
      const ids = { listing_id: `lst_${slug}`, endpoint_id: `${slug}.search` }
      await tx('endpoints').insert({ ...endpoint, ...ids })
      await tx('endpoint_versions').insert({ ...version, endpoint_id: ids.endpoint_id })
    }
    const last = String(first + slugs.length - 1)
    await tx('settings').where({ name: 'catalogue_revision' }).update({ value: last })
  })
  await push()
  const live = (await remote.live())!
  expect((await live.categories())[0]).toEqual({ name: 'search', count: 451 })
})
