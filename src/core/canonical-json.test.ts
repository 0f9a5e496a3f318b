import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, createCanonicalJson, sha256Hex } from './canonical-json.js'

describe('the vectors of RFC 8785', () => {
  test('literals, numbers and escapes', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    const expected = String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
    expect(canonicalJson(JSON.parse(text))).toBe(expected)
  })

  test('members are sorted by UTF-16 code units', () => {
    const members = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const sorted = Object.values(JSON.parse(canonicalJson(members)))
    // JavaScript puts names that are whole numbers first when it reads them back.
    expect(sorted).toEqual([
      'One',
      'Carriage Return',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
    expect(canonicalJson(members)).toMatch(/^\{"\\r":"Carriage Return","1":"One",/)
  })

  test.each([
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [-5e-324, '-5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e23, '1e+23'],
    [999999999999999700000, '999999999999999700000'],
    [1e21, '1e+21'],
    [9.999999999999997e-7, '9.999999999999997e-7'],
    [0.000001, '0.000001'],
    [333333333.3333332, '333333333.3333332'],
    [-0.0000033333333333333333, '-0.0000033333333333333333'],
    [1424953923781206.2, '1424953923781206.2'],
  ])('the number %d is %s', (number, text) => {
    expect(canonicalJson(number)).toBe(text)
  })
})

test('the order of members does not matter, that of elements does', () => {
  expect(canonicalJson({ b: [2, 1], a: { d: 1, c: 2 } })).toBe('{"a":{"c":2,"d":1},"b":[2,1]}')
  expect(canonicalJson({ a: { c: 2, d: 1 }, b: [2, 1] })).toBe('{"a":{"c":2,"d":1},"b":[2,1]}')
})

test('it says what JSON.stringify says, in another order', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    }),
  )
})

test('a member that is undefined is left out, in an array it is null', () => {
  expect(canonicalJson({ a: undefined, b: [undefined] })).toBe('{"b":[null]}')
})

test('a member may be called __proto__', () => {
  expect(canonicalJson(JSON.parse('{"__proto__":1,"a":2}'))).toBe('{"__proto__":1,"a":2}')
})

test.each([
  ['a lone high surrogate', '\ud800'],
  ['a lone low surrogate', 'a\udc00'],
  ['a member with a lone surrogate', { '\ud800': 1 }],
  ['a number that is not finite', Number.POSITIVE_INFINITY],
  ['not a number', Number.NaN],
  ['a bigint', 1n],
  ['a function', () => 1],
  ['undefined', undefined],
])('refuses %s', (_what, value) => {
  expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
})

test('hashes are SHA-256 in lower-case hex, of text as UTF-8', () => {
  expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  const bytes = Buffer.from('é😀')
  expect(sha256Hex('é😀')).toBe(createHash('sha256').update(bytes).digest('hex'))
  expect(sha256Hex(bytes)).toBe(sha256Hex('é😀'))
})

test('values that share parts are written as each of them alone is', () => {
  const write = createCanonicalJson()
  const part = { b: [1, { c: 'd' }], a: null }
  const values = [{ part, own: 1 }, { other: { part }, part }, [part, part], part]
  for (const value of values) expect(write(value)).toBe(canonicalJson(value))
})
