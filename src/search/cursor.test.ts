import { expect, test } from 'vitest'
import { cursorBehind, MAX_RESULTS, placeOf, shownHash } from './cursor.js'
import type { SearchQuery } from './search.js'

/** Longer ones are refused by browse_apis. */
const LONGEST_CURSOR = 2_000

const query: SearchQuery = { query: 'weather in a city', limit: 20 }
const ids = (count: number) => Array.from({ length: count }, (_, n) => `listing-${n}.endpoint`)

test.each([1, 7, 20])('every cursor of pages of %i can be sent back, to the last', (limit) => {
  const all = ids(MAX_RESULTS + 3 * limit)
  const shown: string[] = []
  for (let cursor: string | undefined = '', page = 0; cursor !== undefined; page++) {
    const place = page === 0 ? placeOf(query) : placeOf({ ...query, cursor })
    const hashes = place.kind === 'unshown' ? place.shown : []
    expect(hashes).toEqual(shown.map(shownHash))
    const next = all.slice(shown.length, shown.length + limit)
    cursor = cursorBehind({ ...query, limit }, place, { ids: next, quality: 0 })
    expect(cursor?.length ?? 0).toBeLessThanOrEqual(LONGEST_CURSOR)
    shown.push(...next)
  }
  expect(shown.length).toBeGreaterThan(MAX_RESULTS)
})

test('without words it holds the last place, however long the id is', () => {
  const id = `${'l'.repeat(64)}.${'e'.repeat(64)}`
  const cursor = cursorBehind({ limit: 5 }, { kind: 'first' }, { ids: [id], quality: -0.1 })!
  expect(placeOf({ limit: 3, cursor })).toEqual({ kind: 'behind', quality: -0.1, endpointId: id })
  expect(cursor.length).toBeLessThanOrEqual(LONGEST_CURSOR)
})
