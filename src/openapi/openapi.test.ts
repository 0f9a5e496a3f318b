import { describe, expect, test } from 'vitest'
import { checkSchemaShape, createValidators, proveSchemas } from '#schemas'
import { document, price, problemOf, read } from '../../test/support/an-openapi-document.js'

const SEARCH = `
openapi: 3.0.3
info: {title: Acme Wiki, version: "1", description: All that Acme knows.}
servers:
  - url: https://{region}.acme.test/{version}
    variables:
      region: {default: eu}
      version: {enum: [v2]}
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Api-Key}
  parameters:
    limit:
      {name: limit, in: query, description: How many., example: 5,
       schema: {type: integer, minimum: 0, exclusiveMinimum: true, maximum: 50}}
  schemas:
    Hit:
      type: object
      properties:
        title: {type: string}
        parent: {$ref: "#/components/schemas/Hit"}
        secret: {type: string, writeOnly: true}
paths:
  /spaces/{space}/search:
    parameters:
      - {name: space, in: path, required: true, schema: {type: string}, example: home}
    get:
      operationId: searchPages
      summary: Search the wiki
      description: Full text.
      parameters:
        - $ref: "#/components/parameters/limit"
        - {name: q, in: query, required: true, schema: {type: string, nullable: true}, example: tea}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: Accept, in: header, schema: {type: string}}
        - {name: X-Api-Key, in: header, required: true, schema: {type: string}}
      responses:
        "404": {description: none}
        "200":
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Hit"}}
              example: [{title: Tea}]
`

test('an operation becomes an endpoint with everything that its buyers need', () => {
  const { listing, warnings } = read(SEARCH)
  expect(warnings).toEqual([])
  expect(listing).toEqual({
    slug: 'acme-wiki',
    title: 'Acme Wiki',
    description: 'All that Acme knows.',
    category: 'data',
    backend: { type: 'http', base_url: 'https://eu.acme.test/v2' },
    credential: { type: 'header', name: 'X-Api-Key' },
    endpoints: [
      {
        slug: 'search-pages',
        title: 'Search the wiki',
        description: 'Full text.',
        method: 'GET',
        path: '/spaces/{space}/search',
        price,
        input_schema: {
          type: 'object',
          required: ['space', 'q'],
          properties: {
            space: { type: 'string', 'x-in': 'path' },
            limit: {
              type: 'integer',
              exclusiveMinimum: 0,
              maximum: 50,
              description: 'How many.',
              'x-in': 'query',
            },
            q: { type: ['string', 'null'], 'x-in': 'query' },
            'X-Trace': { type: 'string', 'x-in': 'header' },
          },
        },
        output_schema: {
          type: 'array',
          items: { type: 'object', properties: { title: { type: 'string' }, parent: {} } },
        },
        example: { arguments: { space: 'home', limit: 5, q: 'tea' }, answer: [{ title: 'Tea' }] },
      },
    ],
  })
})

test('what was imported is accepted when it is listed', async () => {
  const { endpoints } = read(SEARCH).listing
  for (const { slug, input_schema: schema } of endpoints) checkSchemaShape(schema, slug)
  await proveSchemas(endpoints.map(({ slug, input_schema: schema }) => ({ where: slug, schema })))
  const [endpoint] = endpoints
  const validate = createValidators().for(endpoint!.input_schema, 'hash')
  expect(validate(endpoint!.example?.arguments)).toEqual([])
  expect(validate({ space: 'a', q: null, limit: 0 })).toHaveLength(1)
})

test('slug and title of the caller win, and price is copied to every endpoint', () => {
  const { listing } = read(document({ '/a': { get: {}, delete: {} } }), { slug: 's', title: 'T' })
  expect(listing).toMatchObject({ slug: 's', title: 'T' })
  expect(listing.endpoints.map((endpoint) => endpoint.price)).toEqual([price, price])
})

