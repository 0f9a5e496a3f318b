import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { type HttpTarget, shapeRequest } from './http-shape.js'

type Members = Record<string, unknown>

const list = ['blue', 'black', 'b&w']
const object = { R: 100, G: 200, B: null, Ö: 'a=b' }

function requestFor(properties: Members, args: Members, path = '/x'): Members & { url: string } {
  const target: HttpTarget = {
    baseUrl: 'https://api.example',
    method: 'GET',
    path,
    inputSchema: { type: 'object', properties },
  }
  return shapeRequest(target, args)
}

function refusalOf(property: Members, value: unknown, path?: string): string {
  try {
    requestFor({ p: property, other: {} }, { p: value }, path)
  } catch (error) {
    if (error instanceof Problem) return error.message
    throw error
  }
  throw new Error('was not refused')
}

describe('in a query', () => {
  test.each([
    [{ 'x-style': 'form' }, 'a b', 'p=a%20b'],
    [{ 'x-style': 'form' }, list, 'p=blue&p=black&p=b%26w'],
    [{ 'x-explode': false }, list, 'p=blue,black,b%26w'],
    [{ 'x-style': 'form' }, object, 'R=100&G=200&%C3%96=a%3Db'],
    [{ 'x-style': 'form', 'x-explode': false }, object, 'p=R,100,G,200,%C3%96,a%3Db'],
    [{ 'x-style': 'spaceDelimited' }, list, 'p=blue%20black%20b%26w'],
    [{ 'x-style': 'pipeDelimited' }, list, 'p=blue%7Cblack%7Cb%26w'],
    [{ 'x-style': 'tabDelimited' }, list, 'p=blue%09black%09b%26w'],
    [{ 'x-style': 'pipeDelimited', 'x-explode': true }, list, 'p=blue&p=black&p=b%26w'],
    [{ 'x-style': 'pipeDelimited' }, { a: 1, b: 2 }, 'p=a%7C1%7Cb%7C2'],
    [{ 'x-style': 'deepObject' }, { a: 1, b: null, c: 'x' }, 'p%5Ba%5D=1&p%5Bc%5D=x'],
    [
      { 'x-style': 'deepObject' },
      { a: { b: ['x', { c: true }] } },
      'p%5Ba%5D%5Bb%5D%5B0%5D=x&p%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=true',
    ],
    [
      { 'x-style': 'form' },
      { tags: ['a', 'b'], deep: { a: 1 } },
      'tags=a&tags=b&deep=%7B%22a%22%3A1%7D',
    ],
    [
      { 'x-media-type': 'application/json' },
      { a: ["it's"] },
      'p=%7B%22a%22%3A%5B%22it%27s%22%5D%7D',
    ],
    [{ 'x-media-type': 'application/json' }, 'text', 'p=%22text%22'],
    [{ 'x-name': 'filter[x]' }, 1, 'filter%5Bx%5D=1'],
    [
      { 'x-allow-reserved': true },
      "a/b?c:d@e!f$g(h)*,i=j&k#l+m;n[o]'%2F",
      'p=a/b?c:d@e!f$g(h)*,i=j%26k%23l%2Bm%3Bn%5Bo%5D%27%252F',
    ],
  ])('%j writes %j as %s', (property, value, query) => {
    expect(requestFor({ p: property }, { p: value }).url).toBe(`https://api.example/x?${query}`)
  })

  test.each([
    [{ 'x-style': 'form' }, []],
    [{ 'x-explode': false }, []],
    [{ 'x-explode': false }, [null]],
    [{ 'x-style': 'form' }, {}],
    [{ 'x-style': 'deepObject' }, { a: null }],
    [{ 'x-style': 'form' }, null],
  ])('%j writes nothing of %j', (property, value) => {
    expect(requestFor({ p: property }, { p: value }).url).toBe('https://api.example/x')
  })

  test('a member of an exploded object takes no other argument’s place', () => {
    expect(refusalOf({ 'x-style': 'form' }, { OTHER: 1 })).toContain('name of another argument')
    expect(() => requestFor({ p: { 'x-style': 'form' } }, { p: { other: 1 } })).not.toThrow()
  })

  test('what would grow beyond all measure is refused', () => {
    const long = { [`k${'x'.repeat(10_000)}`]: Array(1_000).fill(1) }
    expect(refusalOf({ 'x-style': 'deepObject' }, long)).toContain('too long')
    let deep: unknown = 1
    for (let i = 0; i < 5_000; i++) deep = [deep]
    expect(refusalOf({ 'x-style': 'deepObject' }, deep)).toContain('nested too deeply')
  })
})

