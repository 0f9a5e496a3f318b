/**
 * The story of a description: a document with an operation for each way of sending an argument is
 * imported, published and bought from; the seller's server sees exactly the bytes that it asks for.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aWorld, type Json, type Party, type World } from '../support/world.js'

const LIST = { type: 'array', items: { type: 'string' } }
const OBJECT = { type: 'object', properties: { R: { type: 'integer' }, G: { type: 'integer' } } }
const TEXT = { type: 'string' }
const FILE = { type: 'string', format: 'binary' }

/** What the seller's server must see; `path` with the query. */
type Seen = { path: string; headers?: Json; body?: string }
/** An operation, what is bought of it, and what must be sent. */
type Case = { key: string; method?: string; operation: Json; args: Json; seen: Seen }

const colours = ['blue', 'black', 'a&b']
const rgb = { R: 100, G: 200 }

function queries(): Case[] {
  const cases: [style: Json, schema: Json, value: unknown, query: string][] = [
    [{}, TEXT, "it's a/b", 'p=it%27s%20a%2Fb'],
    [{}, LIST, colours, 'p=blue&p=black&p=a%26b'],
    [{ explode: false }, LIST, colours, 'p=blue,black,a%26b'],
    [{ style: 'spaceDelimited', explode: false }, LIST, colours, 'p=blue%20black%20a%26b'],
    [{ style: 'pipeDelimited', explode: false }, LIST, colours, 'p=blue%7Cblack%7Ca%26b'],
    [{}, OBJECT, rgb, 'R=100&G=200'],
    [{ explode: false }, OBJECT, rgb, 'p=R,100,G,200'],
    [{ style: 'deepObject', explode: true }, OBJECT, rgb, 'p%5BR%5D=100&p%5BG%5D=200'],
    [{ allowReserved: true }, TEXT, 'a/b?c=d&e', 'p=a/b?c=d%26e'],
  ]
  const json = { name: 'p', in: 'query', content: { 'application/json': { schema: OBJECT } } }
  return [
    ...cases.map(([style, schema, value, query], i) => ({
      key: `/query/${i}`,
      operation: { parameters: [{ name: 'p', in: 'query', schema, ...style }] },
      args: { p: value },
      seen: { path: `/query/${i}?${query}` },
    })),
    {
      key: '/query/json',
      operation: { parameters: [json] },
      args: { p: rgb },
      seen: { path: '/query/json?p=%7B%22R%22%3A100%2C%22G%22%3A200%7D' },
    },
  ]
}

function paths(): Case[] {
  const cases: [style: string, explode: boolean, schema: Json, value: unknown, sent: string][] = [
    ['simple', false, TEXT, 'a/b', 'a%2Fb'],
    ['simple', false, LIST, colours, 'blue,black,a%26b'],
    ['simple', true, LIST, colours, 'blue,black,a%26b'],
    ['simple', false, OBJECT, rgb, 'R,100,G,200'],
    ['simple', true, OBJECT, rgb, 'R=100,G=200'],
    ['label', false, TEXT, 'blue', '.blue'],
    ['label', false, LIST, colours, '.blue,black,a%26b'],
    ['label', true, LIST, colours, '.blue.black.a%26b'],
    ['label', false, OBJECT, rgb, '.R,100,G,200'],
    ['label', true, OBJECT, rgb, '.R=100.G=200'],
    ['matrix', false, TEXT, 'blue', ';p=blue'],
    ['matrix', false, LIST, colours, ';p=blue,black,a%26b'],
    ['matrix', true, LIST, colours, ';p=blue;p=black;p=a%26b'],
    ['matrix', false, OBJECT, rgb, ';p=R,100,G,200'],
    ['matrix', true, OBJECT, rgb, ';R=100;G=200'],
  ]
  return cases.map(([style, explode, schema, value, sent], i) => ({
    key: `/path/${i}/{p}/end`,
    operation: { parameters: [{ name: 'p', in: 'path', required: true, schema, style, explode }] },
    args: { p: value },
    seen: { path: `/path/${i}/${sent}/end` },
  }))
}

