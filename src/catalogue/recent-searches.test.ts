import { describe, expect, test } from 'vitest'
import { createRecentSearches, wordsToLearn } from './recent-searches.js'

const MINUTE_MS = 60_000
const NOW = 1_700_000_000_000

function aTrail() {
  const searches = createRecentSearches()
  return {
    search: (query: string, shown: string[], minute = 0, key = 'key_a') =>
      searches.searched(key, query, shown, NOW + minute * MINUTE_MS),
    open: (endpointId: string, minute = 0) =>
      searches.opened('key_a', endpointId, NOW + minute * MINUTE_MS),
    ledTo: (endpointId: string, minute = 0, key = 'key_a') =>
      searches
        .ledTo(key, endpointId, NOW + minute * MINUTE_MS)
        .map(({ words, how }) => `${how} ${words.join(' ')}`),
  }
}

describe('a call is put down to', () => {
  test('the searches of its key that showed the endpoint', () => {
    const { search, ledTo } = aTrail()
    search('weather oslo', ['met.now', 'sky.now'])
    search('train oslo', ['rail.times'])
    expect(ledTo('met.now')).toEqual(['shown weather oslo'])
    expect(ledTo('met.now', 0, 'key_b')).toEqual([])
  })

  test('the one in other words before it, when the endpoint was opened since', () => {
    const { search, open, ledTo } = aTrail()
    search('brolly advice', ['umbrella.shop'])
    search('weather forecast', ['met.now'])
    expect(ledTo('met.now')).toEqual(['shown weather forecast'])
    open('met.now')
    expect(ledTo('met.now')).toEqual(['sought brolly advice', 'shown weather forecast'])
  })

  test('no search that had found what it was for', () => {
    const { search, open, ledTo } = aTrail()
    search('umbrella', ['umbrella.shop'])
    expect(ledTo('umbrella.shop')).toEqual(['shown umbrella'])
    search('weather', ['met.now'])
    open('met.now')
    expect(ledTo('met.now')).toEqual(['shown weather'])
  })

  test('no search of long ago, and no more than the latest five', () => {
    const { search, ledTo } = aTrail()
    search('first', ['met.now'], 0)
    search('second', ['met.now'], 10)
    expect(ledTo('met.now', 16)).toEqual(['shown second'])
    for (const word of ['three', 'four', 'five', 'six', 'seven']) search(word, ['met.now'], 16)
    expect(ledTo('met.now', 16)).toHaveLength(5)
  })

  test('a search that is made again after a while', () => {
    const { search, ledTo } = aTrail()
    search('weather', ['met.now'], 0)
    search('weather', ['met.now'], 60)
    expect(ledTo('met.now', 61)).toEqual(['shown weather'])
  })

  test('all pages of a search, as one', () => {
    const { search, ledTo } = aTrail()
    search('weather', ['met.now'])
    search('weather', ['sky.now'])
    expect(ledTo('sky.now')).toEqual(['shown weather'])
  })
})

test('keys that are silent for long are forgotten, so that memory is bounded', () => {
  const { search, ledTo } = aTrail()
  search('weather', ['met.now'])
  for (let i = 0; i < 5_000; i++) search('rain', ['met.now'], 0, `key_${i}`)
  expect(ledTo('met.now')).toEqual([])
  expect(ledTo('met.now', 0, 'key_4999')).toEqual(['shown rain'])
})

describe('of a query', () => {
  test('words are kept that say what it is about', () => {
    expect(wordsToLearn('Please find me the Brolly-Advice for Łódź!')).toEqual([
      'brolly',
      'advice',
      'brollyadvice',
      'lodz',
    ])
  })

  test.each([
    'john.doe@acme.example',
    'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
    '4111 1111 1111 1111',
    'password=correcthorse',
    'token:abcdefgh',
    'https://acme.example/secret/path',
    'C:\\Users\\ada',
    'eyJhbGciOiJFZERTQSJ9.payload.signature2',
    'aVeryLongRunOfLettersWithoutAnySpaceInIt',
    'is it 12',
  ])('data is not: %s', (query) => {
    expect(wordsToLearn(query)).toEqual([])
  })

  test('no more than twelve words are', () => {
    const words = [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => letter.repeat(4))
    expect(wordsToLearn(words.join(' '))).toHaveLength(12)
  })
})
