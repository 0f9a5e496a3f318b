import { expect, test } from 'vitest'
import { echoTool, said, type ToolRun } from '../../test/support/an-mcp-server.js'
import {
  answered,
  aServer,
  asAlice,
  asBob,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'

const call = { tool: 'echo', arguments: { text: 'hello' } }
const broken = { kind: 'unanswered', reason: 'broken', dispatched: true }

/** Bad as long as `isBad`, so that it shows what a failure leaves behind. */
async function aMoodyServer(run: (call: ToolRun) => unknown) {
  const mood = { isBad: true }
  const server = await aServer({
    run: (each) => (mood.isBad ? run(each) : said(String(each.arguments.text))),
  })
  const { connections } = someConnections([server.hostPort], { maxBodyBytes: 1024 * 1024 })
  return { server, mood, connections, settings: settingsFor(server.url) }
}

const flood = { method: 'notifications/message', params: { level: 'info', data: 'x' } }

test.each<[string, RegExp, (call: ToolRun) => unknown]>([
  ['an empty body', /nothing|JSON-RPC/, ({ raw }) => raw(200, 'application/json', '')],
  ['an empty result', /empty result/, () => ({})],
  ['a result that is a text', /JSON-RPC|another request/, () => 'done'],
  ['content that is no list', /empty result/, () => ({ content: {}, structuredContent: {} })],
  ['202 to a call', /nothing/, ({ raw }) => raw(202, 'application/json', '')],
  ['what is not JSON', /not JSON-RPC/, ({ raw }) => raw(200, 'application/json', '<html>')],
  [
    'bytes that are no text',
    /JSON-RPC/,
    ({ raw, id }) =>
      raw(
        200,
        'application/json',
        Buffer.from(
          `{"jsonrpc":"2.0","id":"${id}","result":{"content":[],"x":"\xff"}}`,
          'latin1',
        ) as never,
      ),
  ],
  [
    'a result that is nested without end',
    /nested too deeply/,
    ({ raw, id }) => {
      const deep = '['.repeat(10_000) + ']'.repeat(10_000)
      raw(200, 'application/json', `{"jsonrpc":"2.0","id":"${id}","result":{"content":${deep}}}`)
    },
  ],
  [
    'the answer to another request',
    /another request/,
    ({ raw }) =>
      raw(200, 'application/json', '{"jsonrpc":"2.0","id":"souk-0","result":{"content":[]}}'),
  ],
  [
    'a stream without an answer',
    /ended its stream/,
    ({ say, hangUp }) => {
      say(flood)
      hangUp()
    },
  ],
  ['an answer of more than the limit', /longer than 1 MiB/, () => said('x'.repeat(1024 * 1024))],
  [
    'a streamed answer of more than the limit',
    /longer than 1 MiB/,
    ({ say }) => {
      say(flood)
      return said('x'.repeat(1024 * 1024))
    },
  ],
  [
    'an encoding that was not asked for',
    /encoding/,
    ({ response }) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    },
  ],
  [
    'a flood of notifications',
    /floods/,
    ({ say }) => {
      for (let i = 0; i < 11_000; i++) say(flood)
    },
  ],
  [
    'a flood of requests',
    /floods/,
    ({ say }) => {
      for (let i = 0; i < 300; i++) say({ id: `x${i}`, method: 'ping' })
    },
  ],
  ['a connection that breaks', /closed the connection/, ({ response }) => response.destroy()],
])('%s fails that call alone and names the reason', async (_, detail, run) => {
  const { server, mood, connections, settings } = await aMoodyServer(run)
  const answer = await connections.callTool(settings, call, asAlice)
  const told = answer.kind === 'answered' ? answered(answer).json.error.message : answer.detail
  if (answer.kind === 'answered') expect(answer.status).toBe(502)
  else expect(answer).toMatchObject(broken)
  expect(told).toMatch(detail)
  expect(server.calls).toHaveLength(1)
  mood.isBad = false
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('hello')
})

test('a server that never answers initialize is given up after the connection timeout, for all who wait', async () => {
  const server = await aServer({ handle: () => 'silence' })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url, { connectTimeoutMs: 200 })
  const answers = await Promise.all(
    [1, 2, 3].map(() => connections.callTool(settings, call, asAlice)),
  )
  for (const answer of answers) {
    expect(answer).toMatchObject({ kind: 'unanswered', reason: 'timeout', dispatched: false })
  }
  expect(server.requests.map(({ method }) => method)).toEqual(['server/discover', 'initialize'])
})

