import { describe, expect, test } from 'vitest'
import {
  document,
  endpointOf,
  jsonBody,
  type Members,
  problemOf,
  query,
  read,
} from '../../test/support/an-openapi-document.js'

describe('bodies', () => {
  test('members become arguments in the body, under another name where theirs is taken', () => {
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
        body_id: { type: 'string', 'x-in': 'body', 'x-name': 'id' },
        name: { type: 'string', 'x-in': 'body' },
      },
      required: ['id', 'body_id', 'name'],
    })
    expect(warnings).toEqual([expect.stringContaining('path variable "id" is not described')])
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

  /** The schema of an operation with one body. */
  function schemaFor(type: string, media: Members, required = true): Members {
    const operation = { requestBody: { required, content: { [type]: media } } }
    const components = { schemas: { A: { allOf: [{ $ref: '#/components/schemas/A' }] } } }
    return endpointOf(operation, { method: 'post', ...{ components } }).endpoint.input_schema
  }

  test.each([
    [
      'a list',
      { type: 'array', items: { type: 'integer' } },
      { type: 'array', items: { type: 'integer' } },
    ],
    [
      'a free-form object',
      { type: 'object', additionalProperties: true },
      { type: 'object', additionalProperties: true },
    ],
    [
      'a text or an object',
      { oneOf: [{ type: 'string' }, { type: 'object' }] },
      { oneOf: [{ type: 'string' }, { type: 'object' }] },
    ],
    ['a circle', { $ref: '#/components/schemas/A' }, { allOf: [{}] }],
    ['not described', undefined, {}],
  ])('JSON that is %s is one argument', (_, schema, converted) => {
    expect(schemaFor('application/json', { schema })).toEqual({
      type: 'object',
      properties: { body: { ...converted, 'x-in': 'body', 'x-body': 'json' } },
      required: ['body'],
    })
  })

  test.each(['application/vnd.api+json', 'text/json', 'application/json; charset=utf-8'])(
    '%s is JSON of that type',
    (type) => {
      const schema = { type: 'object', properties: { a: {} } }
      expect(schemaFor(type, { schema })).toEqual({
        type: 'object',
        'x-media-type': type,
        properties: { a: { 'x-in': 'body' } },
      })
    },
  )

  test.each([
    ['text/plain', { type: 'string' }, 'text'],
    ['application/xml', { type: 'object', properties: { a: {} } }, 'text'],
    ['application/octet-stream', { type: 'string', format: 'binary' }, 'base64'],
    ['image/png', {}, 'base64'],
    ['application/x-ndjson', {}, 'text'],
  ])('%s is one argument', (type, schema, kind) => {
    expect(schemaFor(type, { schema }, false)).toEqual({
      type: 'object',
      'x-media-type': type,
      properties: {
        body: {
          type: 'string',
          description: expect.stringContaining(type),
          'x-in': 'body',
          'x-body': kind,
        },
      },
    })
  })

  test('fields of a form say how they are sent where that is not plain', () => {
    const properties = {
      plain: { type: 'array', items: {} },
      joined: { type: 'array', items: {} },
      deep: { type: 'object' },
      json: { type: 'object' },
    }
    const encoding = {
      joined: { style: 'pipeDelimited' },
      deep: { style: 'deepObject', explode: true },
      json: { contentType: 'application/json' },
    }
    const schema = { type: 'object', required: ['plain'], properties }
    expect(schemaFor('application/x-www-form-urlencoded', { schema, encoding }, false)).toEqual({
      type: 'object',
      'x-media-type': 'application/x-www-form-urlencoded',
      properties: {
        plain: { ...properties.plain, 'x-in': 'body' },
        joined: { ...properties.joined, 'x-in': 'body', 'x-style': 'pipeDelimited' },
        deep: { type: 'object', 'x-in': 'body', 'x-style': 'deepObject' },
        json: { type: 'object', 'x-in': 'body', 'x-media-type': 'application/json' },
      },
      required: ['plain'],
    })
  })

  test('parts of a multipart form are texts, JSON and files', () => {
    const binary = { type: 'string', format: 'binary' }
    const properties = {
      text: { type: 'string' },
      meta: { type: 'object', properties: { a: {} } },
      image: binary,
      more: { type: 'array', items: binary },
      joined: { type: 'array', items: {} },
      raw: { contentMediaType: 'audio/wav' },
    }
    const encoding = {
      image: { contentType: 'image/png' },
      joined: { style: 'form', explode: false },
    }
    const schema = { type: 'object', properties, required: ['image'] }
    const { properties: sent, ...rest } = schemaFor('multipart/form-data', { schema, encoding })
    const file = { type: 'object', required: ['base64'] }
    expect(rest).toEqual({
      type: 'object',
      'x-media-type': 'multipart/form-data',
      required: ['image'],
    })
    expect(sent).toMatchObject({
      text: { type: 'string', 'x-in': 'body' },
      meta: { type: 'object', 'x-in': 'body' },
      image: { ...file, 'x-file': true, 'x-media-type': 'image/png' },
      more: { type: 'array', items: file, 'x-file': true },
      joined: { type: 'array', 'x-style': 'form', 'x-explode': false },
      raw: { ...file, 'x-file': true },
    })
    expect((sent as Record<string, Members>).text).not.toHaveProperty('x-file')
  })

  test('of several types JSON is sent before forms, and a form that can carry its files', () => {
    const media = (properties: Members) => ({ schema: { type: 'object', properties } })
    const file = { type: 'string', format: 'binary' }
    const typeOf = (content: Members) => {
      const operation = { requestBody: { content } }
      return endpointOf(operation, { method: 'post' }).endpoint.input_schema['x-media-type']
    }
    const form = 'application/x-www-form-urlencoded'
    expect(
      typeOf({ [form]: media({ a: {} }), 'application/json': media({ a: {} }) }),
    ).toBeUndefined()
    const both = (properties: Members) => ({
      'multipart/form-data': media(properties),
      [form]: media(properties),
    })
    expect(typeOf(both({ a: {} }))).toBe(form)
    expect(typeOf(both({ a: file }))).toBe('multipart/form-data')
  })

  test.each([
    ['a range of types', { content: { 'image/*': {} } }],
    ['a multipart message', { content: { 'multipart/mixed': {} } }],
    ['a reference to nothing', { $ref: '#/nowhere' }],
  ])('%s takes its operation out', (_, requestBody) => {
    const { listing, leftOut } = read(
      document({ '/a': { post: { requestBody } }, '/b': { get: {} } }),
    )
    expect(listing.endpoints).toHaveLength(1)
    expect(leftOut).toEqual([
      { at: '/paths/~1a/post', message: expect.stringContaining('its body') },
    ])
  })

  test('GET loses a body that it may leave out, and is left out where it needs one', () => {
    const body = { type: 'object', properties: { a: {} } }
    const optional = { parameters: [query('q')], ...jsonBody(body, { required: false }) }
    const { endpoint, warnings } = endpointOf(optional)
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['q'])
    expect(warnings).toHaveLength(1)
    expect(problemOf(document({ '/a': { get: jsonBody(body) } })).message).toContain('no operation')
  })
})
