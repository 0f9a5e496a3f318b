import { describe, expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { checkSchemaShape } from '#schemas'
import { importOpenApi } from './openapi.js'

const price = { model: 'per_call', amount: '0.001' } as const

type Members = Record<string, unknown>

function document(paths: Members, more: Members = {}): Members {
  return {
    openapi: '3.1.0',
    info: { title: 'Acme Wiki', version: '1', description: 'All that Acme knows.' },
    servers: [{ url: 'https://api.acme.test/v1/' }],
    paths,
    ...more,
  }
}

function read(given: unknown, listing: { slug?: string; title?: string; base_url?: string } = {}) {
  return importOpenApi(given, { listing, price })
}

/** The one endpoint that `operation` becomes, and what was said about it. */
function endpointOf(operation: Members, { path = '/a', method = 'get', ...more } = {}) {
  const { listing, warnings } = read(document({ [path]: { [method]: operation } }, more))
  return { endpoint: listing.endpoints[0]!, warnings: warnings.map(({ message }) => message) }
}

function problemOf(given: unknown): Problem {
  try {
    read(given)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function jsonBody(schema: unknown, more: Members = {}): Members {
  return { requestBody: { required: true, content: { 'application/json': { schema } }, ...more } }
}

function query(name: string, schema: unknown = { type: 'string' }, more: Members = {}): Members {
  return { name, in: 'query', schema, ...more }
}

describe('parameters', () => {
  test('of the operation replace those of the path', () => {
    const item = {
      parameters: [query('a'), query('b')],
      get: { parameters: [query('a', { type: 'integer' })] },
    }
    const { endpoints } = read(document({ '/a': item })).listing
    expect(endpoints[0]?.input_schema.properties).toEqual({
      a: { type: 'integer', 'x-in': 'query' },
      b: { type: 'string', 'x-in': 'query' },
    })
  })

  test('a list that is sent as one text is asked for as one text', () => {
    const list = { type: 'array', items: { type: 'string' } }
    const { endpoint } = endpointOf({
      parameters: [
        query('repeated', list),
        query('joined', list, { explode: false, description: 'Fields.', example: ['a', 'b'] }),
        query('piped', list, { style: 'pipeDelimited' }),
        { name: 'X-List', in: 'header', schema: list },
      ],
    })
    expect(endpoint.input_schema.properties).toEqual({
      repeated: { ...list, 'x-in': 'query' },
      joined: {
        type: 'string',
        description: 'Fields. Several values are joined by ",".',
        'x-in': 'query',
      },
      piped: { type: 'string', description: 'Several values are joined by "|".', 'x-in': 'query' },
      'X-List': { ...list, 'x-in': 'header' },
    })
    expect(endpoint.example).toEqual({ arguments: { joined: 'a,b' } })
  })

  test('what cannot be expressed is left out with a warning, or takes its operation with it', () => {
    const session = { name: 's', in: 'cookie', schema: { type: 'string' } }
    const filter = query('filter', { type: 'object' }, { style: 'deepObject' })
    const { endpoint, warnings } = endpointOf({ parameters: [session, filter, query('q')] })
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['q'])
    expect(warnings).toHaveLength(2)
    for (const parameter of [
      session,
      filter,
      { $ref: '#/nowhere' },
      { $ref: 'https://x.test/p' },
    ]) {
      const paths = { '/a': { get: { parameters: [{ ...parameter, required: true }] } } }
      expect(problemOf(document(paths)).message).toContain('no operation')
    }
  })

  test('a header that Souk writes itself takes its operation out', () => {
    const parameters = [{ name: 'Host', in: 'header', schema: {} }]
    const { listing, warnings } = read(
      document({ '/a': { get: { parameters } }, '/b': { get: {} } }),
    )
    expect(listing.endpoints).toHaveLength(1)
    expect(warnings).toEqual([
      { at: '/paths/~1a/get', message: expect.stringContaining('Left out') },
    ])
  })

  test('path variables and path parameters are brought together', () => {
    const parameters = [{ name: 'other', in: 'path', required: true, schema: { type: 'string' } }]
    const { endpoint, warnings } = endpointOf({ parameters }, { path: '/a/{id}' })
    expect(endpoint.input_schema).toEqual({
      type: 'object',
      properties: { id: { type: 'string', 'x-in': 'path' } },
      required: ['id'],
    })
    expect(warnings).toHaveLength(2)
  })

  test.each(['/a?b=c', '/#Action=x', '/a/../b', '/{a', '//b', 'a', '/ä'])(
    'the path %s is left out',
    (path) => {
      const { listing } = read(document({ [path]: { get: {} }, '/fine': { get: {} } }))
      expect(listing.endpoints.map((endpoint) => endpoint.path)).toEqual(['/fine'])
    },
  )
})

describe('bodies', () => {
  test('members become arguments in the body; a name that is taken stays with the first', () => {
    const body = {
      type: 'object',
      required: ['name', 'id', 'created'],
      properties: {
        id: { type: 'string' },
        name: { type: 'string' },
        created: { type: 'string', readOnly: true },
      },
    }
    const { endpoint, warnings } = endpointOf(jsonBody(body), { path: '/a/{id}', method: 'put' })
    expect(endpoint.input_schema).toEqual({
      type: 'object',
      properties: {
        id: { type: 'string', 'x-in': 'path' },
        name: { type: 'string', 'x-in': 'body' },
      },
      required: ['id', 'name'],
    })
    expect(warnings).toContain('"id" in body is left out: path has that name too.')
  })

  test('members of a body that may be left out are not required', () => {
    const body = { type: 'object', required: ['a'], properties: { a: {} } }
    const { endpoint } = endpointOf(jsonBody(body, { required: false }), { method: 'post' })
    expect(endpoint.input_schema).not.toHaveProperty('required')
  })

  test('allOf and alternatives are brought together', () => {
    const base = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } }
    const cat = { required: ['kind'], properties: { kind: { const: 'cat' }, lives: {} } }
    const dog = { required: ['kind', 'name'], properties: { kind: { const: 'dog' }, name: {} } }
    const body = { allOf: [{ $ref: '#/components/schemas/Base' }, { oneOf: [cat, dog] }] }
    const { endpoint } = endpointOf(jsonBody(body), {
      method: 'post',
      ...{ components: { schemas: { Base: base } } },
    })
    expect(endpoint.input_schema).toEqual({
      type: 'object',
      properties: {
        a: { type: 'string', 'x-in': 'body' },
        kind: { anyOf: [{ const: 'cat' }, { const: 'dog' }], 'x-in': 'body' },
        lives: { 'x-in': 'body' },
        name: { 'x-in': 'body' },
      },
      required: ['a', 'kind'],
    })
  })

  test.each([
    ['a form', { requestBody: { content: { 'multipart/form-data': { schema: {} } } } }],
    ['a text', { requestBody: { content: { 'text/plain': {} } } }],
    ['a list', jsonBody({ type: 'array', items: {} })],
    ['a free form object', jsonBody({ type: 'object', additionalProperties: true })],
    ['a circle', jsonBody({ $ref: '#/components/schemas/A' })],
  ])('%s takes its operation out', (_, operation) => {
    const components = { schemas: { A: { allOf: [{ $ref: '#/components/schemas/A' }] } } }
    const paths = { '/a': { post: operation }, '/b': { get: {} } }
    const { listing, warnings } = read(document(paths, { components }))
    expect(listing.endpoints).toHaveLength(1)
    expect(warnings[0]).toEqual({
      at: '/paths/~1a/post',
      message: expect.stringContaining('Left out: its body is'),
    })
  })

  test('GET keeps its parameters and loses its body', () => {
    const body = { type: 'object', properties: { a: {} } }
    const { endpoint, warnings } = endpointOf({ parameters: [query('q')], ...jsonBody(body) })
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['q'])
    expect(warnings).toHaveLength(1)
  })
})

