/** Relayed servers of one era, and clients of the other, or of both. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everythingServer, toolCount } from '../support/an-everything-server.js'
import {
  aMcpServer,
  echoTool,
  type McpServer,
  said,
  type ToolRun,
} from '../support/an-mcp-server.js'
import { allow, eventually } from '../support/an-operator.js'
import type { Json } from '../support/world.js'
import { type ARelay, aClient, answerIn, aRelay } from './a-relay.js'

let relay: ARelay
let everything: Awaited<ReturnType<typeof everythingServer>>
let older: McpServer
let newer: McpServer
let run: (call: ToolRun) => unknown
/** Of the gateways of a server of both eras, of the older one, of the current one. */
let both: string
let old: string
let current: string

beforeAll(async () => {
  relay = await aRelay()
  everything = await everythingServer()
  older = await aMcpServer({ era: 'session', run: (call) => run(call) })
  newer = await aMcpServer({ era: 'modern', run: (call) => run(call) })
  run = (call) => said(String(call.arguments.text))
  for (const server of [everything, older, newer]) allow(relay.world, server)
  both = (await relay.relaying(everything.url, toolCount)).path
  old = (await relay.relaying(older.url, 1)).path
  current = (await relay.relaying(newer.url, 1)).path
})

afterAll(async () => {
  await relay.close()
  for (const server of [everything, older, newer]) await server.close()
})

const echo: Json = { name: 'echo', arguments: { text: 'x' } }

describe('a client of 2026-07-28', () => {
  test('lists, calls, reads and is asked through the results', async () => {
    const client = aClient({ elicitation: { form: {} }, sampling: {} }, 'auto')
    client.setRequestHandler('elicitation/create', async () => ({
      ...{ action: 'accept', content: { name: 'Ada', color: 'red' } },
    }))
    await client.connect(relay.transport(both))
    expect(client.getProtocolEra()).toBe('modern')
    expect((await client.listTools()).tools).toHaveLength(toolCount)
    const name = 'test_input_required_result_multi_round'
    const result = await client.callTool({ name, arguments: {} })
    expect(result.content).toEqual([{ type: 'text', text: 'All rounds are done.' }])
    const { contents } = await client.readResource({ uri: 'test://template/1/data' })
    expect(contents).toHaveLength(1)
    await client.close()
  })

  test('hears of changes on a stream that carries its own subscription id', async () => {
    const params = { notifications: { toolsListChanged: true } }
    const stream = await relay.listening(both, params)
    await eventually(async () => {
      await relay.modern(both, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} })
      expect(stream.text()).toContain('notifications/tools/list_changed')
    })
    const text = stream.text()
    stream.close()
    expect(text.indexOf('acknowledged')).toBeLessThan(text.indexOf('list_changed'))
    expect(text).toContain('"io.modelcontextprotocol/subscriptionId":"mine"')
    expect(text).not.toContain('"souk-')
  })

  test('hears that its subscription is over when an older server forgot the session', async () => {
    const before = older.streams.size
    const stream = await relay.listening(old, { notifications: { toolsListChanged: true } })
    await expect.poll(stream.text).toContain('acknowledged')
    await expect.poll(() => older.streams.size, { timeout: 5_000 }).toBeGreaterThan(before)
    await older.restart()
    await expect.poll(stream.text, { timeout: 10_000 }).toContain('"result"')
    stream.close()
  })

  test('must repeat an argument in the header that the tool names', async () => {
    const params = { name: 'test_header_param', arguments: { region: 'eu' } }
    const ask = (headers: Record<string, string>) =>
      relay.modern(both, 'tools/call', params, { headers })
    expect((await ask({ 'mcp-param-region': 'eu' })).status).toBe(200)
    for (const headers of [{}, { 'mcp-param-region': 'us' }] as Record<string, string>[]) {
      const refused = await ask(headers)
      expect(refused.status).toBe(400)
      expect(answerIn(refused).error).toMatchObject({ code: -32_020 })
    }
  })

  test('gets the very errors of the protocol', async () => {
    const mismatch = await relay.modern(
      both,
      'tools/list',
      {},
      {
        headers: { 'mcp-method': 'prompts/list' },
      },
    )
    expect([mismatch.status, answerIn(mismatch).error.code]).toEqual([400, -32_020])
    const missing = await relay.modern(both, 'tools/call', { name: 'test_missing_capability' })
    expect([missing.status, answerIn(missing).error]).toEqual([
      400,
      expect.objectContaining({ code: -32_021, data: { requiredCapabilities: { sampling: {} } } }),
    ])
    const unknown = await relay.modern(both, 'no/such')
    expect([unknown.status, answerIn(unknown).error.code]).toEqual([404, -32_601])
  })

  test('uses a server of the session era, which is told of no capability', async () => {
    const capabilities = { sampling: {}, elicitation: { form: {} } }
    const listed = answerIn(await relay.modern(old, 'tools/list', {}, { capabilities })).result
    expect(listed).toMatchObject({
      ...{ tools: [echoTool], resultType: 'complete', cacheScope: 'private' },
      ttlMs: expect.any(Number),
    })
    const { result } = answerIn(await relay.modern(old, 'tools/call', echo, { capabilities }))
    expect(result).toMatchObject({ ...said('x'), resultType: 'complete' })
    const began = older.requests.filter(({ method }) => method === 'initialize').at(-1)!
    expect((began.message.params as Json).capabilities).toEqual({})
    const sessions = older.sessions.size
    await older.restart()
    const again = answerIn(await relay.modern(old, 'tools/call', echo, { capabilities }))
    expect(again.result).toMatchObject(said('x'))
    expect(older.sessions.size).toBeLessThanOrEqual(sessions)
    const ping = await relay.modern(old, 'ping', {}, { capabilities })
    expect([ping.status, answerIn(ping).error.code]).toEqual([404, -32_601])
  })

  test('that leaves takes its call back at the server', async () => {
    let reason: { of: Promise<string> } | undefined
    run = (call) => {
      reason = { of: call.cancelled }
      return new Promise(() => {})
    }
    const leaving = new AbortController()
    const { signal } = leaving
    const call = relay.modern(current, 'tools/call', echo, { signal }).catch(() => 'left')
    await expect.poll(() => reason !== undefined).toBe(true)
    leaving.abort()
    expect(await call).toBe('left')
    expect(await reason!.of).toBe('closed')
    run = (each) => said(String(each.arguments.text))
  })
})

