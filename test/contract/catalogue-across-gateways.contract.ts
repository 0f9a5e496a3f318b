/** What gateways on one database see of one another's catalogue, whatever database it is. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import type { Id } from '#core/ids'
import { type ACatalogue, aCatalogueOn, aListing, anEndpoint } from '../support/a-catalogue.js'
import type { TwoStores } from '../support/two-stores.js'

let a: ACatalogue
let b: ACatalogue

export function catalogueAcrossGateways(name: string, openTwo: () => Promise<TwoStores>): void {
  describe(`the catalogue of two gateways on ${name}`, () => {
    let opened: TwoStores
    beforeAll(async () => {
      opened = await openTwo()
      a = await aCatalogueOn(opened.stores[0])
      b = await aCatalogueOn(opened.stores[1], a)
    })
    afterAll(async () => {
      await a.close()
      await b.close()
      await opened.close()
    })

    followsListings()
    knowsNoOddIds()
    losesNoChange()
    healsItsIndex()
    addsUpStandings()
    sharesTheMean()
    shipsOnce()
  })
}

let listings = 0

/** A listing that was put on sale through A and is not yet followed by B. */
async function onSale(changes: Parameters<typeof aListing>[0] = {}) {
  const slug = `wiki${++listings}`
  const { listing } = await a.catalogue.create(a.sellerId, aListing({ slug, ...changes }))
  await a.catalogue.publish(a.sellerId, listing.id)
  return { id: listing.id, endpointId: `${slug}.search` }
}

const price = (amount: string) => ({ model: 'per_call' as const, amount })

async function isFound({ catalogue }: ACatalogue, endpointId: string, filters = {}) {
  const { results } = await catalogue.browse({ query: endpointId, limit: 20, ...filters })
  return results.some((result) => result.endpoint_id === endpointId)
}

async function resultOf({ catalogue }: ACatalogue, endpointId: string) {
  const { results } = await catalogue.browse({ query: endpointId, limit: 20 })
  return results.find((result) => result.endpoint_id === endpointId)
}

