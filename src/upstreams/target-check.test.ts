import { describe, expect, test } from 'vitest'
import type { HttpTarget } from './http-shape.js'
import { checkTarget } from './target-check.js'

const good: HttpTarget = {
  baseUrl: 'https://api.example/v1/',
  method: 'GET',
  path: '/search/{space}',
  inputSchema: {
    type: 'object',
    required: ['space'],
    properties: {
      space: { type: 'string' },
      q: { type: 'string' },
      'accept-language': { type: 'string', 'x-in': 'header' },
      accept: { type: 'string', 'x-in': 'header' },
    },
  },
}

const withProperties = (properties: Record<string, unknown>, method = 'GET'): HttpTarget => ({
  ...good,
  method: method as HttpTarget['method'],
  path: '/x',
  inputSchema: { type: 'object', properties },
})

const none = { type: 'none' }

test('a sound target is accepted with every type of credential', () => {
  for (const credential of [
    none,
    { type: 'bearer' },
    { type: 'basic' },
    { type: 'header', name: 'X-Api-Key' },
    { type: 'query', name: 'api_key' },
  ]) {
    expect(() => checkTarget(good, credential)).not.toThrow()
  }
  expect(() => checkTarget({ ...good, inputSchema: {}, path: '/' }, none)).not.toThrow()
})

test.each([
  'api.example',
  'ftp://api.example',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'https://user@api.example',
  'https://user:password@api.example',
  'https://api.example?x=1',
  'https://api.example?',
  'https://api.example/#part',
  'https://api.example//double',
  'https://api.example/%2e%2e%2fsecret',
  'https://',
  '',
])('the base URL %j is refused', (baseUrl) => {
  expect(() => checkTarget({ ...good, baseUrl }, none)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  )
})

test.each([
  'search/{space}',
  '/search?x={space}',
  '/search#{space}',
  '/../{space}',
  '/a/../{space}',
  '/{space}..',
  '//evil.example/{space}',
  '/a\\{space}',
  '/{space}/{other}',
  '/{space',
  '/space}/{space}',
  '/{{space}}',
  '/{}/{space}',
  '/%2e%2e/{space}',
  '/%2E./{space}',
  '/./{space}',
  '/ä/{space}',
  '/a b/{space}',
])('the path template %j is refused', (path) => {
  expect(() => checkTarget({ ...good, path }, none)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  )
})

test('a path variable must be declared, required and placed in the path', () => {
  const schema = (space: unknown, required: unknown) => ({
    ...good,
    inputSchema: { properties: { space }, required },
  })
  expect(() => checkTarget(schema({}, ['space']), none)).not.toThrow()
  expect(() => checkTarget(schema({}, undefined), none)).toThrow('must be required')
  expect(() => checkTarget(schema({ 'x-in': 'query' }, ['space']), none)).toThrow('must be path')
  expect(() => checkTarget(withProperties({ a: { 'x-in': 'path' } }), none)).toThrow('no {a}')
})

test('an unknown x-in or method is refused', () => {
  expect(() => checkTarget(withProperties({ a: { 'x-in': 'trailer' } }), none)).toThrow('x-in')
  expect(() => checkTarget(withProperties({}, 'TRACE'), none)).toThrow('method')
})

test('GET and HEAD take no body properties', () => {
  const body = { a: { 'x-in': 'body' } }
  expect(() => checkTarget(withProperties(body, 'GET'), none)).toThrow('no body')
  expect(() => checkTarget(withProperties(body, 'HEAD'), none)).toThrow('no body')
  expect(() => checkTarget(withProperties(body, 'DELETE'), none)).not.toThrow()
})

test.each([
  'Host',
  'content-length',
  'Transfer-Encoding',
  'CONNECTION',
  'Cookie',
  'authorization',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'proxy-authorization',
  'Proxy-Connection',
  'expect',
  'content-type',
  'accept-encoding',
  'user-agent',
  'x-souk-call',
  '__proto__',
  'x y',
  'x:y',
  'x\r\ny',
  'é',
  '',
])('no argument may set the header %j', (name) => {
  const properties = JSON.parse(`{${JSON.stringify(name)}: {"x-in": "header"}}`)
  expect(() => checkTarget(withProperties(properties), none)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  )
})

