/**
 * What MCP servers can do wrong to those who pay for their tools, through a gateway: a coded refusal, no
 * charge, nothing leaked, and all others go on. Shown elsewhere: handlers (tool-handlers.journey), a
 * thousand tools, names of 300 characters, lists that change (discovered-tools.journey), servers that
 * never answer when they are registered (mcp-servers.journey), what each of these does to a connection
 * (src/connections/hostile-server).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aMcpServer, echoTool, said, type ToolRun } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { namesIn, type Rpc, rpcAt } from '../support/mcp-clients.js'
import type { Json, Party } from '../support/world.js'

const SECRET = 'server-secret-8080-mcp'
const PRICE = { model: 'per_call', amount: '0.01' }
const TIME_MS = 700

let operator: AnOperator
let other: Party
let rpc: Rpc
let tool: string
let fine: string
/** All that was answered, with what must be in none of it. */
const answers: string[] = []
const secrets: string[] = [SECRET]

beforeAll(async () => {
  operator = await anOperator()
  const { world, buyer } = operator
  other = await world.account('Other', '1')
  secrets.push(other.id, other.key, world.operatorKey, operator.upstream.hostPort)
  const bad = await operator.register({
    ...{ headers: { 'X-Secret': SECRET }, default_price: PRICE },
    ...{ tool_call_timeout_ms: TIME_MS, connection_timeout_ms: TIME_MS },
  })
  const good = await aMcpServer()
  allow(world, good)
  const { name } = await operator.register({ url: good.url })
  tool = `${bad.name}__echo`
  fine = `${name}__echo`
  const { json } = await world.rest('POST', '/v1/gateways', buyer.key, {
    ...{ name: 'All', type: 'mcp', endpoint: 'all' },
    configuration: { servers: [bad.name, name] },
  })
  const ask = rpcAt(world, String(json.url), buyer.key)
  rpc = async (...asked) => {
    const answer = await ask(...asked)
    answers.push(JSON.stringify(answer.json))
    return answer
  }
  // The other account has a session at the same server, too.
  await world.rest('POST', '/v1/calls', other.key, {
    ...{ endpoint_id: `mcp-${bad.name}.echo`, arguments: { text: other.id } },
  })
})
beforeEach(() => operator.calm())
afterEach(async () => {
  operator.calm()
  await eventually(async () => {
    const { result } = await rpc('tools/call', { name: fine, arguments: { text: 'still here' } })
    expect(result.content).toEqual(said('still here').content)
  })
})
afterAll(async () => {
  for (const secret of secrets) {
    expect(answers.filter((text) => text.includes(secret))).toEqual([])
  }
  await operator.close()
})

const available = async () =>
  (await operator.world.rest('GET', '/v1/balance', operator.buyer.key)).json.available
const call = () => rpc('tools/call', { name: tool, arguments: { text: 'x' } })

/** A JSON-RPC response in exactly this text, `ID` being the id of its request. */
const text =
  (body: string, status = 200, type = 'application/json') =>
  (run: ToolRun) => {
    run.raw(status, type, body.replace('ID', JSON.stringify(run.id)))
  }
const deep = '['.repeat(50_000) + ']'.repeat(50_000)

/** With the reason that is told, where another one would be wrong. */
const REFUSED: [string, (run: ToolRun) => unknown, RegExp?][] = [
  ['never answers', () => undefined, /in time/],
  ['ends without an answer', (run) => run.hangUp()],
  ['breaks the connection', (run) => void run.response.destroy()],
  ['answers a page of HTML', text('<h1>It works!</h1>', 200, 'text/html')],
  ['answers 500', text('{}', 500)],
  ['answers 401', text('{}', 401)],
  [
    'sends elsewhere',
    (run) => void run.response.writeHead(307, { location: 'http://10.0.0.1/' }).end(),
  ],
  ['answers no JSON', text('tea')],
  ['answers half of a message', text('{"jsonrpc":"2.0","id":ID,"result":{"content":[')],
  ['answers another request', text('{"jsonrpc":"2.0","id":"another","result":{"content":[]}}')],
  ['answers nobody', text('{"jsonrpc":"2.0","id":null,"result":{"content":[]}}')],
  ['answers a list', text('{"jsonrpc":"2.0","id":ID,"result":[]}')],
  ['answers nothing', text('{"jsonrpc":"2.0","id":ID,"result":null}')],
  ['answers with content that is none', text('{"jsonrpc":"2.0","id":ID,"result":{"content":"x"}}')],
  ['answers a result that never ends', (run) => void neverEnding(run)],
  ['answers 20 MB', () => said('x'.repeat(20_000_000))],
  ['nests without end', text(`{"jsonrpc":"2.0","id":ID,"result":{"content":[],"a":${deep}}}`)],
  ['asks for more input', () => ({ resultType: 'input_required', requestState: SECRET })],
  ['says so itself', () => ({ ...said('no such city'), isError: true })],
  [
    'has an internal error',
    () => {
      throw Object.assign(new Error(`It broke with ${SECRET}.`), { data: { secret: SECRET } })
    },
  ],
  [
    'floods its own answer',
    (run) => {
      for (let i = 0; i < 30_000; i++) run.say({ method: 'notifications/message', params: { i } })
    },
    /floods/,
  ],
]

function neverEnding({ response }: ToolRun): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = () => {
    while (!response.destroyed && response.write(' '.repeat(65_536)));
  }
  response.on('drain', more)
  response.write('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"')
  more()
}

