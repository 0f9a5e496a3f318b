import { expect, test } from 'vitest'
import { said, type ToolRun } from '../../test/support/an-mcp-server.js'
import {
  aConnected,
  answered,
  asAlice,
  asBob,
  textOf,
} from '../../test/support/some-connections.js'
import type { Progress } from './connections.js'

const call = (args: Record<string, unknown> = { text: 'hello' }, tool = 'echo') => ({
  tool,
  arguments: args,
})

test.each([
  ['session', 'json'],
  ['session', 'stream'],
  ['modern', 'json'],
  ['modern', 'stream'],
  ['both', 'json'],
] as const)('a server of the era %s that answers as %s is called', async (era, answers) => {
  const { server, connections, settings } = await aConnected({ era, answers })
  for (const text of ['one', 'zwei']) {
    expect(textOf(await connections.callTool(settings, call({ text }), asAlice))).toBe(text)
  }
  const methods = server.requests.map(({ method }) => method)
  expect(methods.filter((method) => method === 'tools/call')).toHaveLength(2)
  expect(methods.filter((method) => method === 'initialize')).toHaveLength(
    era === 'session' ? 1 : 0,
  )
})

test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
  'a server of revision %s is spoken to in it',
  async (revision) => {
    const { server, connections, settings } = await aConnected({ revision })
    answered(await connections.callTool(settings, call(), asAlice))
    expect(server.calls[0]!.headers['mcp-protocol-version']).toBe(revision)
  },
)

test('a modern request repeats its method and name in headers, in base64 where they are no ASCII', async () => {
  const { server, connections, settings } = await aConnected({ era: 'modern' })
  answered(await connections.callTool(settings, call({}, 'grüß'), asAlice))
  const { headers, meta } = server.calls[0]!
  expect(headers).toMatchObject({
    'mcp-method': 'tools/call',
    'mcp-name': `=?base64?${Buffer.from('grüß').toString('base64')}?=`,
    'mcp-protocol-version': '2026-07-28',
  })
  expect(meta).toMatchObject({
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'Souk' },
  })
})

test('arguments that a modern server wants in headers are learned from its list, and the call goes through', async () => {
  const tool = {
    name: 'echo',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    },
  }
  const { server, connections, settings } = await aConnected({
    era: 'modern',
    tools: [tool],
    run({ headers }) {
      const region = headers['mcp-param-region']
      if (region === undefined) throw Object.assign(new Error('no header'), { code: -32020 })
      return said(String(region))
    },
  })
  expect(textOf(await connections.callTool(settings, call({ region: 'eu' }), asAlice))).toBe('eu')
  expect(server.calls).toHaveLength(2)
  expect(textOf(await connections.callTool(settings, call({ region: 'us' }), asAlice))).toBe('us')
  expect(server.calls).toHaveLength(3)
})

const exotic =
  '{"content":[{"type":"image","data":"iVBORw==","mimeType":"image/png"},{"type":"resource_link","uri":"x:y","name":"n"},{"type":"future","x":[1]}],"structuredContent":{"big":12345678901234567890,"one":1.0,"s":"\\u00e9"},"_meta":{"a/b":1},"unknown":null}'

test.each([
  (id: string) => `{"jsonrpc":"2.0","id":"${id}","result":${exotic}}`,
  (id: string) => `{"result":${exotic},"jsonrpc":"2.0","id":"${id}"}`,
  (id: string) => `{ "jsonrpc" : "2.0",\n "result" : ${exotic} , "id" : "${id}", "x": {} }`,
])(
  'every content type and every digit of a result arrive as they were sent (%#)',
  async (write) => {
    const { connections, settings } = await aConnected({
      run: ({ id, raw }) => raw(200, 'application/json; charset=utf-8', write(String(id))),
    })
    const answer = answered(await connections.callTool(settings, call(), asAlice))
    expect(answer.body.toString()).toBe(exotic)
    expect([answer.status, answer.mediaType, answer.truncated]).toEqual([
      200,
      'application/json',
      false,
    ])
  },
)

test('a tool that says isError is answered with 422 and its own words', async () => {
  const { connections, settings } = await aConnected({
    run: () => ({ ...said('no such city'), isError: true }),
  })
  const answer = answered(await connections.callTool(settings, call(), asAlice))
  expect([answer.status, answer.json.content[0].text]).toEqual([422, 'no such city'])
})

test.each([
  [-32602, 400],
  [-32600, 400],
  [-32603, 502],
  [-32042, 502],
  [7, 502],
])('a JSON-RPC error %i is answered with %i and its fields', async (code, status) => {
  const { connections, settings } = await aConnected({
    run() {
      throw Object.assign(new Error('because'), { code, data: { why: 1 } })
    },
  })
  const answer = answered(await connections.callTool(settings, call(), asAlice))
  expect(answer.status).toBe(status)
  expect(answer.json).toEqual({ error: { code, message: 'because', data: { why: 1 } } })
})

test.each([
  [-32020, 502],
  [-32021, 422],
  [-32022, 502],
])(
  'the code %i, which is about our own connection, is told in plain words',
  async (code, status) => {
    const { connections, settings } = await aConnected({
      era: 'modern',
      run() {
        throw Object.assign(new Error('x'), { code, data: { supported: [] } })
      },
    })
    const answer = answered(await connections.callTool(settings, call(), asAlice))
    expect(answer.status).toBe(status)
    expect(answer.json.error.code).toBe(-32603)
    expect(answer.json.error.data).toBeUndefined()
  },
)

