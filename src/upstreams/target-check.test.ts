import { expect, test } from 'vitest'
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
  expect(() => checkTarget(withProperties({ a: { 'x-in': 'cookie' } }), none)).toThrow('x-in')
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