test('a call that is too slow ends in time and is not sent again', async () => {
  const server = await aServer({ run: () => undefined })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url, { callTimeoutMs: 100 })
  const answer = await connections.callTool(settings, call, asAlice)
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'timeout', dispatched: true })
  expect(server.calls).toHaveLength(1)
})

test('one slow server never delays another, nor other calls of its own', async () => {
  const slow = await aServer({
    run: ({ arguments: { text } }) => (text === 'hello' ? undefined : said('quick')),
  })
  const quick = await aServer()
  const { connections } = someConnections([slow.hostPort, quick.hostPort])
  const slowSettings = settingsFor(slow.url)
  const stops = Array.from({ length: 120 }, () => new AbortController())
  const waiting = stops.map(({ signal }) =>
    connections.callTool(slowSettings, call, { ...asAlice, signal }),
  )
  await expect.poll(() => slow.calls.length).toBe(120)
  expect(textOf(await connections.callTool(settingsFor(quick.url), call, asBob))).toBe('hello')
  const other = { tool: 'echo', arguments: { text: 'other' } }
  expect(textOf(await connections.callTool(slowSettings, other, asBob))).toBe('quick')
  for (const stop of stops) stop.abort()
  await Promise.all(waiting)
})

test('a stale upstream session is opened anew once, and the call answers: never an empty success', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  answered(await connections.callTool(settings, call, asAlice))
  server.sessions.clear()
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => connections.callTool(settings, call, asAlice)),
  )
  expect(answers.map(textOf)).toEqual(['hello', 'hello', 'hello', 'hello'])
  expect(server.requests.filter(({ method }) => method === 'initialize')).toHaveLength(2)
  expect(server.calls).toHaveLength(5)
})

test.each([
  [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session terminated"}}'],
  [
    400,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}',
  ],
  [404, 'Not Found'],
])(
  'a server that loses the session again and again is asked twice and no more (%i)',
  async (status, body) => {
    const server = await aServer({ run: ({ raw }) => raw(status, 'application/json', body) })
    const { connections } = someConnections([server.hostPort])
    const answer = await connections.callTool(settingsFor(server.url), call, asAlice)
    expect(answer.kind === 'answered' && answer.status).toBeGreaterThanOrEqual(400)
    expect(server.calls).toHaveLength(2)
  },
)

test('a lost connection is never answered by sending the call again', async () => {
  const server = await aServer({ run: ({ response }) => response.destroy() })
  const { connections } = someConnections([server.hostPort])
  await connections.callTool(settingsFor(server.url), call, asAlice)
  expect(server.calls).toHaveLength(1)
})

test('a server that becomes one of the session era is negotiated with again', async () => {
  const modern = await aServer({ era: 'modern' })
  const { connections } = someConnections([modern.hostPort])
  const settings = settingsFor(modern.url)
  answered(await connections.callTool(settings, call, asAlice))
  await modern.close()
  const older = await aServer({ port: Number(new URL(modern.url).port) })
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('hello')
  expect(older.requests.some(({ method }) => method === 'initialize')).toBe(true)
})

test('a server that restarts is reached again', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  answered(await connections.callTool(settings, call, asAlice))
  await server.down()
  expect(await connections.callTool(settings, call, asAlice)).toMatchObject({
    kind: 'unanswered',
    dispatched: false,
  })
  await server.back()
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('hello')
})

test('a server that asks for sampling, roots or elicitation is refused; a ping is answered', async () => {
  const server = await aServer({
    async run({ ask }) {
      const codes = []
      for (const method of ['sampling/createMessage', 'roots/list', 'elicitation/create', 'ping']) {
        const { error } = await ask(method, {})
        codes.push((error as { code: number } | undefined)?.code ?? 'fine')
      }
      return said(codes.join(' '))
    },
  })
  const { connections } = someConnections([server.hostPort])
  const answer = await connections.callTool(settingsFor(server.url), call, asAlice)
  expect(textOf(answer)).toBe('-32601 -32601 -32601 fine')
})

test('a call that began before the tools changed ends as it would have', async () => {
  const server = await aServer({
    run() {
      server.setTools([{ ...echoTool, name: 'other' }])
      return said('still here')
    },
  })
  const { connections } = someConnections([server.hostPort])
  expect(textOf(await connections.callTool(settingsFor(server.url), call, asAlice))).toBe(
    'still here',
  )
})

