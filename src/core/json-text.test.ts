import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeUtf8,
  depthOf,
  elementTexts,
  MAX_JSON_DEPTH,
  memberTexts,
  numberTextAt,
  objectText,
  parseLossless,
  parseRequestJson,
  pointerPath,
  valueAt,
  valueTextAt,
} from './json-text.js'
import { parseDecimal } from './money.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

describe('an answer is parsed only where that loses nothing', () => {
  test.each([
    '0.1',
    '1.0',
    '-0',
    '1E2',
    '1e21',
    '1e-7',
    '5e-324',
    '1.7976931348623157e308',
    '90071992547409920e-1',
    '123456789012345',
    '0.100000000000000000',
    '1000000000000000000000',
    '[0.30000000000000004, 1.5]',
    '{"a":"12345678901234567890"}',
    '{"a":"\\"12345678901234567890","b":"\\\\"}',
    '{"__proto__":{"a":1}}',
    'null',
  ])('%s is parsed', (text) => {
    expect(parseLossless(text)).toEqual({ value: JSON.parse(text) })
  })

  test.each([
    '1e400',
    '-1e400',
    '1e-400',
    '12345678901234567890',
    '9007199254740993',
    '9007199254740993.0e-1',
    '0.1000000000000000055511151231257827',
    '[1, {"a": [123456789012345678]}]',
    '{"a":"x","b":12345678901234567890}',
    '-12345678901234567890',
  ])('%s stays text', (text) => {
    expect(parseLossless(text)).toBeUndefined()
  })

  test.each(['', '{', '[1,]', '01', 'undefined', '{"a":1} x', '"12345678901234567890', '"\\'])(
    '%j is not JSON',
    (text) => {
      expect(parseLossless(text)).toBeUndefined()
    },
  )

  test('what lies deeper than the limit stays text', () => {
    expect(parseLossless(nested(MAX_JSON_DEPTH))).toBeDefined()
    expect(parseLossless(nested(MAX_JSON_DEPTH + 1))).toBeUndefined()
    expect(parseLossless(nested(100_000))).toBeUndefined()
  })

  test('a string of ten million characters beside a long number is no trouble', () => {
    const long = '\\n'.repeat(5_000_000)
    expect(parseLossless(`{"a":"${long}","b":12345678901234567890}`)).toBeUndefined()
    expect(parseLossless(`{"a":"${long}","b":1.0000000000000000}`)).toBeDefined()
  })

  test('every number that JavaScript writes survives', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseLossless(text)).toEqual({ value: JSON.parse(text) })
      }),
    )
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(parseLossless(JSON.stringify(number))).toEqual({ value: JSON.parse(`${number}`) })
      }),
    )
  })

  test('an integer survives exactly when JavaScript writes the same digits again', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 25n }), (integer) => {
        const rewritten = parseDecimal(JSON.stringify(JSON.parse(String(integer))))
        const survives = parseLossless(String(integer)) !== undefined
        expect(survives).toBe(rewritten === integer * 10n ** 9n)
      }),
    )
  })
})

