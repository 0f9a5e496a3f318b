/** What every search behind the port guarantees to those who may only find some listings. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Search } from '#search'
import { aDocument } from './search-documents.js'

const SLUGS = ['wiki', 'wiki-two', 'maps', 'wik']
const IDS = SLUGS.flatMap((slug) => ['one', 'two'].map((name) => `${slug}.${name}`))

export function searchListsContract(adapter: string, start: () => Promise<Search>): void {
  describe(`finding only some listings, by ${adapter}`, () => {
    let search: Search

    beforeEach(async () => {
      search = await start()
      const documents = IDS.map((id) => {
        const category = id.startsWith('maps') ? 'geo' : 'texts'
        return aDocument(id, { title: 'Articles of a wiki', category })
      })
      await search.put(documents)
    })

    afterEach(async () => {
      await search.close()
    })

    test('finds what is of them and nothing else, with a query and without', async () => {
      const lists = fc.asyncProperty(fc.subarray(SLUGS), async (slugs) => {
        const only = new Set(slugs)
        const due = IDS.filter((id) => slugs.includes(id.split('.')[0]!)).toSorted()
        for (const query of ['', 'articles of a wiki']) {
          expect((await search.find({ query, only, limit: 20 })).items.toSorted()).toEqual(due)
        }
      })
      await fc.assert(lists, { numRuns: 8 })
    })

    test('pages through all of them', async () => {
      const only = new Set(['wiki', 'maps'])
      const seen: string[] = []
      for (let cursor: string | undefined, more = true; more; ) {
        const page = await search.find({ only, limit: 1, ...(cursor !== undefined && { cursor }) })
        seen.push(...page.items)
        cursor = page.nextCursor
        more = cursor !== undefined
      }
      expect(seen.toSorted()).toEqual(['maps.one', 'maps.two', 'wiki.one', 'wiki.two'])
    })

    test('takes a cursor only with the list that it was given for', async () => {
      const found = await search.find({ only: new Set(['wiki']), limit: 1 })
      for (const only of [undefined, new Set(['maps'])]) {
        const query = { limit: 1, cursor: found.nextCursor!, ...(only && { only }) }
        await expect(search.find(query)).rejects.toMatchObject({ code: 'invalid_request' })
      }
    })

    test('counts the categories of those alone', async () => {
      expect(await search.categories(new Set(['maps']))).toEqual([{ name: 'geo', count: 2 }])
      expect(await search.categories(new Set())).toEqual([])
      expect(await search.categories()).toEqual([
        { name: 'texts', count: 6 },
        { name: 'geo', count: 2 },
      ])
    })
  })
}
