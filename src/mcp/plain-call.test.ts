import { classifyInboundRequest } from '@modelcontextprotocol/server'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainCallIn } from './plain-call.js'

const VERSION = 'io.modelcontextprotocol/protocolVersion'
const CLIENT = 'io.modelcontextprotocol/clientInfo'
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'

const envelope = {
  [VERSION]: '2026-07-28',
  [CLIENT]: { name: 'test', version: '1' },
  [CAPABILITIES]: {},
}
const headers = {
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'call_api',
}
const call = (meta?: unknown) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'call_api', arguments: {}, ...(meta !== undefined && { _meta: meta }) },
})

test('a call without an envelope is of the older era, one with it of the new', () => {
  expect(plainCallIn(call(), {})?.era).toBe('legacy')
  expect(plainCallIn(call(), { 'mcp-protocol-version': '2025-06-18' })?.era).toBe('legacy')
  expect(plainCallIn(call(envelope), headers)?.era).toBe('modern')
})

test.each<[string, unknown, Record<string, string | undefined>]>([
  ['a new version in the header, and no envelope', call(), headers],
  ['no version in the header', call(envelope), { 'mcp-protocol-version': undefined }],
  ['another version in the header', call(envelope), { 'mcp-protocol-version': '2025-11-25' }],
  ['a later version', call({ ...envelope, [VERSION]: '2027-01-01' }), {}],
  ['no method in the header', call(envelope), { 'mcp-method': undefined }],
  ['another method in the header', call(envelope), { 'mcp-method': 'tools/list' }],
  ['no name in the header', call(envelope), { 'mcp-name': undefined }],
  ['another name in the header', call(envelope), { 'mcp-name': 'get_usage' }],
  ['an encoded name in the header', call(envelope), { 'mcp-name': '=?base64?Y2FsbF9hcGk=?=' }],
  ['another accept', call(envelope), { accept: 'text/html' }],
  [
    'metadata without an envelope',
    call({ progressToken: 1 }),
    { 'mcp-protocol-version': undefined },
  ],
  ['something more in the envelope', call({ ...envelope, progressToken: 1 }), {}],
  ['no client in the envelope', call({ [VERSION]: '2026-07-28', [CAPABILITIES]: {}, x: 1 }), {}],
  ['a client without a name', call({ ...envelope, [CLIENT]: { version: '1' } }), {}],
  ['capabilities of a wrong type', call({ ...envelope, [CAPABILITIES]: 'all' }), {}],
  ['an envelope that is no object', call('2026-07-28'), {}],
  [
    'an envelope that is very long',
    call({ ...envelope, [CLIENT]: { name: 'x'.repeat(2_000), version: '1' } }),
    {},
  ],
  ['another method', { ...call(envelope), method: 'tools/list' }, {}],
  ['a parameter that is not known', { ...call(), params: { name: 'a', task: {} } }, {}],
  ['a notification', { jsonrpc: '2.0', method: 'tools/call', params: { name: 'a' } }, {}],
  ['a batch', [call()], {}],
])('%s is left to the SDK', (_what, body, changes) => {
  expect(plainCallIn(body, { ...headers, ...changes })).toBeUndefined()
})

test('whatever comes, the era is the one that the SDK sees', () => {
  const version = fc.constantFrom(
    undefined,
    '',
    '2024-11-05',
    '2025-11-25',
    '2026-07-28',
    '2027-01-01',
  )
  const meta = fc.option(
    fc.record(
      {
        [VERSION]: fc.constantFrom<unknown>('2026-07-28', '2025-11-25', 7, null),
        [CLIENT]: fc.constantFrom<unknown>({ name: 'a', version: '1' }, { name: 'a' }, 'a'),
        [CAPABILITIES]: fc.constantFrom<unknown>({}, { sampling: {} }, { sampling: 1 }, []),
        progressToken: fc.constantFrom<unknown>(1, 'a', {}),
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  )
  const method = fc.constantFrom(undefined, 'tools/call', 'tools/list')
  fc.assert(
    fc.property(version, meta, method, (given, drawn, mcpMethod) => {
      const body = call(drawn)
      const found = plainCallIn(body, {
        ...headers,
        'mcp-protocol-version': given,
        'mcp-method': mcpMethod,
      })
      if (!found) return
      const sdk = classifyInboundRequest({
        httpMethod: 'POST',
        body,
        ...(given !== undefined && { protocolVersionHeader: given }),
        ...(mcpMethod !== undefined && { mcpMethodHeader: mcpMethod }),
      })
      expect(found.era).toBe(sdk.kind)
    }),
    { numRuns: 1_000 },
  )
})
