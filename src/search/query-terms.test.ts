import { expect, test } from 'vitest'
import { aDocument } from '../../test/contract/search-documents.js'
import { queryTerms } from './query-terms.js'
import type { SearchDocument } from './search.js'
import { openIndex } from './word-index.js'

function asked(query: string, ...documents: SearchDocument[]): string[][] {
  const index = openIndex(new Map())
  documents.forEach(index.put)
  const { terms } = queryTerms(index, query)
  return terms.map(({ words }) => [...words.keys()].map((word) => index.vocabulary.list[word]!))
}

const titled = (title: string, id = 'a.b') => aDocument(id, { title })

test('a known word stands for itself, an unknown one for what begins like it or is spelt like it', () => {
  const documents = [titled('Weather forecasts')]
  expect(asked('weather', ...documents)).toEqual([['weather']])
  expect(asked('forec', ...documents)).toEqual([['forecast']])
  expect(asked('wheather', ...documents)).toEqual([['weather']])
  expect(asked('zebra', ...documents)).toEqual([])
})

test('words that no document has any more are no guess', () => {
  const [old, now] = [titled('Forecaa forecab forecac'), titled('Forecasting')]
  expect(asked('foreca', old, titled('Tides'))).toEqual([['forecaa', 'forecab', 'forecac']])
  expect(asked('forecas', now)).toEqual([['forecast']])
})

test('a name that is written as several words is found as one', () => {
  const listing = { listingTitle: 'SendGrid', host: 'api.nytimes.com', title: 'Grid of times' }
  const [document] = [aDocument('x.y', listing)]
  expect(asked('send a grid', document!).flat()).not.toContain('nytim')
  expect(asked('send grid', document!).flat()).toContain('sendgrid')
  expect(asked('new york times', document!).flat()).toContain('nytim')
})

test('there is a clause for each part that has a known word, and always one', () => {
  const index = openIndex(new Map())
  index.put(titled('Book hotel rooms, rent cars'))
  const clausesIn = (query: string) => queryTerms(index, query).clauses.map((it) => it.terms.length)
  expect(clausesIn('book hotel rooms, and rent cars')).toEqual([3, 2])
  expect(clausesIn('book hotel rooms, and feed zebras')).toEqual([3])
  expect(clausesIn('feed zebras')).toEqual([0])
  expect(clausesIn('')).toEqual([0])
})

test('no word counts for nothing, and none more than the one that was said', () => {
  const index = openIndex(new Map())
  for (let n = 0; n < 20; n++) index.put(titled('Photo repository', `a.e${n}`))
  index.put(titled('Repo picture', 'b.b'))
  for (const { weight, words } of queryTerms(index, 'repo photo pictures zebra').terms) {
    expect(weight).toBeGreaterThan(0)
    for (const worth of words.values()) {
      expect(worth).toBeGreaterThan(0)
      expect(worth).toBeLessThanOrEqual(1)
    }
  }
})
