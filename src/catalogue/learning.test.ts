import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import {
  type ACatalogue,
  aCatalogueOn,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import { aStoreOfTheRun, type StoreOfTheRun } from '../../test/support/a-store-of-the-run.js'
import { aPrincipal } from '../../test/support/an-offer.js'
import type { Purchase } from './learning.js'

const DAY_MS = 24 * 60 * 60 * 1_000
const USDC = 10n ** 9n
const NO_FENCE = async () => {}

let run: StoreOfTheRun
let world: ACatalogue
let slugs: string[]

beforeEach(async () => {
  run = await aStoreOfTheRun()
  world = await aCatalogueOn(run.store)
  slugs = []
})

afterEach(async () => {
  await world.close()
  await run.close()
})

async function publish(slug: string, words: string): Promise<string> {
  const endpoints = [anEndpoint({ title: words, description: `${words}.` })]
  const { listing } = await world.catalogue.create(world.sellerId, aListing({ slug, endpoints }))
  await world.catalogue.publish(world.sellerId, listing.id)
  slugs.push(slug)
  return `${slug}.search`
}

function buyer(name: string) {
  const principal = aPrincipal()
  const key = { ...principal.key, id: `key_${name}` as const }
  return { ...principal, key, buyerId: `acct_${name}` }
}

/** One paid call, and enough spent elsewhere to count in full. */
function buy(name: string, endpointId: string, changes: Partial<Purchase> = {}) {
  const { key, buyerId } = buyer(name)
  const money = { charge: nanos(USDC), fee: nanos(USDC / 20n) }
  const call = { keyId: key.id, buyerId, outcome: 'charged' as const, ...money }
  world.catalogue.learn({ ...call, sellerId: 'acct_other', endpointId: 'other.call', ...changes })
  world.catalogue.learn({ ...call, sellerId: world.sellerId, endpointId, ...changes })
}

async function searchAndBuy(name: string, query: string, endpointId: string, changes = {}) {
  await world.catalogue.browse({ query, limit: 10 }, buyer(name))
  await world.catalogue.describe(endpointId, undefined, buyer(name))
  buy(name, endpointId, changes)
}

async function settle() {
  await world.catalogue.flushStandings()
  await world.catalogue.workOutLessons(NO_FENCE)
  await world.catalogue.follow()
}

async function lessonOf(endpointId: string): Promise<Record<string, number>> {
  const row = await world.store.db('endpoint_lessons').where({ endpoint_id: endpointId }).first()
  return row === undefined ? {} : JSON.parse(row.words)
}

describe('an endpoint that was bought after a query', () => {
  test('counts for its words once three buyers did so', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob']) await searchAndBuy(name, 'weather for my brolly', id)
    await settle()
    expect(await lessonOf(id)).toEqual({})
    await searchAndBuy('cleo', 'a brolly, will I need it', id)
    await settle()
    expect(Object.keys(await lessonOf(id))).toEqual(['brolly'])
    expect((await lessonOf(id)).brolly).toBeCloseTo(2.5 / 3, 4)
  })

  test('counts once for each buyer, however often it buys', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'weather', id)
    await settle()
    const once = await lessonOf(id)
    for (let i = 0; i < 5; i++) await searchAndBuy('ada', 'weather', id)
    await settle()
    expect(await lessonOf(id)).toEqual(once)
  })

  test.each<[string, Partial<Purchase>]>([
    ['was free', { outcome: 'free', charge: nanos(0n), fee: nanos(0n) }],
    ['failed', { outcome: 'failed' }],
    ['was refunded', { outcome: 'refunded' }],
  ])('teaches nothing when the call %s', async (_how, changes) => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'weather', id, changes)
    await settle()
    expect(await lessonOf(id)).toEqual({})
  })

  test('loses a word with the buyers who mark it badly, and gets it back with their mind', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'weather', id)
    await settle()
    expect(await lessonOf(id)).toHaveProperty('weather')
    const mark = (score: number) =>
      world.catalogue.learnMark({ endpointId: id, buyerId: 'acct_ada', score })
    mark(1)
    await settle()
    expect(await lessonOf(id)).toEqual({})
    mark(5)
    await settle()
    expect(await lessonOf(id)).toHaveProperty('weather')
  })

  test('counts less as time goes by, and is forgotten after some thirteen months', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'weather', id)
    await settle()
    const fresh = (await lessonOf(id)).weather!
    world.clock.advance(180 * DAY_MS)
    await settle()
    expect((await lessonOf(id)).weather).toBeLessThan(fresh)
    world.clock.advance(220 * DAY_MS)
    await settle()
    expect(await lessonOf(id)).toEqual({})
    world.clock.advance(30 * DAY_MS)
    await world.catalogue.forgetOldLessons(NO_FENCE)
    for (const table of ['learned_credits', 'learned_spend', 'learned_words']) {
      expect(await world.store.db(table), table).toEqual([])
    }
  })
})

describe('what is stored', () => {
  test('holds words that led to a purchase, and no query', async () => {
    const id = await publish('met', 'Weather forecast')
    await world.catalogue.browse({ query: 'divorce lawyer', limit: 5 }, buyer('ada'))
    await searchAndBuy('ada', 'weather for ada@acme.example, account 12345678, key sk_a1b2c3', id)
    await settle()
    const rows = await world.store.db('learned_credits').orderBy('word').select('word')
    expect(rows.map(({ word }) => word)).toEqual(['account', 'divorce', 'key', 'lawyer', 'weather'])
  })

  test('survives a restart, and what is told to the search with it', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'brolly weather', id)
    await settle()
    const lesson = await lessonOf(id)
    await world.reopen({ lost: true })
    expect(await lessonOf(id)).toEqual(lesson)
    expect(world.search.lessons.get(id)).toEqual(lesson)
  })

  test('is neither added to nor told while learning is off', async () => {
    const id = await publish('met', 'Weather forecast')
    for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'brolly weather', id)
    await settle()
    expect(world.search.lessons.get(id)).toHaveProperty('brolly')
    await world.reopen({ learns: false })
    expect(world.search.lessons.get(id)).toEqual({})
    const before = await world.store.db('learned_credits').count({ count: '*' }).first()
    for (const name of ['dan', 'eve', 'fay']) await searchAndBuy(name, 'parasol weather', id)
    await settle()
    expect(await world.store.db('learned_credits').count({ count: '*' }).first()).toEqual(before)
    expect(world.search.lessons.get(id)).toEqual({})
  })
})

test('what another gateway worked out is told to this one’s search, too', async () => {
  const id = await publish('met', 'Weather forecast')
  for (const name of ['ada', 'bob', 'cleo']) await searchAndBuy(name, 'brolly weather', id)
  await world.catalogue.flushStandings()
  const other = await aCatalogueOn(world.store, world)
  await other.catalogue.workOutLessons(NO_FENCE)
  expect(world.search.lessons.get(id)).toBeUndefined()
  await world.catalogue.follow()
  expect(world.search.lessons.get(id)).toHaveProperty('brolly')
  await other.close()
})
