/** One MCP server behind one gateway, whole: sessions of the older era, whoever carries them. */
import { SSEClientTransport } from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { everythingServer, toolCount } from '../support/an-everything-server.js'
import { aMcpServer, echoTool, said } from '../support/an-mcp-server.js'
import { allow, eventually } from '../support/an-operator.js'
import { type Json, OPERATOR_KEY } from '../support/world.js'
import { type ARelay, aClient, answerIn, aRelay, eventsIn, eventsOf } from './a-relay.js'

let relay: ARelay
let everything: Awaited<ReturnType<typeof everythingServer>>
/** Of the gateway of the everything server, and of the one of the scripted server. */
let path: string
let plain: string

beforeAll(async () => {
  relay = await aRelay()
  everything = await everythingServer()
  allow(relay.world, everything)
  path = (await relay.relaying(everything.url, toolCount)).path
  plain = (await relay.relaying(relay.upstream.url, 1)).path
})

afterAll(async () => {
  await relay.close()
  await everything.close()
})

const calling = (text: string): Json => ({ name: 'echo', arguments: { text } })
const textOf = (result: unknown) => ((result as Json).content as Json[])[0]!.text

describe('a session', () => {
  test('is the server whole: names, resources, prompts, completion, both directions', async () => {
    const client = aClient({ sampling: {}, elicitation: { form: {} } })
    client.setRequestHandler('sampling/createMessage', async ({ params }) => ({
      role: 'assistant',
      model: 'test',
      content: { type: 'text', text: `heard ${JSON.stringify(params.messages[0]!.content)}` },
    }))
    client.setRequestHandler('elicitation/create', async () => ({
      action: 'accept',
      content: { username: 'ada', email: 'ada@example.com' },
    }))
    await client.connect(relay.transport(path))
    expect(client.getServerVersion()).toMatchObject({ name: 'everything' })
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(toolCount)
    expect(tools.map(({ name }) => name)).toContain('test_simple_text')
    const sampled = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'tea?' } })
    expect(textOf(sampled)).toContain('tea?')
    const asked = { name: 'test_elicitation', arguments: { message: 'Who?' } }
    expect(textOf(await client.callTool(asked))).toContain('ada@example.com')
    expect((await client.readResource({ uri: 'test://static-binary' })).contents).toHaveLength(1)
    expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages).toHaveLength(1)
    const progress: number[] = []
    await client.callTool(
      { name: 'test_tool_with_progress', arguments: {} },
      { onprogress: (each) => progress.push(each.progress) },
    )
    expect(progress).toEqual([0, 50, 100])
    await client.close()
  })

  test('is nothing to another key, to a stranger, or at another gateway', async () => {
    const session = await relay.initialize(plain)
    const other = await relay.anotherKey()
    const foreign = [
      await relay.ask(plain, 'tools/list', {}, { session, key: other }),
      await relay.ask(path, 'tools/list', {}, { session }),
      await relay.ask(plain, 'tools/list', {}, { session: `${session}x` }),
    ]
    expect(foreign.map(({ status }) => status)).toEqual([404, 404, 404])
    expect(new Set(foreign.map(({ text }) => text)).size).toBe(1)
    const at = relay.world.url + plain
    const as = (key: string) => ({ authorization: `Bearer ${key}`, 'mcp-session-id': session })
    const streamed = await fetch(at, { headers: { ...as(other), accept: 'text/event-stream' } })
    const ended = await fetch(at, { method: 'DELETE', headers: as(other) })
    expect([streamed.status, ended.status]).toEqual([404, 404])
    const stranger = await relay.ask(plain, 'tools/list', {}, { session, key: relay.buyer.key })
    const nowhere = await relay.ask('/mcp/operator/nowhere', 'tools/list', {}, { session })
    expect([stranger.status, stranger.text]).toEqual([404, nowhere.text])
    expect((await relay.ask(plain, 'tools/list', {}, { session })).status).toBe(200)
  })

  test('ends with DELETE, at the server, too', async () => {
    const session = await relay.initialize(plain)
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'mcp-session-id': session }
    const before = relay.upstream.ended.length
    const ended = await fetch(relay.world.url + plain, { method: 'DELETE', headers })
    expect(ended.status).toBe(200)
    expect((await relay.ask(plain, 'tools/list', {}, { session })).status).toBe(404)
    await expect.poll(() => relay.upstream.ended.length).toBe(before + 1)
  })

  test('keeps two clients apart that use the same ids at once', async () => {
    const [one, two] = [await relay.initialize(plain), await relay.initialize(plain)]
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const session = index % 2 === 0 ? one : two
        const id = index >> 1
        const text = `${index % 2}/${id}`
        const answer = await relay.ask(plain, 'tools/call', calling(text), { session, id })
        return [answer.messages.at(-1)!.id === id, textOf(answerIn(answer).result) === text]
      }),
    )
    expect(answers.flat()).not.toContain(false)
    const ids = relay.upstream.calls.map((call) => call.id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('takes a request back at the server when its client does', async () => {
    const session = await relay.initialize(plain)
    let cancelled: { reason: Promise<string> } | undefined
    relay.runWith((call) => {
      cancelled = { reason: call.cancelled }
      return new Promise(() => {})
    })
    const answer = relay.ask(plain, 'tools/call', calling('x'), { session, id: 'slow' })
    await expect.poll(() => cancelled).toBeDefined()
    const params = { requestId: 'slow', reason: 'enough' }
    await relay.send(plain, { method: 'notifications/cancelled', params }, { session })
    expect(await cancelled!.reason).toBeDefined()
    expect((await answer).messages).toEqual([])
    relay.calm()
  })

  test('is 404 after its server restarted, never an empty success', async () => {
    const session = await relay.initialize(plain)
    await relay.upstream.restart()
    await eventually(async () => {
      const answer = await relay.ask(plain, 'tools/call', calling('lost'), { session })
      for (const message of answer.messages) expect(message.result).toBeUndefined()
      expect(answer.status).toBe(404)
    })
    const again = await relay.initialize(plain)
    const answer = await relay.ask(plain, 'tools/call', calling('back'), { session: again })
    expect(textOf(answerIn(answer).result)).toBe('back')
  })

  test('gives a client that lost its stream what it missed', async () => {
    const session = await relay.initialize(path)
    const leaving = new AbortController()
    const params = { name: 'test_tool_with_logging', arguments: {} }
    const response = await fetch(relay.world.url + path, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', 'mcp-session-id': session },
        ...{ authorization: `Bearer ${OPERATOR_KEY}` },
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }),
      signal: leaving.signal,
    })
    const reader = response.body!.getReader()
    const first = Buffer.from((await reader.read()).value!).toString()
    const [, lastEventId] = /id: (\S+)/.exec(first)!
    leaving.abort()
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'mcp-session-id': session }
    const resumed = await eventsOf(relay.world.url + path, {
      ...{ ...headers, 'last-event-id': lastEventId! },
    })
    await expect.poll(() => eventsIn(resumed.text()).at(-1)?.id).toBe(7)
    const ids = [...resumed.text().matchAll(/^id: (\S+)$/gm)].map(([, id]) => id)
    expect(ids).not.toContain(lastEventId)
    expect(new Set(ids).size).toBe(ids.length)
    const unknown = await eventsOf(relay.world.url + path, { ...headers, 'last-event-id': '99-1' })
    expect(unknown.status).toBe(400)
  })

  test('hears of changes, and of tools that it may buy only by then', async () => {
    const session = await relay.initialize(plain)
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'mcp-session-id': session }
    const stream = await eventsOf(relay.world.url + plain, headers)
    relay.upstream.setTools([echoTool, { ...echoTool, name: 'second' }])
    await eventually(async () => {
      expect(stream.text()).toContain('notifications/tools/list_changed')
      const { result } = answerIn(await relay.ask(plain, 'tools/list', {}, { session }))
      expect((result.tools as Json[]).map(({ name }) => name)).toEqual(['echo', 'second'])
    })
    stream.close()
    relay.calm()
  })

  test('of a server that dies or floods ends alone', async () => {
    const hostile = await aMcpServer({
      run({ say }) {
        for (let i = 0; i < 20_000; i++) say({ method: 'notifications/message', params: { i } })
        return said('too late')
      },
    })
    allow(relay.world, hostile)
    const { path: at } = await relay.relaying(hostile.url, 1)
    const [bad, good] = [await relay.initialize(at), await relay.initialize(plain)]
    const [flooded, fine] = await Promise.all([
      relay.ask(at, 'tools/call', calling('x'), { session: bad }),
      relay.ask(plain, 'tools/call', calling('fine'), { session: good }),
    ])
    expect(answerIn(flooded).error).toMatchObject({ code: -32_603 })
    expect(textOf(answerIn(fine).result)).toBe('fine')
    await hostile.close()
    const gone = await relay.ask(at, 'tools/call', calling('x'), { session: bad })
    expect(gone.status === 404 || answerIn(gone).error).toBeTruthy()
    expect((await relay.ask(plain, 'tools/list', {}, { session: good })).status).toBe(200)
  })
})