test('a result that asks for input delivers nothing, and the answers of the next call reach the tool', async () => {
  const { connections, settings } = await aConnected({
    era: 'modern',
    run: ({ params }) =>
      params.inputResponses
        ? said(String(params.requestState))
        : { resultType: 'input_required', inputRequests: { a: {} }, requestState: 'st' },
  })
  const first = answered(await connections.callTool(settings, call(), asAlice))
  expect([first.status, first.json.requestState]).toEqual([422, 'st'])
  const answers = { inputResponses: { a: { action: 'accept' } }, requestState: 'st' }
  expect(textOf(await connections.callTool(settings, call(), { ...asAlice, answers }))).toBe('st')
})

test('each holder has a session of its own with a server that keeps sessions', async () => {
  const { connections, settings } = await aConnected({ run: ({ session }) => said(session!) })
  const [alice, bob, again] = await Promise.all(
    [asAlice, asBob, asAlice].map((holder) => connections.callTool(settings, call(), holder)),
  )
  expect(textOf(alice!)).toBe(textOf(again!))
  expect(textOf(alice!)).not.toBe(textOf(bob!))
})

test('a server without sessions is negotiated with once for all holders', async () => {
  const { server, connections, settings } = await aConnected({ isStateless: true })
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      connections.callTool(settings, call(), { holder: `acct_${i}` }),
    ),
  )
  expect(server.requests.filter(({ method }) => method === 'initialize')).toHaveLength(1)
  expect(server.calls).toHaveLength(20)
})

test('answers never reach the call of another, whatever order they come in', async () => {
  const { server, connections, settings } = await aConnected({
    answers: 'stream',
    async run({ arguments: { text, ms } }) {
      await new Promise((resolve) => setTimeout(resolve, Number(ms)))
      return said(String(text))
    },
  })
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      connections.callTool(
        settings,
        call({ text: `t${i}`, ms: (40 - i) % 7 }),
        i % 2 ? asAlice : asBob,
      ),
    ),
  )
  expect(answers.map(textOf)).toEqual(answers.map((_, i) => `t${i}`))
  const ids = server.calls.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('sessions that nobody used for five minutes are ended at the server', async () => {
  const { server, connections, clock, settings } = await aConnected({
    run: ({ session }) => said(session!),
  })
  const first = textOf(await connections.callTool(settings, call(), asAlice))
  clock.advance(5 * 60_000)
  await connections.callTool(settings, call(), asBob)
  await expect.poll(() => server.ended).toEqual([first])
  expect(textOf(await connections.callTool(settings, call(), asAlice))).not.toBe(first)
})

test('sessions are kept to a bounded number, the longest unused is ended first', async () => {
  const { server, connections, settings } = await aConnected({
    run: ({ session }) => said(session!),
  })
  const sessionOf = async (i: number) =>
    textOf(await connections.callTool(settings, call(), { holder: `acct_${i}` }))
  const first = await sessionOf(0)
  const second = await sessionOf(1)
  for (let i = 2; i < 256; i++) await sessionOf(i)
  expect(await sessionOf(0)).toBe(first)
  await sessionOf(256)
  await expect.poll(() => server.ended).toEqual([second])
})

test('progress is asked for only when someone listens, and only ever grows', async () => {
  const run = async (call: ToolRun) => {
    if (call.meta.progressToken !== undefined) for (const at of [1, 3, 2, 5]) call.progress(at)
    return said(String(call.meta.progressToken === undefined))
  }
  const { connections, settings } = await aConnected({ run })
  const heard: Progress[] = []
  const onProgress = (progress: Progress) => heard.push(progress)
  expect(textOf(await connections.callTool(settings, call(), { ...asAlice, onProgress }))).toBe(
    'false',
  )
  expect(heard.map(({ progress }) => progress)).toEqual([1, 3, 5])
  expect(textOf(await connections.callTool(settings, call(), asAlice))).toBe('true')
})

test.each(['session', 'modern'] as const)(
  'a call that is cancelled is cancelled at a server of the era %s too',
  async (era) => {
    const reasons: Promise<string>[] = []
    const { server, connections, settings } = await aConnected({
      era,
      run: ({ cancelled }) => void reasons.push(cancelled),
    })
    const stopping = new AbortController()
    const { signal } = stopping
    const running = connections.callTool(settings, call(), { ...asAlice, signal })
    await expect.poll(() => server.calls.length).toBe(1)
    stopping.abort()
    expect(await running).toMatchObject({
      kind: 'unanswered',
      reason: 'cancelled',
      dispatched: true,
    })
    await reasons[0]
    if (era === 'session') {
      await expect
        .poll(() => server.notifications.find(({ method }) => method === 'notifications/cancelled'))
        .toMatchObject({ params: { requestId: server.calls[0]!.id } })
    }
  },
)

test('a call id and a tag reach the server', async () => {
  const { server, connections, settings } = await aConnected()
  const options = { ...asAlice, callId: 'call_1', tag: 'team a' }
  const meta = { traceparent: '00-1-2-01' }
  await connections.callTool(settings, { ...call(), meta }, options)
  expect(server.calls[0]!.headers).toMatchObject({
    'x-souk-call': 'call_1',
    'x-souk-tag': 'team a',
  })
  expect(server.calls[0]!.meta).toEqual(meta)
})

test('settings that change for an id end what was open under it', async () => {
  const { server, connections, settings } = await aConnected(
    { run: ({ headers }) => said(String(headers['x-team'])) },
    { headers: { 'X-Team': 'one' } },
  )
  const after = { ...settings, headers: { 'X-Team': 'two' } }
  expect(textOf(await connections.callTool(settings, call(), asAlice))).toBe('one')
  expect(textOf(await connections.callTool(after, call(), asAlice))).toBe('two')
  await expect.poll(() => server.ended).toHaveLength(1)
})
