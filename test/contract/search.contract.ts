/** What every search behind the port guarantees; each adapter's test file runs it. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos, parseUsdc } from '#core/money'
import type { Search, SearchQuery } from '#search'
import { aDocument, aStanding, SHOP, SHOP_IDS } from './search-documents.js'

export function searchContract(adapter: string, start: () => Promise<Search>): void {
  describe(`the search contract, kept by ${adapter}`, () => {
    let search: Search

    beforeEach(async () => {
      search = await start()
    })

    afterEach(async () => {
      await search.close()
    })

    const ids = async (query: Partial<SearchQuery>) =>
      (await search.find({ limit: 20, ...query })).items

    describe('finding', () => {
      beforeEach(() => search.put(SHOP))

      test.each([
        ['weather in a city tomorrow', 'open-meteo.forecast'],
        ['please find me an API to convert dollars to euros', 'frankfurter.convert'],
        ['I need a book by its ISBN', 'open-library.isbn'],
        ['github repos list commits', 'github.list-commits'],
        ['listReposForOrg', 'github.list-org-repos'],
        ['open_meteo forecast', 'open-meteo.forecast'],
        ['open-library.isbn', 'open-library.isbn'],
        ['GET /repos/{owner}/{repo}/commits', 'github.list-commits'],
        ['REPOSITORIES OF AN ORGANISATION', 'github.list-org-repos'],
        ['forecasting temperatures', 'open-meteo.forecast'],
        ['traducción café', 'menus.translate'],
      ])('puts the right one first for %j', async (query, expected) => {
        expect((await ids({ query }))[0]).toBe(expected)
      })

      test('needs only one of the words to match', async () => {
        expect(await ids({ query: 'qzxv isbn qqqq' })).toContain('open-library.isbn')
      })

      test('finds words by their beginning where no document has them whole', async () => {
        expect((await ids({ query: 'tempera' }))[0]).toBe('open-meteo.forecast')
      })

      test('finds misspelt words', async () => {
        expect((await ids({ query: 'wether forcast' }))[0]).toBe('open-meteo.forecast')
      })

      test('finds nothing for words that occur nowhere', async () => {
        expect((await search.find({ query: 'qzxv', limit: 5 })).items).toEqual([])
      })

      test('shows everything for a query without a word', async () => {
        for (const query of ['', '  ', '*', '???'])
          expect((await ids({ query })).toSorted()).toEqual(SHOP_IDS)
      })

      test('takes no part of a query as syntax', async () => {
        const hostile = [
          '"',
          'weather" OR "isbn',
          'title:weather',
          'NEAR(weather isbn, 2)',
          'weather NOT weather',
          '{title} : weather',
          '^weather',
          "'; drop table documents; --",
          'weather AND (',
          'a\u0000b',
          '\ud800',
        ]
        for (const query of hostile) await ids({ query })
        expect((await ids({ query: 'weather NOT weather' }))[0]).toBe('open-meteo.forecast')
        await fc.assert(
          fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (query) => {
            expect((await ids({ query })).length).toBeLessThanOrEqual(SHOP.length)
          }),
          { numRuns: 50 },
        )
      })

      test('reads a long query as far as its first words', async () => {
        const query = `weather forecast ${'lorem ipsum dolor '.repeat(5_000)}`
        expect((await ids({ query }))[0]).toBe('open-meteo.forecast')
      })
    })

    describe('filters', () => {
      beforeEach(async () => {
        await search.put(SHOP)
        await search.putStanding([
          aStanding('github.list-commits', { rating: 4.5, ratings: 8, uptime: 0.99, calls: 200 }),
          aStanding('open-library.isbn', { rating: 3, ratings: 2, uptime: 0.5, calls: 10 }),
        ])
      })

      test('category is exact', async () => {
        expect((await ids({ category: 'code' })).toSorted()).toEqual([
          'github.list-commits',
          'github.list-org-repos',
        ])
        expect(await ids({ category: 'cod' })).toEqual([])
      })

      test('max price includes the price itself, to the last nano', async () => {
        const maxPrice = parseUsdc('0.00105')
        expect(await ids({ maxPrice, category: 'money' })).toEqual(['frankfurter.convert'])
        expect(await ids({ maxPrice: nanos(maxPrice - 1n), category: 'money' })).toEqual([])
      })

      test('max price is exact above the integers that a float can hold', async () => {
        const huge = 900_000_000_000_000_001n
        await search.put([aDocument('bank.wire', { maxTotal: nanos(huge), category: 'bank' })])
        expect(await ids({ category: 'bank', maxPrice: nanos(huge) })).toEqual(['bank.wire'])
        expect(await ids({ category: 'bank', maxPrice: nanos(huge - 1n) })).toEqual([])
      })

      test('min rating and min uptime leave out what has none', async () => {
        expect(await ids({ minRating: 4.5 })).toEqual(['github.list-commits'])
        expect(await ids({ minUptime: 0.99 })).toEqual(['github.list-commits'])
        expect((await ids({ minRating: 0 })).toSorted()).toEqual([
          'github.list-commits',
          'open-library.isbn',
        ])
        expect(await ids({ minUptime: 0 })).toHaveLength(2)
      })

      test('seller is an id, an exact name or a slug', async () => {
        expect(await ids({ seller: 'acct_books' })).toEqual(['open-library.isbn'])
        expect(await ids({ seller: 'Book people' })).toEqual(['open-library.isbn'])
        expect(await ids({ seller: 'book-people' })).toEqual(['open-library.isbn'])
        expect(await ids({ seller: 'Book' })).toEqual([])
      })

      test('hold for words too, all of them together', async () => {
        const query = 'weather commits isbn convert'
        expect(await ids({ query, category: 'books', maxPrice: nanos(0n) })).toEqual([
          'open-library.isbn',
        ])
        expect(await ids({ query, category: 'books', minRating: 4 })).toEqual([])
      })
    })

    describe('quality', () => {
      const twins = ['a', 'b', 'c'].map((name) =>
        aDocument(`${name}.convert`, { title: 'Convert money', listingTitle: 'Money' }),
      )

      beforeEach(() => search.put(twins))

      test('decides between equals, and the id where nothing is known', async () => {
        expect(await ids({ query: 'convert money' })).toEqual([
          'a.convert',
          'b.convert',
          'c.convert',
        ])
        await search.putStanding([
          aStanding('a.convert', { rating: 1, ratings: 20, uptime: 0.2, calls: 500 }),
          aStanding('c.convert', { rating: 5, ratings: 20, uptime: 1, calls: 500 }),
        ])
        for (const query of ['convert money', ''])
          expect(await ids({ query })).toEqual(['c.convert', 'b.convert', 'a.convert'])
      })

      test('never puts the wrong thing above the right one', async () => {
        await search.put(SHOP)
        await search.putStanding([
          aStanding('frankfurter.convert', { rating: 1, ratings: 999, uptime: 0, calls: 999 }),
          aStanding('github.list-commits', { rating: 5, ratings: 999, uptime: 1, calls: 999 }),
        ])
        const found = await ids({ query: 'convert dollars to euros, list rates' })
        expect(found[0]).toBe('frankfurter.convert')
      })

      test('replaces what was known before', async () => {
        await search.putStanding([aStanding('a.convert', { rating: 1, ratings: 9 })])
        await search.putStanding([aStanding('a.convert', { rating: 5, ratings: 9 })])
        expect((await ids({}))[0]).toBe('a.convert')
      })

      test('may be known before the document, and outlives its removal', async () => {
        await search.putStanding([aStanding('z.convert', { rating: 5, ratings: 9 })])
        const late = aDocument('z.convert', { title: 'Convert money' })
        for (let round = 0; round < 2; round++) {
          await search.put([late])
          expect(await ids({ minRating: 5 })).toEqual(['z.convert'])
          await search.remove(['z.convert'])
          expect(await ids({ minRating: 5 })).toEqual([])
        }
      })
    })

    describe('what past searches taught', () => {
      beforeEach(() => search.put(SHOP))

      test('finds an endpoint by words that it does not have', async () => {
        expect(await ids({ query: 'brolly' })).toEqual([])
        await search.putLessons([{ endpointId: 'open-meteo.forecast', words: { brolly: 1 } }])
        expect(await ids({ query: 'brolly' })).toEqual(['open-meteo.forecast'])
        expect(await ids({ query: 'brolly', category: 'books' })).toEqual([])
      })

      test('is replaced by what is taught later, and forgotten when cleared', async () => {
        await search.putLessons([{ endpointId: 'open-meteo.forecast', words: { brolly: 1 } }])
        await search.putLessons([{ endpointId: 'open-meteo.forecast', words: { gamp: 1 } }])
        expect(await ids({ query: 'brolly' })).toEqual([])
        expect(await ids({ query: 'gamp' })).toEqual(['open-meteo.forecast'])
        await search.clear()
        await search.put(SHOP)
        expect(await ids({ query: 'gamp' })).toEqual([])
      })

      test('weighs less than what an endpoint says of itself', async () => {
        const words = { isbn: 0.2, book: 0.2 }
        await search.putLessons([{ endpointId: 'frankfurter.convert', words }])
        expect((await ids({ query: 'book by isbn' }))[0]).toBe('open-library.isbn')
      })
    })

    test('what is alike comes behind what is different', async () => {
      const copies = ['v1', 'v2', 'v3'].map((version) =>
        aDocument(`tides.${version}`, { title: 'Tide tables', path: `/${version}/tides` }),
      )
      const other = aDocument('harbour.tides', { title: 'Tides and tables of a harbour' })
      await search.put([...copies, { ...other, host: 'harbour.example' }])
      expect((await ids({ query: 'tide tables' })).slice(0, 2)).toContain('harbour.tides')
    })

    describe('changes', () => {
      test('an empty index is ready and finds nothing', async () => {
        expect(await search.ready()).toBe(true)
        expect((await search.find({ query: 'weather', limit: 5 })).items).toEqual([])
        expect((await search.find({ limit: 5 })).items).toEqual([])
        expect(await search.categories()).toEqual([])
        expect(await search.revision()).toBeUndefined()
      })

      test('a document is findable as soon as it was put', async () => {
        await search.put([aDocument('a.b', { title: 'Tide tables' })])
        expect(await ids({ query: 'tides' })).toEqual(['a.b'])
      })

      test('putting an id again replaces the old document whole', async () => {
        await search.put([aDocument('a.b', { title: 'Tide tables', category: 'sea' })])
        await search.put([aDocument('a.b', { title: 'Train times', category: 'rail' })])
        expect(await ids({ query: 'tide' })).toEqual([])
        expect(await ids({ query: 'train' })).toEqual(['a.b'])
        expect(await ids({ category: 'sea' })).toEqual([])
        expect(await search.categories()).toEqual([{ name: 'rail', count: 1 }])
      })

      test('the last of two documents with one id in a put counts', async () => {
        await search.put([aDocument('a.b', { title: 'Old' }), aDocument('a.b', { title: 'New' })])
        expect(await ids({ query: 'old' })).toEqual([])
        expect(await ids({ query: 'new' })).toEqual(['a.b'])
      })

      test('a removed document is gone, and removing it twice is fine', async () => {
        await search.put(SHOP)
        await search.remove(['open-library.isbn', 'nobody.nothing'])
        await search.remove(['open-library.isbn'])
        expect(await ids({ query: 'isbn' })).not.toContain('open-library.isbn')
        expect(await ids({})).not.toContain('open-library.isbn')
      })

      test('putting and removing nothing changes nothing', async () => {
        await search.put([])
        await search.remove([])
        await search.putStanding([])
        expect(await ids({})).toEqual([])
      })

      test('categories are counted, the largest first', async () => {
        await search.put(SHOP)
        expect((await search.categories())[0]).toEqual({ name: 'code', count: 2 })
        const total = (await search.categories()).reduce((sum, { count }) => sum + count, 0)
        expect(total).toBe(SHOP.length)
      })

      test('the revision is the one stored last', async () => {
        await search.setRevision('7')
        await search.setRevision('8')
        expect(await search.revision()).toBe('8')
      })

      test('once cleared, it is as new: nothing is found or known, and it can be filled again', async () => {
        await search.put(SHOP)
        await search.putStanding([aStanding(SHOP_IDS[0]!, { rating: 5, ratings: 9 })])
        await search.setRevision('7')
        await search.clear()
        expect(await ids({})).toEqual([])
        expect(await ids({ query: 'weather' })).toEqual([])
        expect(await search.categories()).toEqual([])
        expect(await search.revision()).toBeUndefined()
        await search.put(SHOP)
        expect((await ids({ query: 'weather in a city tomorrow' }))[0]).toBe('open-meteo.forecast')
        expect(await ids({ minRating: 1 })).toEqual([])
      })
    })

    describe('pages', () => {
      const pads = Array.from({ length: 23 }, (_, number) =>
        aDocument(`pad.p${String(number).padStart(2, '0')}`, {
          title: 'Weather station',
          description: 'Reads a station. '.repeat(1 + (number % 7)),
        }),
      )

      const walk = async (query: Partial<SearchQuery>, between = async (_page: number) => {}) => {
        const seen: string[] = []
        let cursor: string | undefined
        for (let page = 0; page < 100; page++) {
          const found = await search.find({ limit: 5, ...query, ...(cursor && { cursor }) })
          seen.push(...found.items)
          cursor = found.nextCursor
          if (cursor === undefined) return seen
          expect(found.items).toHaveLength(query.limit ?? 5)
          await between(page)
        }
        throw new Error('The walk does not end.')
      }

      beforeEach(() => search.put(pads))

      test.each([{}, { query: 'weather station' }, { query: 'station', category: 'other' }])(
        'together are the whole answer in the same order: %j',
        async (query) => {
          const whole = (await search.find({ ...query, limit: 100 })).items
          expect(whole).toHaveLength(pads.length)
          for (const limit of [1, 5, 23]) expect(await walk({ ...query, limit })).toEqual(whole)
        },
      )

      test('the last page has no cursor', async () => {
        expect(await search.find({ limit: 23 })).not.toHaveProperty('nextCursor')
      })

      test('the size of the page may change on the way', async () => {
        const first = await search.find({ limit: 3 })
        const rest = await search.find({ limit: 100, cursor: first.nextCursor! })
        expect(new Set([...first.items, ...rest.items]).size).toBe(pads.length)
      })

      test('never repeat an item while documents come and go', async () => {
        const seen = await walk({ query: 'weather station' }, async (page) => {
          const title = 'Weather weather station'
          await search.put([aDocument(`new.n${page}`, { title, description: 'Station.' })])
          await search.remove([`pad.p0${page}`])
        })
        expect(new Set(seen).size).toBe(seen.length)
      })

      test('go on where the last item shown was removed', async () => {
        const first = await search.find({ limit: 5 })
        await search.remove([first.items.at(-1)!])
        const next = await search.find({ limit: 5, cursor: first.nextCursor! })
        expect(next.items).toHaveLength(5)
        expect(first.items).not.toContain(next.items[0])
      })

      test('a cursor of another query or other filters is refused', async () => {
        const { nextCursor } = await search.find({ query: 'weather', limit: 5 })
        const cursor = nextCursor!
        const others: Partial<SearchQuery>[] = [
          {},
          { query: 'station' },
          { query: 'weather', category: 'other' },
          { query: 'weather', maxPrice: nanos(1n) },
          { query: 'weather', minRating: 1 },
          { query: 'weather', minUptime: 1 },
          { query: 'weather', seller: 'acct_1' },
        ]
        for (const other of others)
          await expect(search.find({ ...other, limit: 5, cursor })).rejects.toMatchObject({
            code: 'invalid_request',
          })
      })

      test('a made-up cursor is refused', async () => {
        const forge = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
        for (const cursor of [
          '',
          'x',
          forge(null),
          forge([1, 2]),
          forge(['a', -1, 'b']),
          forge({}),
        ])
          await expect(search.find({ limit: 5, cursor })).rejects.toMatchObject({
            code: 'invalid_request',
          })
      })
    })
  })
}