describe('what is no OpenAPI 3.0, 3.1 or Swagger 2.0 document is refused, saying where', () => {
  test.each([
    ['nothing', undefined, 'is not an object'],
    ['a list', [], 'is not an object'],
    ['empty text', '', 'is not an object'],
    ['broken JSON', '{"openapi": ', 'not valid JSON'],
    ['JSON that breaks later', '{\n"openapi": "3.1.0"\n"paths"', 'not valid JSON (line 3)'],
    ['broken YAML', 'openapi: "3.1.0\npaths: {', 'not valid YAML'],
    ['YAML that breaks later', 'openapi: 3.1.0\npaths: [\na: b', 'not valid YAML (line 3)'],
    ['another document', { name: 'x' }, '/openapi'],
    ['a version as a number', { openapi: 3 }, '/openapi'],
    ['an earlier Swagger', { swagger: '1.2', paths: {} }, '/swagger of the document is 1.2'],
    ['Swagger without a host', { swagger: '2.0', paths: {} }, '/servers'],
    ['a later version', { openapi: '4.0.0', paths: {} }, '4.0.0'],
    ['no paths', { openapi: '3.1.0', webhooks: {} }, '/paths'],
    ['no server', { openapi: '3.1.0', paths: {} }, '/servers'],
    ['a relative server', document({}, { servers: [{ url: '/v1' }] }), '/servers'],
    ['another scheme', document({}, { servers: [{ url: 'ftp://a.test' }] }), '/servers'],
    ['an open variable', document({}, { servers: [{ url: 'https://{a}.test' }] }), '/servers'],
    ['no operation', document({ '/a': {}, 'x-b': 1 }), 'no operation'],
    ['no sellable operation', document({ '/a/../b': { get: {} } }), 'at /paths/~1a~1..~1b/get'],
    ['too long a text', `# ${'x'.repeat(64 * 1024 * 1024)}`, 'larger than'],
    ['many dashes', '- '.repeat(100_000), 'nested too deeply'],
    ['many brackets', '['.repeat(100_000), 'nested too deeply'],
    ['deep indentation', `${' '.repeat(1_000)}a: b`, 'nested too deeply'],
    ['millions of comments', '#\n'.repeat(3_000_001), 'too many parts'],
    ['deep JSON', `{"a":${'['.repeat(1_000_000)}`, 'not valid JSON'],
    ['an alias bomb', aliasBomb(), 'repeats itself too often'],
  ])('%s', (_, given, reason) => {
    const problem = problemOf(given)
    expect(problem.code).toBe('invalid_request')
    expect(problem.message).toContain(reason)
  })
})

