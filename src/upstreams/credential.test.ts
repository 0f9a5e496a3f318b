import { expect, test } from 'vitest'
import {
  type Credential,
  checkCredential,
  pathWithCredential,
  writeCredentialHeader,
} from './credential.js'

const oauth = {
  type: 'oauth2_client_credentials' as const,
  token_url: 'https://auth.example/token',
  client_id: 'me',
  client_secret: 'abcdefgh',
}

test.each<Credential>([
  { type: 'none' },
  { type: 'bearer', token: 'abcdefgh' },
  { type: 'header', name: 'X-Api-Key', value: 'abcdefgh' },
  { type: 'header', name: 'Authorization', value: 'Token abcdefgh' },
  { type: 'query', name: 'api key', value: 'abcdéfgh' },
  { type: 'basic', username: '', password: 'abcdefgh' },
  { ...oauth, scopes: ['a'], extra_params: { audience: 'b' } },
])('$type with a sound value is accepted', (credential) => {
  expect(() => checkCredential(credential)).not.toThrow()
})

test.each<[string, unknown]>([
  ['a short client secret', { ...oauth, client_secret: 'short' }],
  ['a token URL that is none', { ...oauth, token_url: 'file:///etc' }],
  ['LF in an extra parameter', { ...oauth, extra_params: { a: 'b\nc' } }],
  ['a scope that is no text', { ...oauth, scopes: [7] }],
  ['a short token', { type: 'bearer', token: 'abcdefg' }],
  ['a short value', { type: 'header', name: 'x-key', value: 'short' }],
  ['a short query value', { type: 'query', name: 'key', value: 'short' }],
  ['a short password', { type: 'basic', username: 'longusername', password: 'short' }],
  ['CR LF in a token', { type: 'bearer', token: 'abcdefgh\r\nx: y' }],
  ['NUL in a value', { type: 'header', name: 'x-key', value: 'abcdefgh\0' }],
  ['LF in a user name', { type: 'basic', username: 'a\nb', password: 'abcdefgh' }],
  ['a colon in a user name', { type: 'basic', username: 'a:b', password: 'abcdefgh' }],
  ['white space around a value', { type: 'header', name: 'x-key', value: ' abcdefgh' }],
  ['a value that is not ASCII', { type: 'header', name: 'x-key', value: 'abcdéfgh' }],
  ['a header name that is none', { type: 'header', name: 'x key', value: 'abcdefgh' }],
  ['the header Host', { type: 'header', name: 'Host', value: 'abcdefgh' }],
  ['the header Content-Length', { type: 'header', name: 'Content-Length', value: '12345678' }],
  [
    'the header Transfer-Encoding',
    { type: 'header', name: 'transfer-encoding', value: 'chunked, x' },
  ],
  ['the header Connection', { type: 'header', name: 'connection', value: 'keep-alive' }],
  ['the header Cookie', { type: 'header', name: 'cookie', value: 'session=abcdefgh' }],
  ['an empty query name', { type: 'query', name: '', value: 'abcdefgh' }],
  ['a missing value', { type: 'bearer' }],
  ['a type of later days', { type: 'oauth2_client_credentials', secret: 'abcdefgh' }],
])('%s is refused, and the refusal repeats no value', (_, credential) => {
  expect(() => checkCredential(credential as Credential)).toThrow(
    expect.objectContaining({
      code: 'invalid_request',
      message: expect.not.stringContaining('abcdefg'),
    }),
  )
})

test('a header credential overwrites whatever stood there', () => {
  const headers = { authorization: 'of the buyer', 'x-key': 'of the buyer' }
  writeCredentialHeader(headers, { type: 'bearer', token: 'seller-token' })
  writeCredentialHeader(headers, { type: 'header', name: 'X-Key', value: 'seller-value' })
  expect(headers).toEqual({ authorization: 'Bearer seller-token', 'x-key': 'seller-value' })
})

test('a query credential replaces what has its name, in any case, and leaves the rest as it is', () => {
  const url = new URL('https://api.example/a%2Fb?q=1&key=buyer&q=it%27s&key&KEY=x')
  const path = pathWithCredential(url, { type: 'query', name: 'key', value: 'a&b=c d+' })
  expect(path).toBe('/a%2Fb?q=1&q=it%27s&key=a%26b%3Dc%20d%2B')
  const bare = new URL('https://api.example/a')
  expect(pathWithCredential(bare, { type: 'query', name: 'k[]', value: 'abcdefgh' })).toBe(
    '/a?k%5B%5D=abcdefgh',
  )
})