test('a server that is not there, or not in use, cannot be relayed', async () => {
  const { name, id } = await relay.register()
  await relay.admin('PUT', `/${id}`, { enabled: false })
  for (const server of ['no-such-server', name]) {
    const made = await relay.world.rest('POST', '/v1/gateways', OPERATOR_KEY, {
      ...{ name: 'x', type: 'mcp', endpoint: 'nothing', configuration: { relay: server } },
    })
    expect([made.status, made.json.code]).toEqual([404, 'not_found'])
  }
})

describe('the other transports', () => {
  test('carry a session over SSE', async () => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}` }
    const client = aClient({ sampling: {} })
    client.setRequestHandler('sampling/createMessage', async () => ({
      ...{ role: 'assistant', model: 'test', content: { type: 'text', text: 'by SSE' } },
    }))
    await client.connect(
      new SSEClientTransport(new URL(`${relay.world.url}${path}/sse`), {
        requestInit: { headers },
        eventSourceInit: {
          fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers } }),
        },
      }),
    )
    expect((await client.listTools()).tools).toHaveLength(toolCount)
    const result = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'x' } })
    expect(textOf(result)).toBe('LLM response: by SSE')
    await client.close()
  })

  test('carry a session over WebSocket, which ends when its server is gone', async () => {
    class Authorized extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols, { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })
      }
    }
    const before = globalThis.WebSocket
    globalThis.WebSocket = Authorized as never
    try {
      const client = new OldClient({ name: 'ws', version: '1' })
      const url = new URL(`${relay.world.url.replace('http', 'ws')}${plain}/ws`)
      await client.connect(new WebSocketClientTransport(url))
      const called = await client.callTool({ name: 'echo', arguments: { text: 'by socket' } })
      expect(textOf(called)).toBe('by socket')
      const closed = new Promise<void>((resolve) => {
        client.onclose = resolve
      })
      await relay.upstream.restart()
      await eventually(async () => {
        await client.callTool({ name: 'echo', arguments: { text: 'x' } }).catch(() => {})
        expect(client.transport).toBeUndefined()
      })
      await closed
    } finally {
      globalThis.WebSocket = before
    }
  })
})
