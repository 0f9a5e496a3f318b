import { expect, test } from 'vitest'
import { aDocument } from '../../test/contract/search-documents.js'
import { askOf } from './ask.js'
import { createCandidates } from './candidates.js'
import { createFacts } from './facts.js'
import { queryTerms } from './query-terms.js'
import { judgeAll, scoreOf, WEIGHTS } from './signals.js'
import { openIndex } from './word-index.js'

const index = openIndex(new Map())
const documents = [
  aDocument('hotels.book', { title: 'Book a hotel room', method: 'POST', listingTitle: 'Hotels' }),
  aDocument('weather.now', { title: 'Weather', method: 'GET', listingTitle: 'Weather' }),
  aDocument('weather.old', { title: 'Weather of hotels in the past', method: 'GET' }),
  aDocument('empty.x', { title: '', listingTitle: '', host: '', path: '' }),
]
documents.forEach(index.put)
index.refresh()

/** The signals of every document, also of those that the query does not find. */
function judged(query: string) {
  const terms = queryTerms(index, query)
  const ask = askOf(terms)
  const found = createCandidates(index)(terms, () => true)
  const all = { ...found, documents: [0, 1, 2, 3] }
  return judgeAll(ask, all, createFacts(index)(ask, all))
}

test.each(['', 'zebra', 'weather', 'hotel weather', 'book a hotel room, then show the weather'])(
  'every signal of every document is a number of about 0 to 1 for %j',
  (query) => {
    for (const { signals, clause } of judged(query)) {
      expect(clause).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(scoreOf(signals, WEIGHTS))).toBe(true)
      const { clauseShare, method, ...parts } = signals
      expect(method).toBeGreaterThanOrEqual(-1)
      expect(clauseShare).toBeLessThan(0.1)
      for (const part of Object.values(parts)) {
        expect(part).toBeGreaterThanOrEqual(0)
        expect(part).toBeLessThanOrEqual(1.001)
      }
    }
  },
)

test('a document answers the clause that is about it, and fits the verb of that clause', () => {
  const [hotel, weather] = judged('book a hotel room, then show the weather in town')
  expect([hotel!.clause, weather!.clause]).toEqual([0, 1])
  expect([hotel!.signals.method, weather!.signals.method]).toEqual([1, 1])
})

test('what a text says beside what is asked makes less of it be asked for', () => {
  const [, only, beside] = judged('weather')
  expect(only!.signals.title).toBeGreaterThan(beside!.signals.title)
  expect(beside!.signals.title).toBeGreaterThan(0)
})
