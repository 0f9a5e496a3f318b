/** What goes over the wire to Meilisearch, and what is made of its answers and failures. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aDocument, aStanding } from '../../test/contract/search-documents.js'
import { type AMeilisearch, aMeilisearch } from '../../test/support/a-meilisearch.js'
import { meilisearch, type RemoteSearch, type Search } from './search.js'

const NAME = 'souk-test'
const SEMANTIC = { settings: { source: 'ollama', url: 'http://127.0.0.1:9/' }, semanticRatio: 0.5 }

let server: AMeilisearch
let remote: RemoteSearch

beforeEach(async () => {
  server = await aMeilisearch()
  remote = connect()
})

afterEach(() => server.close())

function connect(embedder?: typeof SEMANTIC): RemoteSearch {
  return meilisearch({ url: server.url, key: server.key, embedder }, NAME)
}

async function aLive(): Promise<Search> {
  await remote.next()
  await remote.swap()
  return (await remote.live())!
}

const tides = aDocument('a.tides', { title: 'Tide tables' })

describe('a change', () => {
  test('is done only when the server has stored it', async () => {
    const live = await aLive()
    let storedBefore: boolean | undefined
    server.beforeNext('documentAdditionOrUpdate', () => {
      storedBefore = server.tasks.at(-1)!.status === 'succeeded'
    })
    await live.put([tides])
    expect(storedBefore).toBe(false)
    expect(server.tasks.every(({ status }) => status === 'succeeded')).toBe(true)
  })

  test('whose task fails is not done, and says why', async () => {
    const live = await aLive()
    server.failNext('documentAdditionOrUpdate', 'no_space_left_on_device')
    const put = live.put([tides])
    await expect(put).rejects.toThrow('failed at a task (no_space_left_on_device)')
  })

  test('of very many documents is sent in portions', async () => {
    const live = await aLive()
    server.requests.length = 0
    const many = Array.from({ length: 2_001 }, (_, at) => aDocument(`many.e${at}`))
    await live.put(many)
    const additions = server.requests.filter((line) => line === `POST /indexes/${NAME}/documents`)
    expect(additions).toHaveLength(3)
    expect(await live.categories()).toEqual([{ name: 'other', count: 2_001 }])
  })

  test('leaves nothing of a document behind of which nothing else is known', async () => {
    const live = await aLive()
    await live.put([tides, aDocument('b.rated')])
    await live.putStanding([aStanding('b.rated', { rating: 5, ratings: 9 })])
    await live.remove(['a.tides', 'b.rated'])
    const left = [...server.indexes.get(NAME)!.rows.values()]
    expect(left).toEqual([
      expect.objectContaining({ id: 'state' }),
      expect.not.objectContaining({ is_shown: true }),
    ])
  })
})

describe('an index', () => {
  test('that is made beside the live one answers for nobody until it is swapped', async () => {
    const live = await aLive()
    await live.put([tides])
    const next = await remote.next()
    await next.put([aDocument('b.trains')])
    expect((await live.find({ limit: 5 })).items).toEqual(['a.tides'])
    let shown: unknown
    server.beforeNext('indexSwap', () => {
      shown = [...server.indexes.get(NAME)!.rows.values()].map(({ endpoint_id }) => endpoint_id)
    })
    await remote.swap()
    expect(shown).toContain('a.tides')
    expect((await live.find({ limit: 5 })).items).toEqual(['b.trains'])
    expect([...server.indexes.keys()]).toEqual([NAME])
  })

  test('whose making was interrupted is gone on with', async () => {
    const next = await remote.next()
    await next.put([tides])
    await next.setRevision('3')
    expect(await (await connect().next()).revision()).toBe('3')
  })

  test('of another layout is not live, and not gone on with', async () => {
    const live = await aLive()
    await live.setRevision('3')
    await (await remote.next()).setRevision('4')
    const other = connect(SEMANTIC)
    expect(await other.live()).toBeUndefined()
    expect(await (await other.next()).revision()).toBeUndefined()
    expect(server.indexes.get(`${NAME}-next`)!.settings).toHaveProperty('embedders')
    expect(await remote.live()).toBeDefined()
  })

  test('that the server made of what it was sent, without settings, is not live', async () => {
    const live = await aLive()
    server.indexes.delete(NAME)
    await live.put([]) // Nothing to send: the index is still missing.
    await live.putStanding([aStanding('a.tides', {})])
    await live.setRevision('9')
    expect(server.indexes.has(NAME)).toBe(true)
    expect(await remote.live()).toBeUndefined()
  })
})

describe('a search', () => {
  test('gives each word its rarity, also where more endpoints have a word than are listed', async () => {
    const live = await aLive()
    const stations = Array.from({ length: 450 }, (_, at) =>
      aDocument(`s.p${at}`, { title: 'Weather' }),
    )
    const wanted = aDocument('z.z', { description: 'Tides and weather.' })
    const other = aDocument('z.a', { description: 'Tides and moons.' })
    await live.put([...stations, wanted, other])
    const { items } = await live.find({ query: 'weather tides', limit: 3 })
    expect(items.slice(0, 2)).toEqual(['z.z', 'z.a'])
  })

  test('with more words than Meilisearch reads still finds the last', async () => {
    const live = await aLive()
    await live.put([tides])
    const query = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda tide'
    expect((await live.find({ query, limit: 5 })).items).toEqual(['a.tides'])
  })

  test('for an identifier of nothing but glue finds it, page by page', async () => {
    const live = await aLive()
    await live.put(['a', 'b', 'c'].map((slug) => aDocument(`${slug}.get-it`)))
    const first = await live.find({ query: 'getIt', limit: 2 })
    const second = await live.find({ query: 'getIt', limit: 2, cursor: first.nextCursor! })
    expect([...first.items, ...second.items]).toEqual(['a.get-it', 'b.get-it', 'c.get-it'])
    expect(second.nextCursor).toBeUndefined()
  })

  test('compares categories and sellers to the letter', async () => {
    const live = await aLive()
    await live.put([aDocument('a.b', { category: 'code', sellerName: 'Book people' })])
    for (const query of [{ category: 'Code' }, { seller: 'book People' }])
      expect((await live.find({ ...query, limit: 5 })).items).toEqual([])
  })

  test.each([
    ['1e999', 'x'],
    ['-1e999', 'x" OR id = "state'],
    ['0', '\\\\'],
    ['0', 'a\\ud800'],
  ])('takes no part of a cursor as syntax: %s %s', async (quality, id) => {
    const live = await aLive()
    await live.put([tides, aDocument('b.trains')])
    const { nextCursor } = await live.find({ limit: 1 })
    const [question] = JSON.parse(Buffer.from(nextCursor!, 'base64url').toString())
    const forged = `["${question}",${quality},"${id.replaceAll('"', '\\"')}"]`
    const cursor = Buffer.from(forged).toString('base64url')
    const { items } = await live.find({ limit: 5, cursor })
    expect(items.every((item) => ['a.tides', 'b.trains'].includes(item))).toBe(true)
  })

  test('finds by meaning, too, where there is an embedder', async () => {
    remote = connect(SEMANTIC)
    const live = await aLive()
    await live.put([
      tides,
      aDocument('b.sea', { title: 'The sea', description: 'About thewaters.' }),
    ])
    const settings = server.indexes.get(NAME)!.settings
    expect(settings.embedders).toEqual({
      souk: { documentTemplate: '{{doc.text}}', ...SEMANTIC.settings },
    })
    const { items } = await live.find({ query: 'tides waters', limit: 5 })
    expect(items.toSorted()).toEqual(['a.tides', 'b.sea'])
  })
})

describe('health', () => {
  test('tells of the version, the documents, the place and failed tasks', async () => {
    expect(await remote.health()).toEqual({
      version: '1.50.0',
      documents: undefined,
      revision: undefined,
      isBuilding: false,
      failedTasks: 0,
      lastFailure: undefined,
    })
    const live = await aLive()
    await live.put([tides])
    await live.putStanding([aStanding('b.unknown', { rating: 1, ratings: 1 })])
    await live.setRevision('3 4/a.tides')
    await remote.next()
    server.failNext('documentAdditionOrUpdate', 'internal')
    await live.put([tides]).catch(() => {})
    expect(await remote.health()).toEqual({
      version: '1.50.0',
      documents: 1,
      revision: '3 4/a.tides',
      isBuilding: true,
      failedTasks: 1,
      lastFailure: 'internal',
    })
  })
})
