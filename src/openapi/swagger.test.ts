import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { importOpenApi } from './openapi.js'

const price = { model: 'per_call', amount: '0.001' } as const

type Members = Record<string, unknown>

function swagger(paths: Members, more: Members = {}): Members {
  return { swagger: '2.0', info: { title: 'Acme' }, host: 'api.acme.test', paths, ...more }
}

function read(given: unknown, baseUrl?: string) {
  const listing = baseUrl === undefined ? {} : { base_url: baseUrl }
  return importOpenApi(given, { listing, price })
}

function schemaOf(operation: Members, more: Members = {}, item: Members = {}): Members {
  const { listing } = read(swagger({ '/a/{id}': { post: operation, ...item } }, more))
  return listing.endpoints[0]!.input_schema
}

const id = { name: 'id', in: 'path', required: true, type: 'string' }
const inPath = { id: { type: 'string', 'x-in': 'path' } }

test.each([
  [{}, 'https://api.acme.test'],
  [{ basePath: '/v1/', schemes: ['http', 'https'] }, 'https://api.acme.test/v1'],
  [{ schemes: ['http'] }, 'http://api.acme.test'],
  [{ host: undefined, basePath: '/v2' }, 'http://docs.test/v2'],
])('host, base path and schemes %j make the base URL %s', (more, url) => {
  const baseUrl = 'host' in more ? 'http://docs.test/swagger.json' : undefined
  const { listing } = read(swagger({ '/a': { get: {} } }, more), baseUrl)
  expect(listing.backend.base_url).toBe(url)
})

test.each([
  ['query', undefined, { 'x-explode': false }],
  ['query', 'csv', { 'x-explode': false }],
  ['query', 'ssv', { 'x-style': 'spaceDelimited' }],
  ['query', 'pipes', { 'x-style': 'pipeDelimited' }],
  ['query', 'tsv', { 'x-style': 'tabDelimited' }],
  ['query', 'multi', {}],
  ['header', 'csv', {}],
  ['header', 'pipes', { 'x-style': 'pipeDelimited' }],
  ['formData', undefined, { 'x-explode': false }],
  ['formData', 'multi', {}],
  ['formData', 'tsv', { 'x-style': 'tabDelimited' }],
])('a list in %s of the collection format %s is annotated %j', (place, collectionFormat, form) => {
  const list = { type: 'array', items: { type: 'string' } }
  const parameter = { name: 'p', in: place, ...list, ...(collectionFormat && { collectionFormat }) }
  const schema = schemaOf({ parameters: [id, parameter] })
  const xIn = place === 'formData' ? 'body' : place
  expect(schema.properties).toEqual({ ...inPath, p: { ...list, 'x-in': xIn, ...form } })
})

describe('bodies', () => {
  const body = { name: 'pet', in: 'body', required: true, schema: { $ref: '#/definitions/Pet' } }
  const definitions = {
    Pet: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
  }
  const expected = {
    type: 'object',
    properties: { ...inPath, name: { type: 'string', 'x-in': 'body' } },
    required: ['id', 'name'],
  }

  test.each([
    ['of the operation', { parameters: [id, body] }, {}, {}],
    ['of the path', {}, { parameters: [id, body] }, {}],
    ['that is shared', { parameters: [id, { $ref: '#/parameters/Pet' }] }, {}, { Pet: body }],
    [
      'that is shared by the path',
      {},
      { parameters: [{ $ref: '#/parameters/Pet' }, { $ref: '#/parameters/Id' }] },
      { Pet: body, Id: id },
    ],
  ])('one %s is sent as JSON', (_, operation, item, parameters) => {
    expect(schemaOf(operation, { definitions, parameters }, item)).toEqual(expected)
  })

  test('the type is the first that the operation consumes and the gateway can send', () => {
    const consumes = ['application/xml', 'application/vnd.acme+json']
    const schema = schemaOf({ parameters: [id, body] }, { definitions, consumes })
    expect(schema['x-media-type']).toBe('application/vnd.acme+json')
  })

  test('a form is url-encoded unless it says otherwise or has a file', () => {
    const field = { name: 'a', in: 'formData', type: 'string', required: true }
    const file = { name: 'f', in: 'formData', type: 'file' }
    const typeOf = (parameters: Members[], consumes?: string[]) =>
      schemaOf({ parameters: [id, ...parameters], ...(consumes && { consumes }) })
    expect(typeOf([field])).toMatchObject({
      'x-media-type': 'application/x-www-form-urlencoded',
      required: ['id', 'a'],
    })
    expect(typeOf([field], ['multipart/form-data'])['x-media-type']).toBe('multipart/form-data')
    expect(typeOf([field, file])).toMatchObject({
      'x-media-type': 'multipart/form-data',
      properties: { f: { 'x-in': 'body', 'x-file': true, type: 'object' } },
    })
  })
})