test("no argument may aim at the credential's own header or parameter, in any case", () => {
  const header = withProperties({ 'X-API-key': { 'x-in': 'header' } })
  expect(() => checkTarget(header, { type: 'header', name: 'x-api-KEY' })).toThrow('own header')
  expect(() => checkTarget(header, { type: 'query', name: 'x-api-key' })).not.toThrow()
  const query = withProperties({ Api_Key: {} })
  expect(() => checkTarget(query, { type: 'query', name: 'api_key' })).toThrow('own query')
  expect(() => checkTarget(query, { type: 'header', name: 'api_key' })).not.toThrow()
})

test('two arguments may not aim at the same header', () => {
  const twice = withProperties({ 'x-a': { 'x-in': 'header' }, 'X-A': { 'x-in': 'header' } })
  expect(() => checkTarget(twice, none)).toThrow('Two arguments')
})

describe('how arguments are sent', () => {
  const type = (mediaType: string, properties: Record<string, unknown>): HttpTarget => ({
    ...withProperties(properties, 'POST'),
    inputSchema: { type: 'object', properties, 'x-media-type': mediaType },
  })
  const form = 'application/x-www-form-urlencoded'
  const multipart = 'multipart/form-data'

  test.each([
    [{ a: { 'x-style': 'deepObject' }, b: { 'x-allow-reserved': true } }, 'GET'],
    [{ a: { 'x-in': 'cookie' }, b: { 'x-in': 'cookie', 'x-explode': false } }, 'GET'],
    [{ a: { 'x-in': 'header', 'x-media-type': 'application/json' } }, 'GET'],
    [{ id: {}, body_id: { 'x-in': 'query', 'x-name': 'id' } }, 'POST'],
    [{ a: { 'x-body': 'base64' }, q: { 'x-in': 'query' } }, 'POST'],
  ])('%j is accepted for %s', (properties, method) => {
    expect(() => checkTarget(withProperties(properties, method), none)).not.toThrow()
  })

  test.each([
    [type(form, { a: { 'x-style': 'deepObject', 'x-explode': true } })],
    [type(multipart, { a: { 'x-file': true, 'x-media-type': 'image/png' }, b: {} })],
    [type('application/vnd.api+json', { a: {} })],
    [type('text/csv', { a: { 'x-body': 'text' } })],
  ])('a body of its type is accepted', (target) => {
    expect(() => checkTarget(target, none)).not.toThrow()
  })

  test.each([
    [{ a: { 'x-style': 'matrix' } }, 'x-style of "a" must be one of form, deepObject'],
    [{ a: { 'x-in': 'header', 'x-style': 'form' } }, 'must be one of simple'],
    [{ a: { 'x-in': 'cookie', 'x-style': 'deepObject' } }, 'must be one of form in cookie'],
    [{ a: { 'x-in': 'cookie', 'x-name': 'a;b' } }, 'not a name that a cookie can have'],
    [{ a: { 'x-in': 'header', 'x-name': 'cookie' } }, 'must not set the header "cookie"'],
    [{ a: { 'x-in': 'header', 'x-name': 'Authorization' } }, 'must not set the header'],
    [{ a: { 'x-name': 'key' } }, 'credential'],
    [{ a: { 'x-name': 'b' }, b: {} }, 'Two arguments aim at the query "b"'],
    [{ a: { 'x-body': 'json' } }, 'has x-body, so its x-in must be body'],
    [{ a: { 'x-in': 'header', 'x-allow-reserved': true } }, 'outside a query or a form'],
    [{ a: { 'x-file': true } }, 'outside a multipart/form-data body'],
    [{ a: { 'x-media-type': 'text/csv' } }, 'must be a JSON type'],
  ])('%j is refused', (properties, reason) => {
    const credential = { type: 'query', name: 'Key' }
    expect(() => checkTarget(withProperties(properties), credential)).toThrow(reason)
  })

  test.each([
    [type('text/csv', { a: {} }), 'must be one argument with x-body'],
    [type('a/b\r\nx: y', { a: { 'x-body': 'text' } }), 'must be a media type'],
    [type('multipart/form-data; boundary=x', { a: {} }), 'must be one argument with x-body'],
    [withProperties({ a: { 'x-body': 'json' }, b: {} }, 'POST'), 'must be the only one in body'],
    [withProperties({ a: { 'x-explode': false } }, 'POST'), 'the body is no form'],
    [type(form, { a: { 'x-file': true } }), 'outside a multipart/form-data body'],
    [type(multipart, { a: { 'x-allow-reserved': true } }), 'outside a query or a form'],
  ])('a body that its type cannot carry is refused', (target, reason) => {
    expect(() => checkTarget(target, none)).toThrow(reason)
  })
})
