import { expect, test } from 'vitest'
import { addressOf, pathOf } from './address.js'

const gateway = { account: 'acme', endpoint: 'my-tools' }

test.each([
  ['/mcp', { transport: 'http' }],
  ['/mcp/', { transport: 'http' }],
  ['/mcp?x=1', { transport: 'http' }],
  ['/mcp/sse', { transport: 'sse' }],
  ['/mcp/messages?sessionId=1', { transport: 'messages' }],
  ['/mcp/ws', { transport: 'ws' }],
  ['/mcp/acme/my-tools', { transport: 'http', gateway }],
  ['/mcp/acme/my-tools/sse', { transport: 'sse', gateway }],
  ['/mcp/acme/my-tools/ws', { transport: 'ws', gateway }],
  ['/mcp/acme/sse', { transport: 'http', gateway: { account: 'acme', endpoint: 'sse' } }],
])('%s is an address', (url, address) => {
  expect(addressOf(url)).toEqual(address)
})

test.each([
  '/',
  '/mcpx',
  '/mcp/acme',
  '/mcp/acme/my-tools/other',
  '/mcp/acme/my-tools/sse/x',
  '/mcp/acme/../tools',
  '/mcp/ACME/tools',
  '/mcp/acme/%2e%2e',
  '/mcp//sse',
  'http://other.example/mcp',
])('%s is none', (url) => {
  expect(addressOf(url)).toBeUndefined()
})

test('the path of an address is without its transport', () => {
  expect(pathOf({ transport: 'ws', gateway })).toBe('/mcp/acme/my-tools')
  expect(pathOf({ transport: 'sse' })).toBe('/mcp')
})