function followsListings(): void {
  test('what is published on one is found and sold on the other when that has followed', async () => {
    const { endpointId } = await onSale()
    expect(await isFound(a, endpointId)).toBe(true)
    expect(await isFound(b, endpointId)).toBe(false)
    await b.catalogue.follow()
    expect(await isFound(b, endpointId)).toBe(true)
    expect(await b.catalogue.offer(endpointId)).toMatchObject({ endpointId, version: 1 })
  })

  test('a price that changed is the price that the other one sells at', async () => {
    const { id, endpointId } = await onSale()
    await b.catalogue.follow()
    expect((await b.catalogue.offer(endpointId)).definition.price).toEqual(price('0.001'))
    const endpoints = [{ slug: 'search', price: price('0.002') }]
    await a.catalogue.change(a.sellerId, id, { endpoints })
    await b.catalogue.follow()
    expect(await b.catalogue.offer(endpointId)).toMatchObject({
      version: 2,
      latestVersion: 2,
      definition: { price: price('0.002') },
    })
    expect((await resultOf(b, endpointId))?.price).toMatchObject({ amount: '0.002' })
  })

  test('a credential that changed is the one that the other one sends', async () => {
    const credential = { type: 'header' as const, name: 'x-api-key', value: 'the-first-secret' }
    const { id, endpointId } = await onSale({ credential })
    await b.catalogue.follow()
    expect((await b.catalogue.offer(endpointId)).credential).toEqual(credential)
    const second = { ...credential, value: 'the-second-secret' }
    await a.catalogue.setCredential(a.sellerId, id, second)
    await b.catalogue.follow()
    expect((await b.catalogue.offer(endpointId)).credential).toEqual(second)
  })

  test.each(['pause', 'retire'] as const)(
    'after %s the other one no longer sells or shows it',
    async (end) => {
      const { id, endpointId } = await onSale()
      await b.catalogue.follow()
      await b.catalogue.offer(endpointId)
      await a.catalogue[end](a.sellerId, id)
      await b.catalogue.follow()
      await expect(b.catalogue.offer(endpointId)).rejects.toMatchObject({ code: 'listing_changed' })
      expect(await isFound(b, endpointId)).toBe(false)
    },
  )

  test('a change of its own does not make it skip one of the other before', async () => {
    const first = await onSale()
    const second = await onSale()
    await b.catalogue.change(b.sellerId, second.id, { title: 'Cookbook' })
    expect(await isFound(b, first.endpointId)).toBe(true)
    expect(await b.search.revision()).not.toBe(await a.search.revision())
    await a.catalogue.follow()
    expect(await a.search.revision()).toBe(await b.search.revision())
  })

  test('an offer that is read while the other one changes it is not kept', async () => {
    const { id, endpointId } = await onSale()
    await b.catalogue.follow()
    for (let i = 2; i < 12; i++) {
      const endpoints = [{ slug: 'search', price: price(`0.0${i}`) }]
      const changing = a.catalogue.change(a.sellerId, id, { endpoints })
      await Promise.all([changing, b.catalogue.offer(endpointId), b.catalogue.follow()])
      await b.catalogue.follow()
      expect((await b.catalogue.offer(endpointId)).version).toBe(i)
    }
  })

  test('the new price is sold although the search of the other one hangs', async () => {
    const { id, endpointId } = await onSale()
    await b.catalogue.follow()
    await b.catalogue.offer(endpointId)
    const endpoints = [{ slug: 'search', price: price('0.3') }]
    await a.catalogue.change(a.sellerId, id, { endpoints })
    const { put } = b.search
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const reached = new Promise<void>((resolve) => {
      b.search.put = async (documents) => {
        resolve()
        await held
        return put(documents)
      }
    })
    const following = b.catalogue.follow()
    await reached
    expect((await b.catalogue.offer(endpointId)).version).toBe(2)
    await a.catalogue.pause(a.sellerId, id)
    const after = b.catalogue.follow()
    await vi.waitFor(() => expect(b.catalogue.offer(endpointId)).rejects.toThrow())
    letGo()
    await Promise.all([following, after])
    b.search.put = put
    expect(await isFound(b, endpointId)).toBe(false)
  })
}

function knowsNoOddIds(): void {
  test.each(['a\0.search', '\ud800.search', "wiki1' or 1=1 --", '%'])(
    'there is no %j',
    async (id) => {
      await expect(a.catalogue.offer(id)).rejects.toMatchObject({ code: 'endpoint_not_found' })
      await expect(a.catalogue.describe(id)).rejects.toMatchObject({ code: 'endpoint_not_found' })
      const own = a.catalogue.own(a.sellerId, `lst_${id}`)
      await expect(own).rejects.toMatchObject({ code: 'listing_not_found' })
    },
  )
}

