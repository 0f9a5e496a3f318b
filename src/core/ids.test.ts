import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ID_PREFIX, type IdKind, isId, newId } from './ids.js'

const kinds = Object.keys(ID_PREFIX) as IdKind[]
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** The UUID inside an id, in hex. */
function uuidIn(id: string): string {
  let value = 0n
  for (const char of id.slice(-26)) value = value * 32n + BigInt(ALPHABET.indexOf(char))
  return value.toString(16).padStart(32, '0')
}

test.each(kinds)('an id of kind %s has its prefix and is one of no other kind', (kind) => {
  const id = newId(kind, Date.UTC(2026, 0, 15))
  expect(id).toMatch(new RegExp(`^${ID_PREFIX[kind]}_[0-9a-hjkmnp-tv-z]{26}$`))
  expect(kinds.filter((other) => isId(other, id))).toEqual([kind])
})

test('no two kinds share a prefix', () => {
  expect(new Set(Object.values(ID_PREFIX)).size).toBe(kinds.length)
})

test('an id is a UUIDv7 that carries the time of its birth', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 47 }), (nowMs) => {
      const uuid = uuidIn(newId('call', nowMs))
      expect(Number.parseInt(uuid.slice(0, 12), 16)).toBe(nowMs)
      expect(uuid[12]).toBe('7')
      expect('89ab').toContain(uuid[16])
    }),
  )
})

test('ids sort by birth', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 40 }), (earlier, after) => {
      expect(newId('call', earlier) < newId('call', earlier + after)).toBe(true)
    }),
  )
})

test('ten thousand ids of one moment are all different', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => newId('call', 0)))
  expect(ids.size).toBe(10_000)
})

test.each([
  '',
  'call_',
  'call',
  `call_${'0'.repeat(25)}`,
  `call_${'0'.repeat(27)}`,
  `call_${'i'.repeat(26)}`,
  `call_${'l'.repeat(26)}`,
  `call_${'o'.repeat(26)}`,
  `call_${'u'.repeat(26)}`,
  `CALL_${'0'.repeat(26)}`,
  `call_${'A'.repeat(26)}`,
  `call_${'0'.repeat(25)}\n`,
  ` call_${'0'.repeat(25)}`,
  `key_${'0'.repeat(26)}`,
  null,
  1,
  ['call_00000000000000000000000000'],
])('%j is not the id of a call', (text) => {
  expect(isId('call', text)).toBe(false)
})