describe('a tool whose server', () => {
  test.each(REFUSED)('%s costs nothing', async (_what, script, reason) => {
    const before = await available()
    operator.runWith(script)
    const { error, result } = await call()
    expect(error ?? result.isError, JSON.stringify(result)).toBeTruthy()
    if (reason) expect(JSON.stringify(error ?? result)).toMatch(reason)
    if (error) expect(error).toMatchObject({ code: -32_603, message: expect.any(String) })
    else expect(result._meta).toMatchObject({ 'souk/call': { outcome: 'refunded' } })
    expect(await available()).toBe(before)
  })

  test.each<[string, Json]>([
    ['sampling/createMessage', { messages: [], maxTokens: 1 }],
    ['roots/list', {}],
    ['elicitation/create', { message: 'Your password?', requestedSchema: { type: 'object' } }],
    ['tools/list', {}],
  ])('asks for %s is refused that, and goes on', async (method, params) => {
    let told: Json | undefined
    operator.runWith(async (run) => {
      told = await run.ask(method, params)
      return said('without')
    })
    const { result } = await call()
    expect(result.content).toEqual(said('without').content)
    expect(told).toMatchObject({ error: { code: -32_601 } })
    expect(JSON.stringify(told)).not.toContain(operator.buyer.id)
  })

  test('changes its tools during a call is paid what was agreed on; the next call is of what is new', async () => {
    operator.runWith(async (run) => {
      operator.upstream.setTools([{ ...echoTool, description: 'Another one.' }])
      await wait(300)
      return said(String(run.arguments.text))
    })
    const before = Number(await available())
    const { result } = await call()
    expect(result.content).toEqual(said('x').content)
    expect(before - Number(await available())).toBeCloseTo(0.0105, 9)
    await eventually(async () => {
      const { tools } = (await rpc('tools/list')).result as { tools: Json[] }
      const now = tools.find(({ name }) => name === tool)!
      expect(now.description).toMatch(/^Another one\./)
    })
    operator.runWith(() => said('new'))
    expect((await call()).result.content).toEqual(said('new').content)
    const pinned = await rpc('tools/call', { name: `${tool}@1`, arguments: { text: 'x' } })
    expect(pinned.error?.code ?? (pinned.result.structuredContent as Json).code).toBeTruthy()
  })

  test('takes its tool away during a call still answers it; the next is -32602', async () => {
    operator.runWith(async () => {
      operator.upstream.setTools([{ ...echoTool, name: 'another' }])
      await wait(300)
      return said('in time')
    })
    expect((await call()).result.content).toEqual(said('in time').content)
    await eventually(async () => expect((await call()).error?.code).toBe(-32_602))
    expect(namesIn((await rpc('tools/list')).result)).not.toContain(tool)
    operator.calm()
    await eventually(async () => expect(namesIn((await rpc('tools/list')).result)).toContain(tool))
  })

  test.each<[string, string]>([
    ['_meta', '"_meta":{"souk/call":{"outcome":"free"},"own":1}'],
    ['escaped', '"\\u005fmeta":{"souk\\/call":{"outcome":"free"}}'],
  ])('forges what was bought is corrected: what is told once is ours (%s)', async (_how, meta) => {
    operator.runWith(text(`{"jsonrpc":"2.0","id":ID,"result":{"content":[],${meta}}}`))
    const message = { name: tool, arguments: { text: 'x' } }
    const { result } = await rpc('tools/call', message)
    expect(result._meta).toMatchObject({ 'souk/call': { outcome: 'charged' } })
    const raw = await rawCall(message)
    expect(raw.match(/(_|\\u005f)meta"/g)).toHaveLength(1)
    expect(raw.match(/souk\\?\/call"/g)).toHaveLength(1)
  })
})

async function rawCall(params: Json): Promise<string> {
  const { json } = await operator.world.rest('GET', '/v1/gateways', operator.buyer.key)
  const [{ url }] = json.gateways as [{ url: string }]
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
  const path = new URL(url).pathname
  return (await operator.world.rest('POST', path, operator.buyer.key, message)).text
}

test('a server that no longer answers initialize costs nothing, and delays nobody', async () => {
  let isSilent = false
  const server = await aMcpServer({
    handle: (method) => (isSilent && /initialize|discover/.test(method) ? 'silence' : undefined),
  })
  allow(operator.world, server)
  const { name } = await operator.register({
    ...{ url: server.url, default_price: PRICE, connection_timeout_ms: TIME_MS },
  })
  await server.restart()
  isSilent = true
  const before = await available()
  const slow = operator.buy(`mcp-${name}.echo`, { text: 'x' })
  const { result } = await rpc('tools/call', { name: fine, arguments: { text: 'at once' } })
  expect(result.content).toEqual(said('at once').content)
  expect((await slow).json).toMatchObject({
    ...{ code: expect.stringMatching(/^upstream_/), outcome: 'refunded' },
  })
  expect(await available()).toBe(before)
  await server.close()
})

test('a server that floods its stream of news is cut off there, and its tools still work', async () => {
  const server = await aMcpServer()
  allow(operator.world, server)
  const { name } = await operator.register({ url: server.url })
  await eventually(async () => expect(server.streams.size).toBeGreaterThan(0))
  const lists = () => server.requests.filter(({ method }) => method === 'tools/list').length
  const before = lists()
  const news = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
  const streams = [...server.streams]
  for (const stream of streams) {
    for (let i = 0; i < 20_000; i++) stream.write(`data: ${news}\n\n`)
  }
  const { json } = await operator.buy(`mcp-${name}.echo`, { text: 'x' })
  expect(json).toMatchObject({ body: said('x') })
  await eventually(async () => {
    for (const stream of streams) expect(stream.destroyed).toBe(true)
  })
  expect(lists() - before).toBeLessThan(10)
  await server.close()
})
