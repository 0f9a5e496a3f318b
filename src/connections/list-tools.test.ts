import { expect, test } from 'vitest'
import { echoTool } from '../../test/support/an-mcp-server.js'
import { aServer, settingsFor, someConnections } from '../../test/support/some-connections.js'

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ ...echoTool, name: `t${i}` }))

test.each(['session', 'modern'] as const)(
  'a thousand tools of a server of the era %s come in full, page by page',
  async (era) => {
    const server = await aServer({ era, tools: many(1500), pageSize: 40 })
    const { connections } = someConnections([server.hostPort])
    const tools = await connections.listTools(settingsFor(server.url))
    expect(tools.map(({ name }) => name)).toEqual(many(1500).map(({ name }) => name))
  },
)

test('a definition comes as it is, a name of 300 characters too', async () => {
  const odd = {
    ...echoTool,
    name: 'n'.repeat(300),
    _meta: { x: 1 },
    annotations: { a: [] },
    icons: [],
  }
  const server = await aServer({ tools: [odd, { description: 'nameless' }] })
  const { connections } = someConnections([server.hostPort])
  expect(await connections.listTools(settingsFor(server.url))).toEqual([odd])
})

test.each<[string, RegExp, (params: Record<string, unknown>) => Record<string, unknown>]>([
  ['a cursor that comes again', /same cursor/, () => ({ tools: [], nextCursor: 'again' })],
  [
    'pages without end',
    /200 pages/,
    ({ cursor }) => ({ tools: [], nextCursor: `${cursor ?? ''}.` }),
  ],
  ['more than 2,000 tools', /2000 tools/, () => ({ tools: many(2001) })],
  [
    'more tools than one call of a function takes',
    /2000 tools/,
    () => ({ tools: new Array(200_000).fill({ name: 't' }) }),
  ],
  [
    'more than 16 MiB',
    /16 MiB/,
    ({ cursor }) => ({
      tools: [{ name: 't', x: 'x'.repeat(6e6) }],
      nextCursor: `${cursor ?? ''}.`,
    }),
  ],
  ['a cursor that is no text', /cursor/, () => ({ tools: [], nextCursor: { a: 1 } })],
  ['no list', /without a list/, () => ({ tools: 'all' })],
])('%s ends in a refusal that says so', async (_, detail, list) => {
  const server = await aServer({
    handle: (method, params) => (method === 'tools/list' ? list(params) : undefined),
  })
  const { connections } = someConnections([server.hostPort])
  await expect(connections.listTools(settingsFor(server.url))).rejects.toMatchObject({
    code: 'upstream_failed',
    message: expect.stringMatching(detail),
    facts: { error_code: 'connection_error' },
  })
})

test('a test says what the server has, on a connection of its own that it ends', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  expect(await connections.test(settingsFor(server.url))).toEqual({
    success: true,
    tool_count: 1,
    tools: [{ name: 'echo', description: 'Says what it is told.' }],
    error: null,
    error_code: null,
  })
  expect(server.sessions.size).toBe(0)
})

test('a test of a server that never answers says timeout', async () => {
  const server = await aServer({ handle: () => 'silence' })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url, { connectTimeoutMs: 100 })
  expect(await connections.test(settings)).toMatchObject({ success: false, error_code: 'timeout' })
})

test('a test of a server that wants another credential says auth_error', async () => {
  const server = await aServer({ token: () => 'another' })
  const { connections } = someConnections([server.hostPort])
  const headers = { Authorization: 'Bearer not-the-one' }
  const result = await connections.test(settingsFor(server.url, { headers }))
  expect(result).toMatchObject({
    success: false,
    tool_count: 0,
    tools: [],
    error_code: 'auth_error',
  })
  expect(result.error).not.toContain('not-the-one')
})

test('a test of a server that is not there says connection_error, without its address', async () => {
  const server = await aServer()
  await server.close()
  const { connections } = someConnections([server.hostPort])
  const result = await connections.test(settingsFor(server.url))
  expect(result).toMatchObject({ success: false, error_code: 'connection_error' })
  expect(result.error).not.toContain('127.0.0.1')
})

test.each([
  [{ url: 'not a url' }],
  [{ url: 'ftp://x.example' }],
  [{ url: 'https://me:pass@x.example/mcp' }],
  [{ headers: { 'Mcp-Session-Id': 'x' } }],
  [{ headers: { 'bad name': 'x' } }],
  [{ headers: { 'X-Key': 'a\r\nb: c' } }],
  [{ transport: 'stdio' as const }],
  [{ transport: 'stdio' as const, command: 'a\0b' }],
  [{ transport: 'carrier-pigeon' as never }],
])('settings that cannot work are a config_error (%#)', async (more) => {
  const { connections } = someConnections([])
  const settings = settingsFor('https://mcp.example/mcp', more)
  expect(await connections.test(settings)).toMatchObject({
    success: false,
    error_code: 'config_error',
  })
  await expect(connections.listTools(settings)).rejects.toMatchObject({ code: 'invalid_request' })
})

test('stdio is a config_error while the operator keeps it off', async () => {
  const { connections } = someConnections([], { stdio: 'off' })
  const settings = settingsFor('', {
    transport: 'stdio',
    url: undefined,
    command: process.execPath,
  })
  expect(await connections.test(settings)).toMatchObject({ error_code: 'config_error' })
  const answer = await connections.callTool(settings, { tool: 'x', arguments: {} }, { holder: 'a' })
  expect(answer).toMatchObject({ kind: 'unanswered', dispatched: false })
})