describe('in the path', () => {
  test.each([
    [{ 'x-style': 'simple' }, list, 'blue,black,b%26w'],
    [{ 'x-style': 'simple' }, { R: 100, G: 200 }, 'R,100,G,200'],
    [{ 'x-style': 'simple', 'x-explode': true }, { R: 100, G: 200 }, 'R=100,G=200'],
    [{ 'x-style': 'simple', 'x-explode': true }, list, 'blue,black,b%26w'],
    [{ 'x-style': 'label' }, 'blue', '.blue'],
    [{ 'x-style': 'label' }, ['a', 'b'], '.a,b'],
    [{ 'x-style': 'label', 'x-explode': true }, ['a', 'b'], '.a.b'],
    [{ 'x-style': 'label' }, { R: 100, G: 200 }, '.R,100,G,200'],
    [{ 'x-style': 'label', 'x-explode': true }, { R: 100, G: 200 }, '.R=100.G=200'],
    [{ 'x-style': 'matrix' }, 5, ';p=5'],
    [{ 'x-style': 'matrix' }, ['a', 'b'], ';p=a,b'],
    [{ 'x-style': 'matrix', 'x-explode': true }, ['a', 'b'], ';p=a;p=b'],
    [{ 'x-style': 'matrix' }, { R: 100, G: 200 }, ';p=R,100,G,200'],
    [{ 'x-style': 'matrix', 'x-explode': true }, { R: 100, G: 200 }, ';R=100;G=200'],
    [{ 'x-style': 'pipeDelimited' }, ['a', 'b'], 'a%7Cb'],
    [{ 'x-style': 'simple' }, ['/', '?'], '%2F,%3F'],
  ])('%j writes %j as %s', (property, value, path) => {
    const { url } = requestFor({ p: property }, { p: value }, '/a/{p}/z')
    expect(url).toBe(`https://api.example/a/${path}/z`)
  })

  test.each([[[]], [['']], [['a', '..']], [{}], [{ '.': 1 }], [[null]], [''], ['.'], [['\ud800']]])(
    'the value %j is refused in every style',
    (value) => {
      for (const style of ['simple', 'label', 'matrix']) {
        expect(refusalOf({ 'x-style': style }, value, '/a/{p}')).toMatch(/path must|surrogate/)
      }
    },
  )
})

describe('in a header', () => {
  test.each([
    [{}, list, 'blue,black,b&w'],
    [{ 'x-style': 'simple' }, { R: 100, G: 200 }, 'R,100,G,200'],
    [{ 'x-style': 'simple', 'x-explode': true }, { R: 100, G: 200 }, 'R=100,G=200'],
    [{ 'x-style': 'pipeDelimited' }, ['a', 'b'], 'a|b'],
    [{ 'x-media-type': 'application/json' }, { ł: 'é' }, '{"\\u0142":"\\u00e9"}'],
    [{ 'x-name': 'X-Other' }, 'a', undefined],
  ])('%j writes %j as %s', (property, value, text) => {
    const { headers } = requestFor({ p: { 'x-in': 'header', ...property } }, { p: value })
    expect(headers).toEqual(text === undefined ? { 'x-other': 'a' } : { p: text })
  })

  test('no member of an object adds a line', () => {
    const property = { 'x-in': 'header', 'x-style': 'simple' }
    expect(refusalOf(property, { 'a\r\nx-evil': 1 })).toContain('cannot carry')
  })
})

describe('in cookies', () => {
  const cookie = { 'x-in': 'cookie' }

  test('all cookie arguments make one Cookie header, percent-encoded', () => {
    const properties = {
      session: cookie,
      list: cookie,
      joined: { ...cookie, 'x-explode': false },
      object: { ...cookie, 'x-style': 'form' },
      data: { ...cookie, 'x-media-type': 'application/json' },
    }
    const { headers } = requestFor(properties, {
      session: 'a; admin=1\r\n',
      list: ['x', 'y'],
      joined: ['x', 'y'],
      object: { R: 1, G: 2 },
      data: { a: 1 },
    })
    expect(headers).toEqual({
      cookie:
        'session=a%3B%20admin%3D1%0D%0A; list=x; list=y; joined=x,y; R=1; G=2; data=%7B%22a%22%3A1%7D',
    })
  })

  test('without a value there is no Cookie header', () => {
    expect(requestFor({ p: cookie }, { p: [] }).headers).toEqual({})
  })
})

const styles = fc.constantFrom(
  ...['form', 'spaceDelimited', 'pipeDelimited', 'tabDelimited', 'deepObject'].flatMap((style) => [
    { 'x-style': style, 'x-explode': true },
    { 'x-style': style, 'x-explode': false, 'x-allow-reserved': true },
  ]),
  { 'x-media-type': 'application/json' },
)
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.array(fc.string({ unit: 'binary' }))),
)

test('whatever a styled value is, it stays within the query and sets no other argument', () => {
  fc.assert(
    fc.property(styles, anything, (style, value) => {
      let url: URL
      try {
        const { url: text } = requestFor({ p: style, other: {} }, { p: value, other: 'mine' })
        expect(new URL(text).href).toBe(text)
        url = new URL(text)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        return
      }
      expect(url.origin + url.pathname + url.hash).toBe('https://api.example/x')
      expect(url.searchParams.getAll('other')).toEqual(['mine'])
    }),
    { numRuns: 1_000 },
  )
})