function losesNoChange(): void {
  test('changes of one listing on both at once all stand', async () => {
    const { id, endpointId } = await onSale({
      endpoints: [anEndpoint(), anEndpoint({ slug: 'page', path: '/page' })],
    })
    const pages = [{ slug: 'page', price: price('0.7') }]
    const searches = [{ slug: 'search', price: price('0.8') }]
    await Promise.all([
      a.catalogue.change(a.sellerId, id, { title: 'A new title' }),
      b.catalogue.change(b.sellerId, id, { description: 'A new description.' }),
      a.catalogue.change(a.sellerId, id, { endpoints: pages }),
      b.catalogue.change(b.sellerId, id, { endpoints: searches }),
      b.catalogue.change(b.sellerId, id, { category: 'reference' }),
    ])
    const { listing, endpoints } = await a.catalogue.own(a.sellerId, id)
    expect(listing).toMatchObject({
      title: 'A new title',
      description: 'A new description.',
      category: 'reference',
    })
    expect(endpoints.map(({ definition }) => definition.price)).toEqual([
      price('0.7'),
      price('0.8'),
    ])
    for (const { catalogue } of [a, b]) {
      await catalogue.follow()
      expect((await catalogue.offer(endpointId)).definition.price).toEqual(price('0.8'))
    }
  })

  test('many changes of many listings on both at once leave both with the same catalogue', async () => {
    const before = (await a.catalogue.listOwn(a.sellerId)).listings.length
    const made = Array.from({ length: 24 }, async (_, i) => {
      const { catalogue } = i % 2 === 0 ? a : b
      const input = aListing({ slug: `crowd${i}`, title: 'Crowd' })
      const { listing } = await catalogue.create(a.sellerId, input)
      await catalogue.publish(a.sellerId, listing.id)
      const { catalogue: other } = i % 3 === 0 ? a : b
      await other.change(a.sellerId, listing.id, { category: 'crowd' })
    })
    await Promise.all(made)
    const { listings: listed } = await a.catalogue.listOwn(a.sellerId)
    expect(listed).toHaveLength(before + 24)
    for (const { catalogue, search } of [a, b]) {
      await catalogue.follow()
      expect((await search.find({ category: 'crowd', limit: 50 })).items).toHaveLength(24)
    }
    expect(await a.search.revision()).toBe(await b.search.revision())
  })

  test('a retired listing stays retired, also when the other one publishes it at the same time', async () => {
    for (let i = 0; i < 5; i++) {
      const { id } = await onSale()
      await a.catalogue.pause(a.sellerId, id)
      await Promise.allSettled([
        b.catalogue.publish(b.sellerId, id),
        a.catalogue.retire(a.sellerId, id),
        b.catalogue.publish(b.sellerId, id),
      ])
      expect((await a.catalogue.own(a.sellerId, id)).listing.status).toBe('retired')
    }
  })

  test('of two that take a slug at once one has it, and the other is told so', async () => {
    const input = aListing({ slug: 'contested' })
    const both = await Promise.allSettled(
      [a, b].map(({ catalogue }) => catalogue.create(a.sellerId, input)),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'slug_taken' },
    })
  })
}

function healsItsIndex(): void {
  test.each(['put', 'setRevision'] as const)(
    'a change that was committed when the index failed at %s is found after the next follow',
    async (step) => {
      const { endpointId, id } = await onSale()
      await a.catalogue.pause(a.sellerId, id)
      const works = a.search[step]
      a.search[step] = async () => {
        throw new Error('the index is gone')
      }
      await expect(a.catalogue.publish(a.sellerId, id)).rejects.toThrow('the index is gone')
      a.search[step] = works as never
      await a.reopen()
      expect(await isFound(a, endpointId)).toBe(true)
    },
  )

  test('a gateway that was away finds at its start what the other one did meanwhile', async () => {
    const kept = await onSale()
    const paused = await onSale()
    await b.catalogue.follow()
    await a.catalogue.pause(a.sellerId, paused.id)
    const added = await onSale()
    await b.reopen()
    const found = await Promise.all(
      [kept, paused, added].map(({ endpointId }) => isFound(b, endpointId)),
    )
    expect(found).toEqual([true, false, true])
    expect(b.search.puts).toBe(1)
  })
}

