import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { aDocument } from '../../test/contract/search-documents.js'
import { compacted } from './compact.js'
import { createLessons } from './lessons.js'
import { createRanking } from './ranking.js'
import type { SearchDocument, SearchQuery } from './search.js'
import { openIndex, type WordIndex } from './word-index.js'

function ended<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

const refolded = (index: WordIndex) => openIndex(new Map(), ended(index.fold()), index)
const reopened = (index: WordIndex) => openIndex(new Map(), ended(compacted(ended(index.fold()))))

function found(index: WordIndex, query: Partial<SearchQuery>): string[] {
  const ask = createRanking(index, createLessons())
  return ask({ limit: 100, ...query, place: { kind: 'first' } }).ids
}

const holding = (...documents: SearchDocument[]) => {
  const index = openIndex(new Map())
  documents.forEach(index.put)
  return index
}

describe('the index finds just what a list of the documents holds', () => {
  const WORDS = ['tide', 'train', 'brolly', 'menu', 'zebra']
  const ids = fc.constantFrom('a.x', 'a.y', 'b.x', 'c.x', 'c.y')
  const doing = fc.oneof(
    fc.record({
      put: ids,
      words: fc.subarray(WORDS),
      price: fc.bigInt({ min: 0n, max: 3n }),
    }),
    fc.record({ remove: ids }),
    fc.constantFrom('fold' as const, 'reopen' as const, 'search' as const),
  )

  test('whatever is put, removed, folded and left out in between', () => {
    fc.assert(
      fc.property(fc.array(doing, { maxLength: 30 }), fc.constantFrom(...WORDS), (deeds, word) => {
        let index = openIndex(new Map())
        const model = new Map<string, { words: string[]; price: bigint }>()
        for (const deed of deeds) {
          if (deed === 'fold') index = refolded(index)
          else if (deed === 'reopen') index = reopened(index)
          else if (deed === 'search') found(index, { query: word })
          else if ('remove' in deed) {
            index.remove(deed.remove)
            model.delete(deed.remove)
          } else {
            const { put: id, words, price } = deed
            index.put(aDocument(id, { title: words.join(' '), maxTotal: nanos(price) }))
            model.set(id, { words, price })
          }
        }
        const expected = (passes: (it: { words: string[]; price: bigint }) => boolean) =>
          [...model].flatMap(([id, it]) => (passes(it) ? [id] : [])).sort()
        expect(found(index, {}).sort()).toEqual(expected(() => true))
        expect(found(index, { query: word }).sort()).toEqual(
          expected(({ words }) => words.includes(word)),
        )
        expect(found(index, { query: word, maxPrice: nanos(1n) }).sort()).toEqual(
          expected(({ words, price }) => words.includes(word) && price <= 1n),
        )
      }),
    )
  })
})

test('scores stay the same over a fold and over what is left out', () => {
  const documents = Array.from({ length: 60 }, (_, n) =>
    aDocument(`l${n % 7}.e${n}`, {
      title: `Weather ${n % 5 === 0 ? 'tide' : 'train'}`,
      description: 'Menus and trains. '.repeat(1 + (n % 3)),
    }),
  )
  const whole = holding(...documents, ...documents, aDocument('gone.gone', { title: 'Weather' }))
  whole.remove('gone.gone')
  const query = { query: 'tide menus and weather trains' }
  const expected = found(holding(...documents), query)
  expect(found(refolded(whole), query)).toEqual(expected)
  expect(found(reopened(whole), query)).toEqual(expected)
})

test('what is left out is not there any more', () => {
  const index = holding(aDocument('a.x', { title: 'Tides' }), aDocument('b.x', { title: 'Trains' }))
  index.remove('b.x')
  const { words, listings } = ended(compacted(ended(index.fold())))
  expect(words).toContain('tide')
  expect(words).not.toContain('train')
  expect(listings.slugs).toEqual(['a'])
})

describe('odd documents', () => {
  const odd = [
    aDocument('a.b', { title: '', host: '', path: '', category: '', listingTitle: '' }),
    aDocument('nodots', { title: 'Nodots', host: 'localhost' }),
    aDocument('a.b.c', { title: 'Three', host: '127.0.0.1' }),
    aDocument('漢字.天気', { title: '天気 予報 \ud83c\udf26 \ud800', description: '\u0000' }),
    aDocument('huge.text', { description: 'tide '.repeat(5_000) }),
    aDocument('huge.word', { title: 'x'.repeat(10_000) }),
    aDocument('proto.type', { title: 'constructor __proto__ toString' }),
  ]

  test.each([
    // Without a telling word all are found.
    ['', 7],
    ['of the and', 7],
    ['\ud800', 7],
    [', '.repeat(500), 7],
    ['.'.repeat(1_000), 7],
    ['nodots', 1],
    ['天気', 1],
    ['tide', 1],
    ['constructor', 1],
    ['qqqqqq', 0],
    ['tide '.repeat(200), 1],
  ])('are no obstacle to a search for %.20j', (query, count) => {
    const index = holding(...odd)
    for (const it of [index, refolded(index), reopened(index)]) {
      expect(found(it, { query })).toHaveLength(count)
    }
  })

  test('can all be removed', () => {
    const index = holding(...odd)
    for (const { endpointId } of odd) index.remove(endpointId)
    for (const it of [index, refolded(index), reopened(index)]) {
      expect(found(it, { query: 'tide nodots' })).toEqual([])
      expect(found(it, {})).toEqual([])
      it.put(odd[1]!)
      expect(found(it, { query: 'nodots' })).toEqual(['nodots'])
    }
  })
})

test('a large listing is not read again for every few endpoints that change', () => {
  const endpoints = (title: string) =>
    Array.from({ length: 500 }, (_, n) => aDocument(`large.e${n}`, { title }))
  const index = holding(...endpoints('Tides'))
  index.refresh()
  let readings = 0
  const { read } = index.listings
  index.listings.read = (...given) => {
    readings++
    read(...given)
  }
  for (const document of endpoints('Trains')) {
    index.put(document)
    index.refresh()
  }
  expect(readings).toBeGreaterThan(0)
  expect(readings).toBeLessThanOrEqual(10)
})
