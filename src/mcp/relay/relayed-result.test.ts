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

test('what a server wrote keeps its digits, beside what is added and in its own `_meta`', () => {
  const text =
    '{ "structuredContent":{"big":12345678901234567890,"one":1.0},"_meta":{"at":1.50},"n":2.0 }'
  expect(resultFor('session', 'tools/call', text, facts)).toBe(text)
  for (const era of ['session', 'modern'] as const) {
    const whole = resultFor(era, 'tools/call', text, facts, { b: 2 })
    expect(whole).toContain('"structuredContent":{"big":12345678901234567890,"one":1.0}')
    expect(whole).toContain('"n":2.0')
    expect(whole).toContain('"at":1.50,"b":2}')
    expect(() => JSON.parse(whole)).not.toThrow()
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