describe('schemas', () => {
  function converted(schema: unknown, components: Members = {}) {
    const { endpoint, warnings } = endpointOf(
      { parameters: [query('q', schema)] },
      { ...components },
    )
    const { 'x-in': _, ...rest } = (endpoint.input_schema.properties as Members).q as Members
    return { schema: rest, warnings }
  }

  test.each([
    [
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [{ nullable: true, anyOf: [{}] }, { anyOf: [{ anyOf: [{}] }, { type: 'null' }] }],
    [
      { type: 'number', maximum: 5, exclusiveMaximum: true },
      { type: 'number', exclusiveMaximum: 5 },
    ],
    [
      { type: 'number', minimum: 5, exclusiveMinimum: false },
      { type: 'number', minimum: 5 },
    ],
    [{ type: 'file', minLength: '3', enum: 'a', required: true }, {}],
    [{ type: ['string', 'string', 'null'] }, { type: ['string', 'null'] }],
    [
      { type: 'string', pattern: '^[a-z]+$', xml: {}, 'x-y': 1 },
      { type: 'string', pattern: '^[a-z]+$' },
    ],
    [true, {}],
  ])('%j becomes %j', (given, expected) => {
    expect(converted(given).schema).toEqual(expected)
  })

  test('a pattern that cannot run in linear time is dropped with a warning', () => {
    const { schema, warnings } = converted({ type: 'string', pattern: '^(?=a)' })
    expect(schema).toEqual({ type: 'string' })
    expect(warnings).toEqual([expect.stringContaining('linear time')])
  })

  test('a reference outside the document accepts anything, with a warning', () => {
    const { schema, warnings } = converted({ allOf: [{ $ref: 'https://x.test/s.json' }] })
    expect(schema).toEqual({ allOf: [{}] })
    expect(warnings).toHaveLength(1)
  })

  test('references that double at every level are cut to fit the limits', () => {
    const schemas: Members = {}
    for (let i = 0; i < 60; i++) {
      const next = { $ref: `#/components/schemas/s${i + 1}` }
      schemas[`s${i}`] = { type: 'object', properties: { a: next, b: next, c: next } }
    }
    const components = { schemas: { ...schemas, s60: { type: 'string' } } }
    const root = { $ref: '#/components/schemas/s0' }
    const responses = { '200': { content: { 'application/json': { schema: root } } } }
    const { endpoint } = endpointOf(
      { ...jsonBody(root), responses },
      { method: 'post', ...{ components } },
    )
    expect(() => checkSchemaShape(endpoint.input_schema, 'a')).not.toThrow()
    expect(endpoint.output_schema).toBeDefined()
  })

  test('members named like those of every object stay plain members', () => {
    const body = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}',
    )
    const { endpoint } = endpointOf(jsonBody(body), { method: 'post' })
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['constructor'])
  })
})

test('an example that could not be sent is no example', () => {
  const integer = { type: 'integer' }
  const wrong = query('a', integer, { example: '7' })
  expect(endpointOf({ parameters: [wrong] }).endpoint).not.toHaveProperty('example')
  const missing = query('b', integer, { required: true })
  const good = query('a', integer, { example: 7 })
  expect(endpointOf({ parameters: [good, missing] }).endpoint).not.toHaveProperty('example')
  expect(endpointOf({ parameters: [good] }).endpoint.example).toEqual({ arguments: { a: 7 } })
})

test('texts lose characters that people do not see, and their excess', () => {
  const summary = `Buy\u200b me\u202e ${'x'.repeat(200)}`
  const { title } = endpointOf({ summary }).endpoint
  expect(title).toMatch(/^Buy me x+…$/)
  expect(title).toHaveLength(120)
})
