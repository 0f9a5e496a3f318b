import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { type HttpTarget, shapeRequest } from './http-shape.js'

type Members = Record<string, unknown>

function post(mediaType: string | undefined, properties: Members, args: Members) {
  const target: HttpTarget = {
    baseUrl: 'https://api.example',
    method: 'POST',
    path: '/x',
    inputSchema: {
      type: 'object',
      ...(mediaType !== undefined && { 'x-media-type': mediaType }),
      properties,
    },
  }
  return shapeRequest(target, args)
}

function refusalOf(mediaType: string, property: Members, value: unknown): string {
  try {
    post(mediaType, { p: property }, { p: value })
  } catch (error) {
    if (error instanceof Problem) return error.message
    throw error
  }
  throw new Error('was not refused')
}

test('members of a JSON body go under their names on the wire, in the type that the schema says', () => {
  const properties = { a: {}, body_id: { 'x-name': 'id' } }
  const { headers, body } = post('application/vnd.api+json', properties, { body_id: 7, a: null })
  expect(headers).toEqual({ 'content-type': 'application/vnd.api+json' })
  expect(body?.toString()).toBe('{"id":7,"a":null}')
})

describe('a whole body', () => {
  test.each([
    ['json', undefined, [1, 'é'], '[1,"é"]', 'application/json'],
    ['json', 'text/json', null, 'null', 'text/json'],
    ['text', undefined, 'é', 'é', 'text/plain; charset=utf-8'],
    ['text', 'application/xml', '<a/>', '<a/>', 'application/xml'],
    ['base64', undefined, 'w6k=', 'é', 'application/octet-stream'],
    ['base64', 'image/png', '', '', 'image/png'],
  ])('of %s is sent as it is', (kind, type, value, text, contentType) => {
    const { headers, body } = post(type, { p: { 'x-body': kind } }, { p: value })
    expect(body?.toString()).toBe(text)
    expect(headers).toEqual({ 'content-type': contentType })
  })

  test('that is left out sends none, and no type of one', () => {
    const request = post('image/png', { p: { 'x-body': 'base64' } }, {})
    expect(request).toEqual({ method: 'POST', url: 'https://api.example/x', headers: {} })
  })

  test.each(['w6k', 'w6k*', 'w6k=\n', '=w6k', 7])('of bytes refuses %j', (value) => {
    expect(refusalOf('image/png', { 'x-body': 'base64' }, value)).toBe('/p: It must be base64.')
  })

  test('of text refuses what has no UTF-8 form', () => {
    expect(refusalOf('text/plain', { 'x-body': 'text' }, '\ud800')).toContain('lone surrogate')
  })
})

test('a form is written like a query', () => {
  const properties = {
    plain: {},
    list: {},
    joined: { 'x-explode': false },
    object: {},
    deep: { 'x-style': 'deepObject' },
    json: { 'x-media-type': 'application/json' },
    reserved: { 'x-allow-reserved': true },
    q: { 'x-in': 'query' },
  }
  const { url, headers, body } = post('application/x-www-form-urlencoded', properties, {
    plain: 'a b&c',
    list: [1, null, 2],
    joined: ['x', 'y'],
    object: { R: 1 },
    deep: { a: { b: 1 } },
    json: { a: 1 },
    reserved: 'a/b&c',
    q: 1,
  })
  expect(url).toBe('https://api.example/x?q=1')
  expect(headers).toEqual({ 'content-type': 'application/x-www-form-urlencoded' })
  expect(body?.toString()).toBe(
    'plain=a%20b%26c&list=1&list=2&joined=x,y&R=1&deep%5Ba%5D%5Bb%5D=1&json=%7B%22a%22%3A1%7D&reserved=a/b%26c',
  )
})

describe('a multipart form', () => {
  const form = 'multipart/form-data'

  /** The parts between the boundaries, which must be the one that the header names. */
  function partsOf(properties: Members, args: Members): string[] {
    const { headers, body } = post(form, properties, args)
    const boundary = headers['content-type']?.replace('multipart/form-data; boundary=', '')
    const parts = body!.toString().split(`--${boundary}`)
    expect(parts[0]).toBe('')
    expect(parts.at(-1)).toBe('--\r\n')
    return parts.slice(1, -1)
  }

  const part = (name: string, text: string, more = '') =>
    `\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${text}\r\n`

  test('has a part for each text, item, object and file', () => {
    const properties = {
      text: {},
      list: {},
      object: {},
      joined: { 'x-style': 'form', 'x-explode': false },
      deep: { 'x-style': 'deepObject' },
      json: { 'x-media-type': 'application/json' },
      csv: { 'x-media-type': 'text/csv' },
    }
    const json = (name: string, text: string, type = 'application/json') =>
      part(name, text).replace('\r\n\r\n', `\r\ncontent-type: ${type}\r\n\r\n`)
    const args = {
      text: 'a b',
      list: [1, null, { a: 2 }],
      object: { a: 1 },
      joined: ['x', 'y'],
      deep: { a: { b: 1 } },
      json: 'text',
      csv: 'a,b',
    }
    expect(partsOf(properties, args)).toEqual([
      part('text', 'a b'),
      part('list', '1'),
      json('list', '{"a":2}'),
      json('object', '{"a":1}'),
      part('joined', 'x,y'),
      part('deep[a][b]', '1'),
      json('json', '"text"'),
      json('csv', 'a,b', 'text/csv'),
    ])
  })

  test('sends files with the name and the type that they are given', () => {
    const base64 = Buffer.from('bytes').toString('base64')
    const properties = { f: { 'x-file': true, 'x-media-type': 'image/png' }, g: { 'x-file': true } }
    const args = { f: base64, g: [{ base64, filename: 'a".txt', content_type: 'text/plain' }] }
    expect(partsOf(properties, args)).toEqual([
      part('f', 'bytes', '; filename="f"\r\ncontent-type: image/png'),
      part('g', 'bytes', '; filename="a%22.txt"\r\ncontent-type: text/plain'),
    ])
  })

  test('gives equal bytes for equal arguments, and a boundary that its content cannot foresee', () => {
    const send = (p: string) => post(form, { p: {} }, { p })
    const [one, same, other] = [send('a'), send('a'), send('b')]
    expect(one).toEqual(same)
    expect(one.headers).not.toEqual(other.headers)
    const hash = createHash('sha256').update('p\na\n').digest('hex').slice(0, 40)
    expect(one.headers['content-type']).toContain(`boundary=souk-${hash}`)
  })

  test.each([
    ['no base64', '***', 'must be base64'],
    ['no bytes', { filename: 'a' }, 'must be base64'],
    ['a type of two lines', { base64: '', content_type: 'a/b\r\nx: y' }, 'must be a media type'],
    ['one bad file of two', ['', '***'], 'must be base64'],
  ])('refuses a file that has %s', (_, value, reason) => {
    expect(refusalOf(form, { 'x-file': true }, value)).toContain(reason)
  })

  test('no name of a part or a file ends its line', () => {
    const [sent] = partsOf(
      { p: { 'x-file': true, 'x-name': 'a"\r\nb' } },
      { p: { base64: '', filename: '\r\n\r\nx' } },
    )
    expect(sent).toContain('name="a%22%0D%0Ab"; filename="%0D%0A%0D%0Ax"')
  })
})