function aliasBomb(): string {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (const name of 'bcdefghijk') {
    const before = String.fromCharCode(name.charCodeAt(0) - 1)
    lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`)
  }
  return lines.join('\n')
}

test('a byte order mark before the document is no part of it', () => {
  const text = JSON.stringify(document({ '/a': { get: {} } }))
  expect(read(`\uFEFF${text}`).listing.endpoints).toHaveLength(1)
})

test('a relative server is taken from where the document was found', () => {
  const given = document({ '/a': { get: {} } }, { servers: [{ url: '/v1' }] })
  const { listing } = read(given, { base_url: 'https://acme.test/docs/openapi.yaml' })
  expect(listing.backend.base_url).toBe('https://acme.test/v1')
})

describe('security', () => {
  const flows = { clientCredentials: { tokenUrl: 'https://x.test', scopes: {} } }

  test.each([
    [{ type: 'apiKey', in: 'query', name: 'key' }, { type: 'query', name: 'key' }, 0],
    [{ type: 'http', scheme: 'Bearer' }, { type: 'bearer' }, 0],
    [{ type: 'http', scheme: 'basic' }, { type: 'basic' }, 0],
    [{ type: 'oauth2', flows }, { type: 'bearer' }, 1],
    [{ type: 'openIdConnect', openIdConnectUrl: 'https://x.test' }, { type: 'bearer' }, 1],
    [{ type: 'apiKey', in: 'cookie', name: 'key' }, { type: 'none' }, 2],
    [{ type: 'apiKey', in: 'header', name: 'Host' }, { type: 'none' }, 2],
    [{ type: 'apiKey', in: 'header', name: 'X-Key\r\nHost: a' }, { type: 'none' }, 2],
    [
      { type: 'apiKey', in: 'header', name: 'Authorization' },
      { type: 'header', name: 'Authorization' },
      0,
    ],
    [{ type: 'mutualTLS' }, { type: 'none' }, 2],
  ])('%j gives %j', (scheme, credential, count) => {
    const more = { components: { securitySchemes: { s: scheme } }, security: [{ s: [] }] }
    const { listing, warnings } = read(document({ '/a': { get: {} } }, more))
    expect(listing.credential).toEqual(credential)
    expect(warnings).toHaveLength(count)
  })

  test('the scheme that most operations ask for is taken, the others are warned of', () => {
    const securitySchemes = {
      a: { type: 'http', scheme: 'basic' },
      b: { type: 'apiKey', in: 'header', name: 'X-Key' },
    }
    const [a, b] = [{ security: [{ a: [] }] }, { security: [{ b: [] }, { a: [], b: [] }] }]
    const paths = { '/a': { get: a, post: b, put: b, delete: { security: [] } } }
    const { listing, warnings } = read(document(paths, { components: { securitySchemes } }))
    expect(listing.credential).toEqual({ type: 'header', name: 'X-Key' })
    expect(warnings.map(({ at }) => at)).toEqual(['/paths/~1a/get'])
  })

  test('without schemes there is no credential', () => {
    expect(read(document({ '/a': { get: {} } })).listing.credential).toEqual({ type: 'none' })
  })
})

test('an operation with a server of its own is left out', () => {
  const paths = {
    '/a': { get: { servers: [{ url: 'https://other.test' }] } },
    '/b': { servers: [{ url: 'https://api.acme.test/v1' }], get: {} },
  }
  const { listing, warnings, found, leftOut } = read(document(paths))
  expect(listing.endpoints.map(({ path }) => path)).toEqual(['/b'])
  expect(found).toBe(2)
  expect(leftOut).toEqual([
    { at: '/paths/~1a/get', message: 'it has a server of its own, https://other.test' },
  ])
  expect(warnings).toEqual([])
})

test('wrong types anywhere neither crash nor stop the import', () => {
  const given = document(
    {
      '/a': {
        get: { operationId: 7, summary: {}, parameters: 'x', requestBody: [], responses: [] },
      },
      '/b': { get: { parameters: [7, null] }, post: null },
      '/c': 7,
      '/d': { $ref: '#/paths/~1d' },
      '/e': { get: { security: 'x', servers: 'y', tags: 1, responses: { '200': 7 } } },
    },
    { components: 7, info: 'x', security: 'y' },
  )
  const { listing, warnings } = read(given)
  expect(listing.endpoints.map(({ path }) => path)).toEqual(['/a', '/e'])
  expect(warnings.length).toBeGreaterThan(0)
})

test('endpoints, operations and warnings stop at their limits', () => {
  const many = Object.fromEntries(Array.from({ length: 31_000 }, (_, i) => [`/p${i}`, { get: {} }]))
  const { listing, warnings, found, leftOut } = read(document(many))
  expect(found).toBe(30_000)
  expect(listing.endpoints).toHaveLength(25_000)
  expect(leftOut).toHaveLength(5_000)
  expect(leftOut[0]?.message).toContain('at most 25000 endpoints')
  expect(warnings).toEqual([
    { at: '/paths/~1p30000', message: expect.stringContaining('first 30000 operations') },
  ])
  const loss = { parameters: [{ name: 'Host', in: 'header', schema: {} }] }
  const losses = Object.fromEntries(
    Array.from({ length: 5_100 }, (_, i) => [`/p${i}`, { get: loss }]),
  )
  expect(read(document(losses)).warnings).toHaveLength(5_000)
})

test('the document is not changed, whatever its version', () => {
  const swagger = { swagger: '2.0', host: 'a.test', paths: { '/a': { get: { responses: {} } } } }
  for (const given of [swagger, document({ '/a': { get: {} } })]) {
    const before = JSON.stringify(given)
    read(given)
    expect(JSON.stringify(given)).toBe(before)
  }
})
