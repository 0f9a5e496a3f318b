import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { editDistance, meantStems, queryWords, stemOf, wordsOf } from './words.js'

describe('words', () => {
  test.each([
    ['listReposForOrg', ['list', 'repos', 'for', 'org', 'listreposfororg']],
    ['open_meteo', ['open', 'meteo', 'openmeteo']],
    ['air-quality', ['air', 'quality', 'airquality']],
    ['/repos/{owner}/commits', ['repos', 'owner', 'commits']],
    ['HTTPServer', ['http', 'server', 'httpserver']],
    ['QRCode', ['qr', 'code', 'qrcode']],
    ['GitHub', ['git', 'hub', 'github']],
    ['all IDs', ['all', 'ids']],
    ['Café Ångström straße', ['cafe', 'angstrom', 'strasse']],
    ["today's rate", ['today', 'rate']],
    ['base64, v1 and SHA-256', ['base64', 'v1', 'and', 'sha', '256', 'sha256']],
    ['天気 予報', ['天気', '予報']],
    ['"; (x) * ^', []],
  ])('of %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words)
  })

  test('hold letters and digits only, in lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const word of wordsOf(text)) {
          expect(word).toMatch(/^[\p{L}\p{N}]+$/u)
          expect(word).toBe(word.toLowerCase())
        }
      }),
    )
  })
})

describe('the words of a query', () => {
  test('are what remains without the phrases around them', () => {
    expect(queryWords('please find me an API endpoint to get the weather')).toEqual(['weather'])
  })

  test('are none where there is nothing else', () => {
    expect(queryWords('get me the API')).toEqual([])
  })

  test('come once each', () => {
    expect(queryWords('rain Rain RAIN')).toEqual(['rain'])
  })

  test('are never more than 64, however long the query is', () => {
    const query = Array.from({ length: 9_999 }, (_, number) => `w${number}`).join(' ')
    expect(queryWords(query)).toHaveLength(64)
    expect(queryWords('x'.repeat(1_000_000))).toEqual([])
  })
})

describe('what words stand for', () => {
  test('is named in the words of API descriptions, without the word itself', () => {
    expect(meantStems(stemOf('dollars'))).toEqual(['currency', 'exchange'].map(stemOf))
    expect(meantStems('repo')).toEqual(['repository'])
    expect(meantStems('repository')).toEqual(['repo'])
    expect(meantStems(stemOf('photos'))).toEqual(['picture', 'image'].map(stemOf))
    expect(meantStems('qzxv')).toEqual([])
  })
})

describe('the stem of a word', () => {
  test.each([
    ['cities', 'city'],
    ['addresses', 'address'],
    ['matches', 'match'],
    ['planned', 'plan'],
    ['plans', 'plan'],
    ['planning', 'plan'],
    ['rates', 'rate'],
    ['prices', 'pric'],
    ['price', 'pric'],
    ['news', 'news'],
    ['status', 'status'],
    ['string', 'string'],
    ['sms', 'sms'],
    ['2024s', '2024s'],
    ['天気', '天気'],
  ])('%j is %j', (word, stem) => {
    expect(stemOf(word)).toBe(stem)
  })
})

describe('the edit distance', () => {
  test.each([
    ['weather', 'weather', 0],
    ['wether', 'weather', 1],
    ['weatther', 'weather', 1],
    ['weathar', 'weather', 1],
    ['waether', 'weather', 1],
    ['exchnage', 'exchange', 1],
    ['curency', 'currencies', 3],
    ['cat', 'weather', 3],
  ])('of %s and %s is %i, counting to 2', (from, to, edits) => {
    expect(editDistance(from, to, 2)).toBe(edits)
  })

  test('is the same both ways', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })
    fc.assert(
      fc.property(word, word, (from, to) => {
        expect(editDistance(from, to, 3)).toBe(editDistance(to, from, 3))
      }),
    )
  })
})
