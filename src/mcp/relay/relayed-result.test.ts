import { expect, test } from 'vitest'
import { capabilitiesFor, discoveryOf, greetingOf, resultFor } from './relayed-result.js'

const facts = {
  era: 'modern' as const,
  protocolVersion: '2026-07-28',
  serverInfo: { name: 'wiki', version: '1' },
  capabilities: { tools: {}, logging: {}, resources: { subscribe: true, listChanged: true } },
  instructions: 'Be kind.',
}

test('a result for 2026-07-28 says its type and its server; lists how long they hold, privately', () => {
  expect(JSON.parse(resultFor('modern', 'tools/call', '{"content":[]}', facts))).toEqual({
    content: [],
    resultType: 'complete',
    _meta: { 'io.modelcontextprotocol/serverInfo': facts.serverInfo },
  })
  const list = '{"tools":[],"ttlMs":5,"cacheScope":"public"}'
  expect(JSON.parse(resultFor('modern', 'tools/list', list, facts))).toMatchObject({
    ...{ ttlMs: 5, cacheScope: 'private' },
  })
})

test('a result for a session has nothing of the later era, and keeps what the server said', () => {
  const text = '{"content":[],"resultType":"complete","_meta":{"a":1}}'
  expect(JSON.parse(resultFor('session', 'tools/call', text, facts, { b: 2 }))).toEqual({
    content: [],
    _meta: { a: 1, b: 2 },
  })
  expect(resultFor('session', 'ping', '{}', facts)).toBe('{}')
})

test('numbers in structured content keep their digits', () => {
  const structured = '{"big":12345678901234567890,"one":1.0}'
  for (const before of ['', '"content":[],']) {
    const text = resultFor(
      'session',
      'tools/call',
      `{${before}"structuredContent":${structured}}`,
      facts,
    )
    expect(text).toContain(`"structuredContent":${structured}`)
    expect(() => JSON.parse(text)).not.toThrow()
  }
})

test('a client is told of what its own era has a word for', () => {
  expect(capabilitiesFor('modern', facts)).toBe(facts.capabilities)
  const less = { tools: {}, resources: { listChanged: true } }
  expect(capabilitiesFor('session', facts)).toEqual(less)
  expect(greetingOf(facts, '2025-06-18')).toEqual({
    ...{ protocolVersion: '2025-06-18', capabilities: less },
    ...{ serverInfo: facts.serverInfo, instructions: 'Be kind.' },
  })
  expect(JSON.parse(discoveryOf(facts))).toMatchObject({ supportedVersions: ['2026-07-28'] })
})