function headersAndCookies(): Case[] {
  const header = (name: string, schema: Json, more: Json = {}) => ({
    ...{ name, in: 'header', schema, ...more },
  })
  const cookie = (name: string, schema: Json, more: Json = {}) => ({
    ...{ name, in: 'cookie', schema, ...more },
  })
  return [
    {
      key: '/headers',
      operation: {
        parameters: [
          header('X-Text', TEXT),
          header('X-List', LIST),
          header('X-Object', OBJECT),
          header('X-Exploded', OBJECT, { explode: true }),
        ],
      },
      args: { 'X-Text': 'a b', 'X-List': ['a', 'b'], 'X-Object': rgb, 'X-Exploded': rgb },
      seen: {
        path: '/headers',
        headers: {
          'x-text': 'a b',
          'x-list': 'a,b',
          'x-object': 'R,100,G,200',
          'x-exploded': 'R=100,G=200',
        },
      },
    },
    {
      key: '/cookies',
      operation: {
        parameters: [
          cookie('session', TEXT),
          cookie('list', LIST, { explode: false }),
          cookie('object', OBJECT, { explode: false }),
        ],
      },
      args: { session: 'a; b=c', list: ['a', 'b'], object: rgb },
      seen: {
        path: '/cookies',
        headers: { cookie: 'session=a%3B%20b%3Dc; list=a,b; object=R,100,G,200' },
      },
    },
  ]
}

function bodies(): Case[] {
  const typed: [type: string, media: Json, args: Json, body: string][] = [
    ['application/json', { schema: OBJECT }, rgb, '{"R":100,"G":200}'],
    ['application/vnd.api+json', { schema: OBJECT }, rgb, '{"R":100,"G":200}'],
    ['text/json', { schema: LIST }, { body: ['a'] }, '["a"]'],
    ['application/json', { schema: { type: 'number' } }, { body: 7 }, '7'],
    ['application/json', { schema: { type: 'object' } }, { body: { any: [1] } }, '{"any":[1]}'],
    ['application/json', { schema: { oneOf: [TEXT, OBJECT] } }, { body: 'text' }, '"text"'],
    ['text/plain', { schema: TEXT }, { body: 'é' }, 'é'],
    ['application/xml', { schema: OBJECT }, { body: '<R>1</R>' }, '<R>1</R>'],
    ['application/octet-stream', { schema: FILE }, { body: 'Ynl0ZXM=' }, 'bytes'],
    ['image/png', { schema: FILE }, { body: 'Ynl0ZXM=' }, 'bytes'],
    [
      'application/x-www-form-urlencoded',
      {
        schema: {
          type: 'object',
          properties: { text: TEXT, list: LIST, joined: LIST, deep: OBJECT, json: OBJECT },
        },
        encoding: {
          joined: { style: 'form', explode: false },
          deep: { style: 'deepObject', explode: true },
          json: { contentType: 'application/json' },
        },
      },
      { text: 'a b', list: ['a', 'b'], joined: ['a', 'b'], deep: { R: 1 }, json: { G: 2 } },
      'text=a%20b&list=a&list=b&joined=a,b&deep%5BR%5D=1&json=%7B%22G%22%3A2%7D',
    ],
  ]
  return typed.map(([type, media, args, body], i) => ({
    key: `/body/${i}`,
    method: 'post',
    operation: { requestBody: { required: true, content: { [type]: media } } },
    args,
    seen: { path: `/body/${i}`, headers: { 'content-type': type }, body },
  }))
}

function placesTogether(): Case[] {
  const id = (place: string) => ({ name: 'id', in: place, required: true, schema: TEXT })
  return [
    {
      key: '/same/{id}',
      method: 'put',
      operation: {
        parameters: [id('path'), id('query'), id('header')],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { properties: { id: TEXT } } } },
        },
      },
      args: { id: 'p', query_id: 'q', header_id: 'h', body_id: 'b' },
      seen: { path: '/same/p?id=q', headers: { id: 'h' }, body: '{"id":"b"}' },
    },
    {
      key: '/fixed?action=list#of-all',
      operation: { parameters: [{ name: 'q', in: 'query', schema: TEXT }] },
      args: { action: 'list', q: 'a' },
      seen: { path: '/fixed?action=list&q=a' },
    },
  ]
}