function addsUpStandings(): void {
  const observe = ({ catalogue, clock }: ACatalogue, endpointId: string, delivered: boolean) =>
    catalogue.observe({
      endpointId,
      delivered,
      latencyMs: 20,
      atMs: clock.now(),
      buyerId: 'acct_1',
    })

  test('what both measured adds up, and each shows and ranks by it', async () => {
    const { endpointId } = await onSale()
    await b.catalogue.follow()
    for (const delivered of [true, true, true]) observe(a, endpointId, delivered)
    for (const delivered of [false, false, true]) observe(b, endpointId, delivered)
    await Promise.all([a.catalogue.flushStandings(), b.catalogue.flushStandings()])
    for (const gateway of [a, b]) {
      await gateway.catalogue.follow()
      expect(await resultOf(gateway, endpointId)).toMatchObject({ uptime: 0.6667 })
      expect(await isFound(gateway, endpointId, { min_uptime: 0.66 })).toBe(true)
      expect(await isFound(gateway, endpointId, { min_uptime: 0.67 })).toBe(false)
    }
    const row = await a.store.db('endpoint_standings').where({ endpoint_id: endpointId }).first()
    expect([Number(row.delivered), Number(row.failed)]).toEqual([4, 2])
  })

  test('of many flushes on both at once none is lost', async () => {
    const { endpointId } = await onSale()
    for (let round = 0; round < 20; round++) {
      observe(a, endpointId, true)
      observe(b, endpointId, false)
      await Promise.all([a.catalogue.flushStandings(), b.catalogue.flushStandings()])
    }
    const row = await b.store.db('endpoint_standings').where({ endpoint_id: endpointId }).first()
    expect([Number(row.delivered), Number(row.failed)]).toEqual([20, 20])
  })

  test('ratings that are given on both at once all count, on both', async () => {
    const { endpointId } = await onSale()
    const { sellerId } = a
    const rate = ({ catalogue }: ACatalogue, score: number) =>
      catalogue.setRatings(endpointId, async (tx) => {
        const marks = tx('ratings').where({ endpoint_id: endpointId })
        await tx('ratings').insert({
          ...{ call_id: `call_${endpointId}_${score}`, buyer_id: 'acct_1', seller_id: sellerId },
          ...{ endpoint_id: endpointId, score, created_at: 0, updated_at: 0 },
        })
        const row = await marks.first(tx.raw('sum(score) as sum'), tx.raw('count(*) as count'))
        const [sum, count] = [Number(row.sum), Number(row.count)]
        // So heavy that the mean of all does not show.
        return { sum, count, weight: 1e9 * count, weighted: 1e9 * sum }
      })
    await Promise.all([1, 2, 3, 4, 5].map((score) => rate(score % 2 === 0 ? a : b, score)))
    for (const gateway of [a, b]) {
      await gateway.catalogue.follow()
      expect(await resultOf(gateway, endpointId)).toMatchObject({ rating: 3, ratings: 5 })
      expect(await isFound(gateway, endpointId, { min_rating: 2.99 })).toBe(true)
      expect(await isFound(gateway, endpointId, { min_rating: 3.1 })).toBe(false)
    }
  })
}

function sharesTheMean(): void {
  test('where the mean of all moves, both rank by it what nobody rated since', async () => {
    const [{ endpointId }, other] = [await onSale(), await onSale()]
    const mark = (id: string, sum: number, weight: number) =>
      a.catalogue.setRatings(id, async () => ({ sum, count: 1, weight, weighted: weight * sum }))
    await mark(endpointId, 5, 0)
    for (const [mean, least, reached] of [
      [1, 1.2, false],
      [5, 4.8, true],
    ] as const) {
      await mark(other.endpointId, mean, 1e12)
      for (const gateway of [a, b]) {
        await gateway.catalogue.follow()
        expect(await resultOf(gateway, endpointId)).toMatchObject({ rating: 5, ratings: 1 })
        expect(await isFound(gateway, endpointId, { min_rating: least })).toBe(reached)
      }
    }
  })
}

function shipsOnce(): void {
  test('both load the files that ship at once, and each is applied once', async () => {
    const slugs = Array.from({ length: 8 }, (_, i) => `shipped-${i}`)
    for (const slug of slugs) writeFileSync(join(a.folder, `${slug}.yaml`), aProvider(slug))
    const seller = a.sellerId as Id<'account'>
    await Promise.all([a, b].map(({ catalogue }) => catalogue.loadShipped(seller)))
    for (const gateway of [a, b]) {
      await gateway.catalogue.follow()
      const found = await gateway.search.find({ category: 'shipped', limit: 20 })
      expect([...found.items].sort()).toEqual(slugs.map((slug) => `${slug}.today`))
    }
    const versions = await a.store.db('endpoint_versions').where('endpoint_id', 'like', 'shipped-%')
    expect(versions).toHaveLength(slugs.length)
  })
}

function aProvider(slug: string): string {
  return stringify({
    slug,
    title: 'Tide tables',
    description: 'High and low water.',
    category: 'shipped',
    status: 'live',
    provider: { homepage: 'https://tides.example', terms_url: 'https://tides.example/terms' },
    backend: { type: 'http', base_url: 'https://api.tides.example' },
    credential: { type: 'none' },
    endpoints: [anEndpoint({ slug: 'today', price: { model: 'free' } })],
  })
}
