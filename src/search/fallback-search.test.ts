/** What a searcher gets while Meilisearch is well, away, slow, wrong, empty or behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { aDocument } from '../../test/contract/search-documents.js'
import { type AMeilisearch, aMeilisearch } from '../../test/support/a-meilisearch.js'
import {
  embeddedSearch,
  type Found,
  fallbackSearch,
  meilisearch,
  type RemoteSearch,
  type Search,
} from './search.js'

let server: AMeilisearch
let remote: RemoteSearch
let search: Search
let clock: ReturnType<typeof handClock>
let told: string[]

const EVERYWHERE = [aDocument('a.tides', { title: 'Tide tables' }), aDocument('b.trains')]

beforeEach(async () => {
  server = await aMeilisearch()
  clock = handClock()
  told = []
  remote = meilisearch({ url: server.url, key: server.key, embedder: undefined }, 'souk-test')
  const embedded = embeddedSearch(':memory:')
  const watch = {
    away: (error: unknown) => told.push((error as Error).message),
    back: () => told.push('back'),
  }
  search = fallbackSearch({ embedded, remote, clock, watch })
  await search.put(EVERYWHERE)
  await search.setRevision('7')
})

afterEach(async () => {
  await search.close()
  await server.close()
})

async function fill(revision: string, documents = EVERYWHERE): Promise<void> {
  const next = await remote.next()
  await next.put(documents)
  await next.setRevision(revision)
  await remote.swap()
}

const BY_FALLBACK = { items: ['a.tides'], engine: 'embedded', isFallback: true }
const BY_MEILISEARCH = { items: ['a.tides'], engine: 'meilisearch' }
const find = (): Promise<Found> => search.find({ query: 'tides', limit: 5 })

describe('Meilisearch answers', () => {
  test('where it holds the revision of the embedded index, or a later one', async () => {
    await fill('7')
    expect(await find()).toEqual(BY_MEILISEARCH)
    await (await remote.live())!.setRevision('12 3/a.tides')
    expect(await find()).toEqual(BY_MEILISEARCH)
    expect(told).toEqual([])
  })

  test('again when it is back, which is told once', async () => {
    await fill('7')
    await server.goAway()
    await find()
    await server.comeBack()
    clock.advance(1_000)
    expect(await find()).toEqual(BY_MEILISEARCH)
    expect(await find()).toEqual(BY_MEILISEARCH)
    expect(told).toEqual(['Meilisearch does not answer (ECONNREFUSED).', 'back'])
  })
})

describe('the embedded index answers, marked as a fallback', () => {
  test('before the first index is there', async () => {
    expect(await find()).toEqual(BY_FALLBACK)
    const next = await remote.next()
    await next.put(EVERYWHERE)
    expect(await find()).toEqual(BY_FALLBACK)
  })

  test('while Meilisearch is behind', async () => {
    await fill('6')
    expect(await find()).toEqual(BY_FALLBACK)
  })

  test('where the index is of another layout', async () => {
    await fill('7')
    server.indexes.get('souk-test')!.rows.get('state')!.layout = '0-of-another-version'
    expect(await find()).toEqual(BY_FALLBACK)
  })

  test('where the server lost the index', async () => {
    await fill('7')
    server.indexes.delete('souk-test')
    expect(await find()).toEqual(BY_FALLBACK)
  })

  test('while the server is away, which is not found out by every search', async () => {
    await fill('7')
    await server.goAway()
    const before = server.requests.length
    for (let round = 0; round < 3; round++) expect(await find()).toEqual(BY_FALLBACK)
    await server.comeBack()
    expect(await find()).toEqual(BY_FALLBACK)
    expect(server.requests.length).toBe(before)
    expect(told).toEqual(['Meilisearch does not answer (ECONNREFUSED).'])
  })

  test('where the server does not answer in time', async () => {
    await fill('7')
    server.neverAnswer('multi-search')
    expect(await find()).toEqual(BY_FALLBACK)
    expect(told).toEqual(['Meilisearch does not answer (TimeoutError).'])
  })

  test.each([
    [500, '{"code":"internal","message":"x"}', 'Meilisearch answered 500 (internal).'],
    [502, '<html>', 'Meilisearch did not answer with JSON.'],
    [200, '<html>', 'Meilisearch did not answer with JSON.'],
    [200, '{"results":[]}', expect.any(String)],
    [200, 'null', expect.any(String)],
  ])('where it answers %d with %s', async (status, body, why) => {
    await fill('7')
    server.answerAllWith({ status, body })
    expect(await find()).toEqual(BY_FALLBACK)
    expect(told).toEqual([why])
  })

  test('where the key is wrong, and the key is not told', async () => {
    await fill('7')
    const key = server.key
    server.key = 'another'
    expect(await find()).toEqual(BY_FALLBACK)
    expect(told).toEqual(['Meilisearch answered 403 (invalid_api_key).'])
    expect(told.join()).not.toContain(key)
  })
})

describe('pages', () => {
  const stations = Array.from({ length: 12 }, (_, at) =>
    aDocument(`s.p${at}`, { title: 'Station' }),
  )
  const walk = async (query: string, between: (page: number) => Promise<unknown>) => {
    const seen: string[] = []
    let cursor: string | undefined
    for (let page = 0; page < 10; page++) {
      const found = await search.find({ query, limit: 3, ...(cursor && { cursor }) })
      seen.push(...found.items)
      cursor = found.nextCursor
      if (cursor === undefined) break
      await between(page)
    }
    return seen
  }

  test.each(['station', ''])('go on where the engine changes on the way, for %j', async (query) => {
    await search.remove(['a.tides', 'b.trains'])
    await search.put(stations)
    await fill('7', stations)
    const seen = await walk(query, async (page) => {
      if (page === 0) await server.goAway()
      else if (page === 1) {
        await server.comeBack()
        clock.advance(60_000)
      }
    })
    expect(seen.toSorted()).toEqual(stations.map(({ endpointId }) => endpointId).toSorted())
  })

  test('a cursor that nobody gave is refused, and is no fault of the server', async () => {
    await fill('7')
    const found = search.find({ query: 'tides', limit: 5, cursor: 'x' })
    await expect(found).rejects.toMatchObject({ code: 'invalid_request' })
    expect(told).toEqual([])
  })
})