describe('a number is read with its own digits', () => {
  /** Values beside the text that they are written as, numbers being kept as text. */
  type Written = { text: string; numbers: [pointer: string, digits: string][] }

  const digits = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.bigInt({ min: 0n, max: 10n ** 40n }),
      fc.constantFrom('', '.0', '.50', '.000000001', '.1234567890123456789'),
      fc.constantFrom('', 'e3', 'E-7', 'e+12'),
    )
    .map((parts) => parts.join(''))
  const space = fc.constantFrom('', ' ', '\n\t', '\r')
  const name = fc.string({ unit: 'binary', maxLength: 5 })
  const pointerPart = (text: string) => text.replaceAll('~', '~0').replaceAll('/', '~1')

  const { written } = fc.letrec<{ written: Written; array: Written; object: Written }>((tie) => ({
    written: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      digits.map((text): Written => ({ text, numbers: [['', text]] })),
      fc
        .oneof(fc.string(), fc.boolean(), fc.constant(null), fc.constantFrom('}', '"]', '\\"1'))
        .map((value): Written => ({ text: JSON.stringify(value), numbers: [] })),
      tie('array'),
      tie('object'),
    ),
    array: fc.tuple(fc.array(tie('written'), { maxLength: 4 }), space).map(
      ([items, gap]): Written => ({
        text: `[${gap}${items.map(({ text }) => `${text}${gap}`).join(`,${gap}`)}]`,
        numbers: items.flatMap(({ numbers }, i) =>
          numbers.map(([pointer, text]): [string, string] => [`/${i}${pointer}`, text]),
        ),
      }),
    ),
    object: fc
      .tuple(
        fc.uniqueArray(fc.tuple(name, tie('written')), { maxLength: 4, selector: ([key]) => key }),
        space,
      )
      .map(
        ([members, gap]): Written => ({
          text: `{${gap}${members
            .map(([key, { text }]) => `${JSON.stringify(key)}${gap}:${gap}${text}${gap}`)
            .join(`,${gap}`)}}`,
          numbers: members.flatMap(([key, { numbers }]) =>
            numbers.map(([pointer, text]): [string, string] => [
              `/${pointerPart(key)}${pointer}`,
              text,
            ]),
          ),
        }),
      ),
  }))

  test('of every number in any JSON, exactly its text', () => {
    fc.assert(
      fc.property(written, ({ text, numbers }) => {
        for (const [pointer, expected] of numbers) {
          expect(numberTextAt(text, pointer), `${pointer} of ${text}`).toBe(expected)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a pointer leads to a number in the text where it leads to one in the value', () => {
    const pointer = fc.array(fc.oneof(name, fc.nat(3).map(String)), { maxLength: 3 })
    fc.assert(
      fc.property(fc.json(), pointer, (text, names) => {
        const at = names.map((part) => `/${pointerPart(part)}`).join('')
        const value = valueAt(JSON.parse(text), at)
        const found = numberTextAt(text, at)
        expect(found === undefined ? undefined : JSON.parse(found)).toBe(
          typeof value === 'number' ? value : undefined,
        )
      }),
    )
  })

  test.each([
    ['{"a":1,"a":2}', '/a', '2'],
    ['{"a":{"b":1},"a":{}}', '/a/b', undefined],
    ['{"a":{"b":1},"a":[7]}', '/a/0', '7'],
    ['{"a":1,"a":"2"}', '/a', undefined],
    ['{"a":"1"}', '/a', undefined],
    ['{"a":null}', '/a', undefined],
    ['{"a":true}', '/a', undefined],
    ['[1,2]', '/length', undefined],
    ['[1,2]', '/01', undefined],
    ['[1,2]', '/-', undefined],
    ['[]', '/0', undefined],
    ['{"\\u0061":1.50}', '/a', '1.50'],
    ['{"__proto__":3}', '/__proto__', '3'],
    ['{"":{"":4}}', '//', '4'],
    ['{"a/b":{"m~n":5}}', '/a~1b/m~0n', '5'],
    ['{"~1":6}', '/~01', '6'],
    [' 12e3 ', '', '12e3'],
    [
      `{"a":${'1'.repeat(30)}.${'0'.repeat(30)}e-12}`,
      '/a',
      `${'1'.repeat(30)}.${'0'.repeat(30)}e-12`,
    ],
  ])('%s at %s is %s', (text, pointer, expected) => {
    expect(numberTextAt(text, pointer)).toBe(expected)
  })

  test('a deep pointer into a large answer walks the answer once', () => {
    const levels = 200
    const padding = `"pad":"${'x'.repeat(4_000_000)}"`
    const text = `${'{"a":'.repeat(levels)}{"n":42,${padding}}${'}'.repeat(levels)}`
    expect(numberTextAt(text, `${'/a'.repeat(levels)}/n`)).toBe('42')
  })
})

describe('a value is found by its pointer', () => {
  const document = { a: [{ b: 0 }, null], 'x/y': { 'm~n': false }, '': 1 }

  test.each([
    ['', document],
    ['/a/0/b', 0],
    ['/a/1', null],
    ['/x~1y/m~0n', false],
    ['/', 1],
    ['/a/2', undefined],
    ['/a/length', undefined],
    ['/a/0/toString', undefined],
    ['/constructor', undefined],
    ['/__proto__', undefined],
    ['/a/0/b/c', undefined],
  ])('%s', (pointer, value) => {
    expect(valueAt(document, pointer)).toBe(value)
  })

  test('the parts of a pointer are unescaped once', () => {
    expect(pointerPath('/~01/~1/~0~1')).toEqual(['~1', '/', '~/'])
    expect(pointerPath('')).toEqual([])
  })
})

describe('a request body', () => {
  test('is parsed', () => {
    expect(parseRequestJson(bytesOf('{"a":[1,"é"]}'))).toEqual({ a: [1, 'é'] })
    expect(parseRequestJson(bytesOf(nested(MAX_JSON_DEPTH)))).toBeDefined()
  })

  test.each([
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['nothing', bytesOf('')],
    ['half an object', bytesOf('{"a":')],
    ['more than a value', bytesOf('1 2')],
    ['NaN', bytesOf('NaN')],
    ['what lies too deep', bytesOf(nested(MAX_JSON_DEPTH + 1))],
    ['what lies far too deep', bytesOf('['.repeat(500_000))],
    ['a member named __proto__', bytesOf('{"a":[{"__proto__":{"admin":true}}]}')],
    ['the same, escaped', bytesOf('{"\\u005f_proto__":{"admin":true}}')],
  ])('refuses %s', (_what, bytes) => {
    expect(() => parseRequestJson(bytes)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })

  test('may speak of __proto__ in a text', () => {
    expect(parseRequestJson(bytesOf('{"a":"__proto__"}'))).toEqual({ a: '__proto__' })
  })
})

test('brackets in strings do not count as depth', () => {
  expect(depthOf('{"a":"[[[[","b":["\\"]]"]}')).toBe(2)
  expect(depthOf('"')).toBe(0)
})

test('UTF-8 is decoded strictly', () => {
  expect(decodeUtf8(bytesOf('é😀'))).toBe('é😀')
  expect(decodeUtf8(Uint8Array.of(0xc3))).toBeUndefined()
  expect(decodeUtf8(Uint8Array.of(0xc0, 0x80))).toBeUndefined()
})

test.each([
  ['{"a":{"b":[1, {"c":1.0}]}}', '/a/b/1', '{"c":1.0}'],
  ['{ "a" : "x\\"}," , "b":1}', '/a', '"x\\"},"'],
  ['{"a":1,"a":{"b":2}}', '/a', '{"b":2}'],
  ['[true]', '/0', 'true'],
  ['{"a":1}', '/b', undefined],
])('the value in %s at %s is %s, as it stands there', (text, pointer, expected) => {
  expect(valueTextAt(text, pointer)).toBe(expected)
})

describe('the parts of a JSON text', () => {
  test('are as they stand there, of equal names the last', () => {
    const text = ' { "a" : 1.0 ,"b\\"":[ 12345678901234567890 , "}" ],"a":{"c":[]} } '
    expect([...memberTexts(text)]).toEqual([
      ['a', '{"c":[]}'],
      ['b"', '[ 12345678901234567890 , "}" ]'],
    ])
    expect(elementTexts('[ 1e2 , "],", {"a":[1]} ]')).toEqual(['1e2', '"],"', '{"a":[1]}'])
    expect([...memberTexts('{ }'), ...elementTexts(' [ ]')]).toEqual([])
  })

  test('put together again are the same value', () => {
    const again = (part: string): string => {
      if (part.trim()[0] === '[') return `[${elementTexts(part).map(again).join(',')}]`
      if (part.trim()[0] !== '{') return part
      return objectText([...memberTexts(part)].map(([name, inner]) => [name, again(inner)]))
    }
    const holds = (text: string): void => {
      expect(JSON.parse(again(text))).toEqual(JSON.parse(text))
    }
    fc.assert(fc.property(fc.json(), holds))
  })
})