describe('a client of the session era', () => {
  test('uses a server of 2026-07-28, whose questions it is asked itself', async () => {
    run = ({ params }) => {
      const answers = params.inputResponses as Json | undefined
      if (answers) return { ...said(JSON.stringify(answers)), resultType: 'complete' }
      const schema = { type: 'object', properties: { city: { type: 'string' } } }
      const asked = { mode: 'form', message: 'Which city?', requestedSchema: schema }
      const inputRequests = { where: { method: 'elicitation/create', params: asked } }
      return { resultType: 'input_required', inputRequests, requestState: 's' }
    }
    const client = aClient({ elicitation: { form: {} } })
    client.setRequestHandler('elicitation/create', async () => ({
      ...{ action: 'accept', content: { city: 'Oslo' } },
    }))
    await client.connect(relay.transport(current))
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo'])
    const result = await client.callTool({ name: 'echo', arguments: {} })
    expect(JSON.stringify(result.content)).toContain('Oslo')
    await client.close()
    run = (each) => said(String(each.arguments.text))
  })

  test('is not asked more than a person could answer', async () => {
    const ask = { method: 'elicitation/create', params: {} }
    const inputRequests = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, ask]))
    run = () => ({ resultType: 'input_required', inputRequests })
    const session = await relay.initialize(current, { elicitation: { form: {} } })
    const answer = await relay.ask(current, 'tools/call', echo, { session })
    expect(answerIn(answer).error).toMatchObject({ code: -32_000 })
    expect(answer.text).not.toContain('elicitation')
    run = (each) => said(String(each.arguments.text))
  })

  test('without a session lists and calls with plain JSON-RPC, at servers of either era', async () => {
    for (const path of [old, current]) {
      const { tools } = answerIn(await relay.ask(path, 'tools/list')).result
      expect(tools).toEqual([echoTool])
      for (const name of ['echo', 'echo@1']) {
        const called = await relay.ask(path, 'tools/call', { ...echo, name })
        expect(answerIn(called).result).toMatchObject(said('x'))
      }
    }
    const other = answerIn(await relay.ask(old, 'resources/subscribe', { uri: 'x:y' }))
    expect(other.error).toMatchObject({ code: -32_601 })
  })

  test('gets numbers as the server wrote them', async () => {
    run = ({ raw, id }) => {
      const result =
        '{"_meta":{"at":1.50},"content":[],"structuredContent":{"big":12345678901234567890,"one":1.0}}'
      raw(200, 'application/json', `{"jsonrpc":"2.0","id":"${id}","result":${result}}`)
    }
    const session = await relay.initialize(old)
    const { text } = await relay.ask(old, 'tools/call', echo, { session })
    expect(text).toContain('{"big":12345678901234567890,"one":1.0}')
    expect(text).toContain('"at":1.50')
    run = (each) => said(String(each.arguments.text))
  })
})
