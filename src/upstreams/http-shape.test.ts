import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { type HttpTarget, shapeRequest } from './http-shape.js'

const target = (overrides: Partial<HttpTarget> & { properties: Record<string, unknown> }) => {
  const { properties, ...rest } = overrides
  return {
    baseUrl: 'https://api.example/v1',
    method: 'GET',
    path: '/search/{space}/page-{page}.json',
    inputSchema: { type: 'object', properties },
    ...rest,
  } as HttpTarget
}

const search = target({
  properties: {
    space: { type: 'string' },
    page: { type: 'integer' },
    q: { type: 'string' },
    'x-trace': { type: 'string', 'x-in': 'header' },
  },
})

const refusalOf = (shape: () => unknown) => {
  try {
    shape()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('was not refused')
}

test('each argument goes where x-in, the template or the method puts it', () => {
  const request = shapeRequest(search, { space: 'a b', page: 2, q: 'x&y=z', 'x-trace': 't1' })
  expect(request).toEqual({
    method: 'GET',
    url: 'https://api.example/v1/search/a%20b/page-2.json?q=x%26y%3Dz',
    headers: { 'x-trace': 't1' },
  })
})

test.each(['POST', 'PUT', 'PATCH'] as const)('a %s sends other arguments as JSON', (method) => {
  const create = target({
    method,
    path: '/notes/{id}',
    properties: { id: {}, title: {}, tags: {}, dry: { 'x-in': 'query' } },
  })
  const request = shapeRequest(create, { id: 7, title: 'é', tags: ['a', null], dry: true })
  expect(request.url).toBe('https://api.example/v1/notes/7?dry=true')
  expect(request.headers).toEqual({ 'content-type': 'application/json' })
  expect(request.body?.toString()).toBe('{"title":"é","tags":["a",null]}')
})

test('an endpoint with body properties sends an object even when all are left away', () => {
  const create = target({ method: 'POST', path: '/notes', properties: { title: {} } })
  expect(shapeRequest(create, {}).body?.toString()).toBe('{}')
  const ping = target({ method: 'POST', path: '/ping', properties: {} })
  expect(shapeRequest(ping, {})).toEqual({
    method: 'POST',
    url: 'https://api.example/v1/ping',
    headers: {},
  })
})

test('a DELETE sends arguments in the query, and a body only where x-in says so', () => {
  const remove = target({
    method: 'DELETE',
    path: '/notes',
    properties: { id: {}, reason: { 'x-in': 'body' } },
  })
  const request = shapeRequest(remove, { id: 1, reason: 'old' })
  expect(request.url).toBe('https://api.example/v1/notes?id=1')
  expect(request.body?.toString()).toBe('{"reason":"old"}')
})

test('a query repeats the name for arrays, writes objects as JSON and omits nothing-values', () => {
  const list = target({ path: '/list', properties: { a: {}, o: {}, n: {}, u: {}, 'f[]': {} } })
  const args = { a: ['x', 1, null, false], o: { k: "it's" }, n: null, u: undefined, 'f[]': '+ ' }
  expect(shapeRequest(list, args).url).toBe(
    'https://api.example/v1/list?a=x&a=1&a=false&o=%7B%22k%22%3A%22it%27s%22%7D&f%5B%5D=%2B%20',
  )
})

test('a declared member called __proto__ is a member like any other', () => {
  const create = target({
    method: 'POST',
    path: '/notes',
    properties: JSON.parse('{"__proto__": {}, "constructor": {}}'),
  })
  const request = shapeRequest(create, JSON.parse('{"__proto__": {"admin": true}}'))
  expect(request.body?.toString()).toBe('{"__proto__":{"admin":true}}')
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
})

test.each([
  ['empty', ''],
  ['a dot', '.'],
  ['two dots', '..'],
  ['null', null],
  ['missing', undefined],
  ['an object', {}],
  ['an array', ['x']],
  ['a lone surrogate', '\ud800'],
])('a path value that is %s is refused by name', (_, space) => {
  const refusal = refusalOf(() => shapeRequest(search, { space, page: 1 }))
  expect(refusal.code).toBe('invalid_arguments')
  expect(refusal.facts.paths).toMatchObject([{ path: '/space' }])
})

test.each([
  ['CR LF', 'a\r\nx-evil: 1'],
  ['NUL', 'a\0'],
  ['beyond Latin-1', 'ł'],
  ['DEL', '\x7f'],
])('a header value with %s is refused by name', (_, value) => {
  const refusal = refusalOf(() => shapeRequest(search, { space: 'a', page: 1, 'x-trace': value }))
  expect(refusal.code).toBe('invalid_arguments')
  expect(refusal.facts.paths).toMatchObject([{ path: '/x-trace' }])
})

test('an undeclared argument and an inherited name are refused', () => {
  const refusal = refusalOf(() => shapeRequest(search, { space: 'a', page: 1, 'a/b': 1, other: 1 }))
  expect(refusal.facts.paths).toMatchObject([{ path: '/a~1b' }, { path: '/other' }])
  const inherit = target({ path: '/{toString}', properties: { toString: {} } })
  expect(refusalOf(() => shapeRequest(inherit, {})).facts.paths).toMatchObject([
    { path: '/toString' },
  ])
})

test('at most twenty failing paths are named', () => {
  const args = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`u${i}`, i]))
  expect(refusalOf(() => shapeRequest(search, args)).facts.paths).toHaveLength(20)
})

const nasty = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '.',
        '..',
        '/',
        '\\',
        '%2e',
        '%2F',
        '?',
        '#',
        '@',
        ':',
        ';',
        '&',
        '=',
        '\r\n',
        '\0',
        ' ',
        '//',
        'x',
        "'",
        '{q}',
        '[',
        '\t',
        '\u3002',
        '\uff0f',
        '\ud800',
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join('')),
)

test('no argument changes the origin, the path prefix or the number of segments', () => {
  const targets = [
    search,
    target({ path: '/a/.{space}/{page}{q}', properties: { space: {}, page: {}, q: {} } }),
    target({
      baseUrl: 'https://api.example:8443',
      path: '/{space};v=1/{page}',
      properties: { space: {}, page: {}, q: {} },
    }),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...targets), nasty, nasty, nasty, (it, space, page, q) => {
      let url: URL
      try {
        url = new URL(shapeRequest(it, { space, page, q }).url)
      } catch (error) {
        expect(error).toBeInstanceOf(Problem)
        return
      }
      const base = new URL(it.baseUrl)
      const template = it.path.split('{')[0]!
      expect(url.origin).toBe(base.origin)
      expect(url.pathname.startsWith(base.pathname.replace(/\/$/, '') + template)).toBe(true)
      expect(url.pathname.split('/')).toHaveLength(
        `${base.pathname.replace(/\/$/, '')}${it.path}`.split('/').length,
      )
      expect(url.hash + url.username + url.password).toBe('')
      if (it === search) expect(url.searchParams.get('q')).toBe(q)
      if (it === search) expect(decodeURIComponent(url.pathname.split('/')[3]!)).toBe(space)
    }),
    { numRuns: 2000 },
  )
})