const CASES: Case[] = [
  ...queries(),
  ...paths(),
  ...headersAndCookies(),
  ...bodies(),
  ...placesTogether(),
]

const idOf = ({ key, method = 'get' }: Case) => `${method} ${key}`

let world: World
let seller: Party
let buyer: Party
beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Colours Ltd')
  buyer = await world.account('Painter', '1')
})
afterAll(() => world.close())

/** Imports and publishes a document; gives the endpoint of each operation by its `operationId`. */
async function publish(document: Json): Promise<Map<string, string>> {
  const imported = await world.rest('POST', '/v1/listings/import', seller.key, {
    document,
    price: { model: 'per_call', amount: '0.001' },
    publish: true,
  })
  expect(imported.status, imported.text).toBe(201)
  expect(imported.json).toMatchObject({ refused: [], warnings: [] })
  const endpoints = imported.json.endpoints as { endpoint_id: string; title: string }[]
  return new Map(endpoints.map(({ title, endpoint_id: id }) => [title, id]))
}

/** Buys one call, and gives what the seller's server saw of it. */
async function call(endpointId: string, args: Json) {
  world.upstream.requests.length = 0
  const bought = await world.rest('POST', '/v1/calls', buyer.key, {
    endpoint_id: endpointId,
    arguments: args,
  })
  expect(bought.json, bought.text).toMatchObject({ outcome: 'charged' })
  expect(world.upstream.requests).toHaveLength(1)
  return world.upstream.requests[0]!
}

describe('an operation of OpenAPI 3', () => {
  let endpoints: Map<string, string>
  beforeAll(async () => {
    const items: Record<string, Json> = {}
    for (const one of CASES) {
      const { key, method = 'get', operation } = one
      items[key] = { [method]: { summary: idOf(one), ...operation } }
    }
    endpoints = await publish({
      openapi: '3.1.0',
      info: { title: 'Colours', version: '1' },
      servers: [{ url: world.upstream.baseUrl }],
      paths: items,
    })
  })

  test.each(CASES.map((it): [string, Case] => [idOf(it), it]))(
    '%s is sent as it says',
    async (id, { args, seen, method = 'get' }) => {
      const request = await call(endpoints.get(id)!, args)
      expect(request.method).toBe(method.toUpperCase())
      expect(request.url).toBe(seen.path)
      expect(request.headers).toMatchObject(seen.headers ?? {})
      expect(request.body).toBe(seen.body ?? '')
    },
  )
})

