import { describe, expect, test } from 'vitest'
import {
  document,
  endpointOf,
  type Members,
  problemOf,
  query,
  read,
} from '../../test/support/an-openapi-document.js'

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

  const list = { type: 'array', items: { type: 'string' } }
  const object = { type: 'object', properties: { a: { type: 'string' } } }
  const either = { oneOf: [{ type: 'string' }, { $ref: '#/components/schemas/List' }] }

  test.each([
    ['query', { type: 'string' }, { style: 'pipeDelimited', explode: false }, {}],
    ['query', list, {}, {}],
    [
      'query',
      list,
      { style: 'spaceDelimited', explode: true },
      { 'x-style': 'spaceDelimited', 'x-explode': true },
    ],
    ['query', list, { explode: false }, { 'x-explode': false }],
    ['query', list, { style: 'pipeDelimited' }, { 'x-style': 'pipeDelimited' }],
    ['query', either, { explode: false }, { 'x-explode': false }],
    ['query', object, {}, { 'x-style': 'form' }],
    ['query', object, { explode: false }, { 'x-style': 'form', 'x-explode': false }],
    ['query', object, { style: 'deepObject', explode: true }, { 'x-style': 'deepObject' }],
    ['query', { type: 'string' }, { allowReserved: true }, { 'x-allow-reserved': true }],
    ['path', { type: 'string' }, { explode: true }, {}],
    ['path', list, {}, { 'x-style': 'simple' }],
    ['path', { type: 'string' }, { style: 'matrix' }, { 'x-style': 'matrix' }],
    ['path', object, { style: 'label', explode: true }, { 'x-style': 'label', 'x-explode': true }],
    ['header', list, {}, {}],
    ['header', object, { explode: true }, { 'x-style': 'simple', 'x-explode': true }],
    ['header', { type: 'string' }, { style: 'form' }, {}],
    ['cookie', list, { explode: false }, { 'x-explode': false }],
    ['cookie', { type: 'string' }, {}, {}],
  ])('in %s, %j stated as %j is annotated %j', (place, schema, stated, form) => {
    const parameters = [{ name: 'p', in: place, required: true, schema, ...stated }]
    const more = { path: '/a/{p}'.slice(0, place === 'path' ? 6 : 2) }
    const components = { schemas: { List: list } }
    const { endpoint, warnings } = endpointOf({ parameters }, { ...more, ...{ components } })
    const { 'x-in': xIn, ...property } = (endpoint.input_schema.properties as Members).p as Members
    const annotations = Object.entries(property).filter(([name]) => name.startsWith('x-'))
    expect(xIn).toBe(place)
    expect(Object.fromEntries(annotations)).toEqual(form)
    expect(warnings).toEqual([])
  })

  test('a parameter whose content is JSON is sent as JSON; of another type it is no argument', () => {
    const content = (type: string) => ({
      name: type,
      in: 'query',
      content: { [type]: { schema: object } },
    })
    const parameters = [content('application/json'), content('text/plain'), content('image/png')]
    const { endpoint, warnings } = endpointOf({ parameters })
    expect(endpoint.input_schema.properties).toEqual({
      'application/json': { ...object, 'x-in': 'query', 'x-media-type': 'application/json' },
      'text/plain': { type: 'string', 'x-in': 'query' },
    })
    expect(warnings).toEqual([expect.stringContaining('"image/png" cannot be expressed')])
  })

  test('parameters of one name in several places are arguments of different names', () => {
    const parameters = [
      query('id'),
      { name: 'id', in: 'header', schema: {} },
      { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
    ]
    const { endpoint } = endpointOf({ parameters }, { path: '/a/{id}' })
    expect(endpoint.input_schema.properties).toEqual({
      id: { type: 'integer', 'x-in': 'path' },
      query_id: { type: 'string', 'x-in': 'query', 'x-name': 'id' },
      header_id: { 'x-in': 'header', 'x-name': 'id' },
    })
  })

  test.each([
    { $ref: '#/nowhere' },
    { $ref: 'https://x.test/p' },
    { name: 'q', in: 'querystring', required: true },
    { name: 'Cookie', in: 'header', schema: {} },
    { in: 'query', schema: {} },
  ])('the parameter %j takes its operation out', (parameter) => {
    const paths = { '/a': { get: { parameters: [parameter] } } }
    expect(problemOf(document(paths)).message).toContain('no operation')
  })

  test('a parameter described twice in one list is left out where the two differ', () => {
    const twice = (other: unknown) => [query('a'), query('a', other), query('b')]
    expect(endpointOf({ parameters: twice({ type: 'string' }) }).warnings).toEqual([])
    const paths = { '/a': { get: { parameters: twice({ type: 'integer' }) } }, '/b': { get: {} } }
    expect(read(document(paths)).leftOut).toEqual([
      { at: '/paths/~1a/get', message: expect.stringContaining('"a" is described twice') },
    ])
  })

  test('a header that Souk writes itself is no argument', () => {
    const parameters = [
      { name: 'User-Agent', in: 'header', required: true, schema: {} },
      query('q'),
    ]
    const { endpoint, warnings } = endpointOf({ parameters })
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['q'])
    expect(warnings).toEqual([expect.stringContaining('"User-Agent" is written by the gateway')])
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

  test.each([
    ['/#Action=x', '/'],
    ['/ä b/{id}', '/%C3%A4%20b/{id}'],
    ['/a|b', '/a|b'],
  ])('the path %s is sent as %s', (key, path) => {
    expect(endpointOf({}, { path: key }).endpoint.path).toBe(path)
  })

  test('a query in the path is sent with every call', () => {
    const parameters = [query('q'), query('e', { type: 'integer' })]
    const { endpoint } = endpointOf({ parameters }, { path: '/a?b=c%20d&e' })
    expect(endpoint).toMatchObject({
      path: '/a',
      input_schema: {
        properties: {
          b: { type: 'string', const: 'c d', 'x-in': 'query' },
          e: { type: 'string', const: '', 'x-in': 'query' },
          q: { type: 'string', 'x-in': 'query' },
        },
        required: ['b', 'e'],
      },
      example: { arguments: { b: 'c d', e: '' } },
    })
  })

  test.each(['/a?b={c}', '/a/../b', '/{a', '//b', 'a'])('the path %s is left out', (path) => {
    const { listing } = read(document({ [path]: { get: {} }, '/fine': { get: {} } }))
    expect(listing.endpoints.map((endpoint) => endpoint.path)).toEqual(['/fine'])
  })
})