test('a stream that the server ends early is taken up where it ended, and the tool runs once', async () => {
  const server = await aServer({
    run({ response, id }) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('id: e1\nretry: 10\ndata: \n\n')
      const answer = JSON.stringify({ jsonrpc: '2.0', id, result: said('later') })
      void expect
        .poll(() => server.streams.size)
        .toBe(1)
        .then(() => {
          for (const stream of server.streams) stream.end(`id: e2\ndata: ${answer}\n\n`)
        })
    },
  })
  const { connections } = someConnections([server.hostPort])
  expect(textOf(await connections.callTool(settingsFor(server.url), call, asAlice))).toBe('later')
  expect(server.calls).toHaveLength(1)
})

test('an error that is nested without end is told without its data', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const server = await aServer({
    run: ({ raw, id }) =>
      raw(
        200,
        'application/json',
        `{"id":"${id}","error":{"code":1,"message":"m","data":${deep}}}`,
      ),
  })
  const { connections } = someConnections([server.hostPort])
  const answer = answered(await connections.callTool(settingsFor(server.url), call, asAlice))
  expect(answer.json).toEqual({ error: { code: 1, message: 'm' } })
})

test('a session that is lost while a stream is taken up again fails the call: it may have run', async () => {
  const server = await aServer({
    run({ response }) {
      server.sessions.clear()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('id: e1\nretry: 10\ndata: \n\n')
    },
  })
  const { connections } = someConnections([server.hostPort])
  const answer = await connections.callTool(settingsFor(server.url), call, asAlice)
  expect(answer).toMatchObject(broken)
  expect(server.calls).toHaveLength(1)
})

test('a tool that speaks of sessions in its own errors is not run again', async () => {
  const server = await aServer({
    run() {
      throw Object.assign(new Error('Your game session was not found'), { code: -32001 })
    },
  })
  const { connections } = someConnections([server.hostPort])
  await connections.callTool(settingsFor(server.url), call, asAlice)
  expect(server.calls).toHaveLength(1)
})

test('a redirect is not followed', async () => {
  const other = await aServer()
  const server = await aServer({
    run: ({ response }) => void response.writeHead(307, { location: other.url }).end(),
  })
  const { connections } = someConnections([server.hostPort, other.hostPort])
  const answer = answered(await connections.callTool(settingsFor(server.url), call, asAlice))
  expect([answer.status, answer.json.error.message]).toEqual([
    502,
    expect.stringMatching(/redirect/),
  ])
  expect(other.requests).toHaveLength(0)
})

test('a server on a private address is never reached, and its address is not told', async () => {
  const server = await aServer()
  const { connections } = someConnections([])
  const answer = await connections.callTool(settingsFor(server.url), call, asAlice)
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'blocked', dispatched: false })
  expect(JSON.stringify(answer)).not.toContain(server.hostPort)
  expect(server.requests).toHaveLength(0)
})

test('secrets of the settings come back in no result, no error and no test', async () => {
  const secret = 'sk-live-0123456789abcdef'
  let isFailing = false
  const server = await aServer({
    tools: [{ ...echoTool, description: `the key is ${secret}` }],
    run({ headers }) {
      if (isFailing) throw Object.assign(new Error(`bad key ${secret}`), { data: { secret } })
      return said(`${headers.authorization} é production`)
    },
  })
  const { connections } = someConnections([server.hostPort])
  const headers = { Authorization: `Bearer ${secret}`, 'X-Stage': 'production' }
  const settings = settingsFor(server.url, { headers })
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe(
    '[redacted] é production',
  )
  isFailing = true
  const failed = answered(await connections.callTool(settings, call, asAlice))
  expect(failed.json.error.message).toBe('bad key [redacted]')
  expect(JSON.stringify(await connections.test(settings))).not.toContain(secret)
  expect(await connections.listTools(settings)).toMatchObject([
    { description: 'the key is [redacted]' },
  ])
})

test('a server that floods its own stream of news harms no call', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  const stop = connections.watch(settings, () => {})
  await expect.poll(() => server.streams.size).toBe(1)
  for (const stream of server.streams) {
    for (let i = 0; i < 11_000; i++) stream.write('data: {"jsonrpc":"2.0","method":"x"}\n\n')
  }
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('hello')
  await expect.poll(() => connections.state(settings.id).status).toBe('failed')
  stop()
})