test('a multipart form is sent with its texts, its JSON and its files', async () => {
  const properties = { note: TEXT, colour: OBJECT, tags: LIST, photo: FILE, more: LIST }
  const schema = {
    type: 'object',
    required: ['photo'],
    properties: { ...properties, more: { type: 'array', items: FILE } },
  }
  const encoding = { photo: { contentType: 'image/png' } }
  const content = { 'multipart/form-data': { schema, encoding } }
  const endpoints = await publish({
    openapi: '3.0.3',
    info: { title: 'Photos', version: '1' },
    servers: [{ url: world.upstream.baseUrl }],
    paths: { '/photos': { post: { summary: 'Upload', requestBody: { required: true, content } } } },
  })
  const base64 = Buffer.from('bytes').toString('base64')
  const request = await call(endpoints.get('Upload')!, {
    note: 'a b',
    colour: rgb,
    tags: ['a', 'b'],
    photo: { base64, filename: 'sky.png' },
    more: [{ base64, filename: 'a.txt', content_type: 'text/plain' }],
  })
  const [type, boundary] = request.headers['content-type']!.split('; boundary=')
  expect(type).toBe('multipart/form-data')
  const part = (head: string, body: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n${body}\r\n`
  expect(request.body).toBe(
    [
      part('name="note"', 'a b'),
      part('name="colour"\r\ncontent-type: application/json', '{"R":100,"G":200}'),
      part('name="tags"', 'a'),
      part('name="tags"', 'b'),
      part('name="photo"; filename="sky.png"\r\ncontent-type: image/png', 'bytes'),
      part('name="more"; filename="a.txt"\r\ncontent-type: text/plain', 'bytes'),
      `--${boundary}--\r\n`,
    ].join(''),
  )
})

test('the collection formats and forms of Swagger 2.0 are sent as it says', async () => {
  const list = (name: string, place: string, collectionFormat?: string) => ({
    ...{ name, in: place, type: 'array', items: { type: 'string' } },
    ...(collectionFormat && { collectionFormat }),
  })
  const parameters = [
    list('plain', 'query'),
    ...['csv', 'ssv', 'tsv', 'pipes', 'multi'].map((format) => list(format, 'query', format)),
    list('X-List', 'header', 'pipes'),
    list('field', 'formData', 'csv'),
    { name: 'text', in: 'formData', type: 'string' },
  ]
  const { host } = new URL(world.upstream.baseUrl)
  const endpoints = await publish({
    swagger: '2.0',
    info: { title: 'Lists', version: '1' },
    host,
    schemes: ['http'],
    basePath: '/v2',
    paths: { '/lists': { post: { summary: 'Lists', parameters, responses: {} } } },
  })
  const two = ['a b', 'c']
  const request = await call(endpoints.get('Lists')!, {
    ...{ plain: two, csv: two, ssv: two, tsv: two, pipes: two, multi: two },
    ...{ 'X-List': two, field: two, text: 'é' },
  })
  expect(request.url).toBe(
    '/v2/lists?plain=a%20b,c&csv=a%20b,c&ssv=a%20b%20c&tsv=a%20b%09c&pipes=a%20b%7Cc&multi=a%20b&multi=c',
  )
  expect(request.headers).toMatchObject({
    'x-list': 'a b|c',
    'content-type': 'application/x-www-form-urlencoded',
  })
  expect(request.body).toBe('field=a%20b,c&text=%C3%A9')
})

test('no argument reaches the credential, the Cookie header or another path', async () => {
  const parameters = [
    { name: 'filter', in: 'query', schema: { type: 'object', additionalProperties: true } },
    { name: 'parts', in: 'path', required: true, schema: LIST, style: 'label' },
    { name: 'session', in: 'cookie', schema: TEXT },
  ]
  const imported = await world.rest('POST', '/v1/listings/import', seller.key, {
    document: {
      openapi: '3.0.3',
      info: { title: 'Guarded', version: '1' },
      servers: [{ url: world.upstream.baseUrl }],
      components: { securitySchemes: { key: { type: 'apiKey', in: 'query', name: 'key' } } },
      security: [{ key: [] }],
      paths: { '/guarded/{parts}': { get: { summary: 'Guarded', parameters } } },
    },
    price: { model: 'per_call', amount: '0.001' },
    credential: { type: 'query', name: 'key', value: 'secret-of-the-seller' },
    publish: true,
  })
  expect(imported.status, imported.text).toBe(201)
  const [endpoint] = imported.json.endpoints as { endpoint_id: string }[]
  const args = { filter: { key: 'mine', KEY: 'mine', q: '1' }, parts: ['a'], session: 'x\r\ny; z' }
  const request = await call(endpoint!.endpoint_id, args)
  expect(request.url).toBe('/guarded/.a?q=1&key=secret-of-the-seller')
  expect(request.headers.cookie).toBe('session=x%0D%0Ay%3B%20z')

  const refused = await world.rest('POST', '/v1/calls', buyer.key, {
    endpoint_id: endpoint!.endpoint_id,
    arguments: { parts: ['..'] },
  })
  expect(refused.json).toMatchObject({ code: 'invalid_arguments' })
})
