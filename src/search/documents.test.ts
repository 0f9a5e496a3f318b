import { expect, test } from 'vitest'
import { nanos } from '#core/money'
import { aDocument, aStanding } from '../../test/contract/search-documents.js'
import { createDocuments, type Documents } from './documents.js'
import type { SearchDocument, SearchQuery, Standing } from './search.js'

const of = { listing: 0, likeness: 0 }
const put = (documents: Documents, id: string, fields: Partial<SearchDocument> = {}) =>
  documents.put(aDocument(id, fields), of)

function passing(documents: Documents, query: Omit<SearchQuery, 'limit'>): string[] {
  const passes = documents.filterOf({ ...query, limit: 1 })
  const numbers = Array.from({ length: documents.count() }, (_, number) => number)
  return passes ? numbers.filter(passes).map(documents.idOf) : []
}

function foldedOf(documents: Documents, standings = new Map<string, Standing>()) {
  const folding = documents.fold()
  for (;;) {
    const step = folding.next()
    if (step.done) return createDocuments(standings, step.value.stored)
  }
}

test('prices are compared to the nano-USDC, however large they are', () => {
  const documents = createDocuments(new Map())
  const large = 10n ** 18n
  put(documents, 'a.less', { maxTotal: nanos(large - 1n) })
  put(documents, 'a.same', { maxTotal: nanos(large) })
  expect(passing(documents, { maxPrice: nanos(large - 1n) })).toEqual(['a.less'])
  expect(passing(foldedOf(documents), { maxPrice: nanos(large) })).toEqual(['a.less', 'a.same'])
})

test('a category is not a seller of the same name', () => {
  const documents = createDocuments(new Map())
  put(documents, 'a.category', { category: 'maps' })
  put(documents, 'a.seller', { sellerSlug: 'maps' })
  expect(passing(documents, { category: 'maps' })).toEqual(['a.category'])
  expect(passing(documents, { seller: 'maps' })).toEqual(['a.seller'])
})

test('a document that is put again is the new one, and a fold drops what is gone', () => {
  const documents = createDocuments(new Map())
  for (let round = 0; round < 1_000; round++) put(documents, 'a.b', { category: `c${round}` })
  put(documents, 'a.gone')
  documents.remove('a.gone')
  expect([documents.count(), documents.size()]).toEqual([1_001, 1])
  const after = foldedOf(documents)
  expect([after.count(), after.size(), after.numberOf('a.b')]).toEqual([1, 1, 0])
  expect(after.categories()).toEqual([{ name: 'c999', count: 1 }])
  expect(passing(after, { category: 'c998' })).toEqual([])
  expect(after.ofListing(0)).toEqual([0])
})

test('a standing belongs to the id: before the document, after it, and over a fold', () => {
  const standings = new Map<string, Standing>()
  const documents = createDocuments(standings)
  documents.putStanding(aStanding('a.b', { rating: 5, ratings: 50 }))
  put(documents, 'a.b')
  put(documents, 'a.c')
  const after = foldedOf(documents, standings)
  expect(passing(after, { minRating: 5 })).toEqual(['a.b'])
  expect(after.qualityOf(0)).toBeGreaterThan(after.qualityOf(1))
})