test('security, answers and references are those of the document', () => {
  const pet = { type: 'object', properties: { name: { type: 'string' } } }
  const get = {
    responses: { 200: { $ref: '#/responses/Pets' } },
    parameters: [{ $ref: '#/parameters/Limit' }],
  }
  const { listing, warnings } = read(
    swagger(
      { '/a': { get } },
      {
        definitions: { Pet: pet },
        parameters: { Limit: { name: 'limit', in: 'query', type: 'integer', maximum: 9 } },
        responses: { Pets: { schema: { type: 'array', items: { $ref: '#/definitions/Pet' } } } },
        securityDefinitions: { key: { type: 'apiKey', in: 'header', name: 'X-Key' } },
        security: [{ key: [] }],
      },
    ),
  )
  expect(warnings).toEqual([])
  expect(listing.credential).toEqual({ type: 'header', name: 'X-Key' })
  expect(listing.endpoints[0]).toMatchObject({
    input_schema: { properties: { limit: { type: 'integer', maximum: 9, 'x-in': 'query' } } },
    output_schema: { type: 'array', items: pet },
  })
})

describe('hostile documents', () => {
  test('a deep path of headers is cut before it is looked at', () => {
    let deep: Members = { type: 'file' }
    for (let i = 0; i < 2_000; i++) deep = { headers: deep }
    const { listing } = read(
      swagger({ '/a': { get: { 'x-deep': deep } } }, { definitions: { deep } }),
    )
    expect(listing.endpoints).toHaveLength(1)
  })

  test('circles and shared parts are copied apart, or refused', () => {
    const circle: Members = { type: 'object' }
    circle.properties = { a: circle, b: circle }
    expect(() => read(swagger({ '/a': { get: {} } }, { definitions: { circle } }))).toThrow(
      'has too many parts',
    )
    const shared = { name: 'q', in: 'query', type: 'array', items: { type: 'string' } }
    const { listing } = read(
      swagger({ '/a': { get: { parameters: [shared] } }, '/b': { get: { parameters: [shared] } } }),
    )
    const [a, b] = listing.endpoints
    expect(a?.input_schema).toEqual(b?.input_schema)
  })

  const word = fc.constantFrom(
    ...['parameters', 'responses', 'schema', 'headers', 'examples', 'type', 'in', 'name', 'items'],
    ...['get', 'post', '200', 'default', '$ref', 'consumes', 'definitions', 'Pet', '__proto__'],
    ...['collectionFormat', 'body', 'formData', 'discriminator', 'allOf', 'properties', 'required'],
  )
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(null, true, 7, '', 'file', 'array', 'query', 'body', 'formData'),
    fc.constantFrom('#/definitions/Pet', '#/parameters/Pet', '#/paths/~1a', 'Pet', 'string', 'tsv'),
  )
  const { anything } = fc.letrec((tie) => ({
    anything: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie('anything'), { maxLength: 3 }),
      fc.dictionary(word, tie('anything'), { maxKeys: 5 }),
    ),
  }))

  test('whatever stands in a document, it is imported or refused with a reason', () => {
    const given = fc.record({ paths: fc.dictionary(fc.constantFrom('/a', '/b/{Pet}'), anything) })
    const more = fc.dictionary(
      fc.constantFrom('definitions', 'parameters', 'responses', 'securityDefinitions', 'consumes'),
      anything,
    )
    fc.assert(
      fc.property(given, more, ({ paths }, others) => {
        try {
          read(swagger(paths, others))
        } catch (error) {
          expect(error).toBeInstanceOf(Problem)
          expect((error as Problem).message).not.toContain('cannot be brought')
        }
      }),
      { numRuns: 500 },
    )
  })
})
