/**
 * How clients of each era connect: sessions of `initialize`-based clients, bound to their key; the
 * stateless requests of 2026-07-28; and the tools, the same for everybody.
 */
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answered, aWorld, type Party, type World } from '../support/world.js'
import { agents } from './agents.js'

const TOOL_NAMES = [
  'browse_apis',
  'describe_endpoint',
  'get_pricing',
  'check_balance',
  'call_api',
  'get_usage',
  'rate_seller',
]
const LIST_TOOLS = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
const CHECK_BALANCE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'check_balance', arguments: {} },
}

type Tool = {
  name: string
  title: string
  description: string
  inputSchema: object
  outputSchema: object
  annotations: object
}

let world: World
let buyer: Party
let other: Party
beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Buyer', '1')
  other = await world.account('Other')
})
afterAll(() => world.close())

test.each([
  ['2025-03-26', '2025-03-26'],
  ['2025-06-18', '2025-06-18'],
  ['2025-11-25', '2025-11-25'],
  // A version that nobody knows yet is answered with the latest that initialize can give.
  ['2031-01-01', '2025-11-25'],
])('initialize with %s gives %s and a session', async (asked, given) => {
  const answer = await initialize(buyer.key, asked)
  expect(answer.status).toBe(200)
  expect(answer.json.result).toMatchObject({
    protocolVersion: given,
    serverInfo: { name: 'souk' },
    capabilities: { tools: {} },
    instructions: expect.stringContaining('browse_apis'),
  })
  // The specification allows visible ASCII only.
  const session = answer.headers.get('mcp-session-id')!
  expect(session).toMatch(/^[\x21-\x7e]{20,200}$/)
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': given }
  const ready = { jsonrpc: '2.0', method: 'notifications/initialized' }
  expect(await post(buyer.key, ready, headers)).toMatchObject({ status: 202, text: '' })
  const balance = await post(buyer.key, CHECK_BALANCE, headers)
  expect(balance.json.result).toMatchObject({ structuredContent: { available: '1' } })
})

test('a session works with its own key alone, and is gone for any other key', async () => {
  const session = await aSession(buyer.key)
  expect((await inSession(buyer.key, session)).status).toBe(200)
  expect((await inSession(other.key, session)).status).toBe(404)
  // The other account cannot end it either.
  expect((await endSession(other.key, session)).status).toBe(404)
  expect((await inSession(buyer.key, session)).status).toBe(200)
  expect((await inSession('souk_test_nobody', session)).status).toBe(401)
})

test('an ended session stays ended; another of the same key lives on', async () => {
  const [ended, kept] = [await aSession(buyer.key), await aSession(buyer.key)]
  expect((await endSession(buyer.key, ended)).status).toBe(200)
  expect((await inSession(buyer.key, ended)).status).toBe(404)
  expect((await endSession(buyer.key, ended)).status).toBe(404)
  expect((await inSession(buyer.key, kept)).status).toBe(200)
})

test('a session that nobody gave out does not exist', async () => {
  const session = await aSession(buyer.key)
  const [random, until, signature] = session.split('.') as [string, string, string]
  const forged = [
    'made-up',
    '..',
    '00000000-0000-4000-8000-000000000000',
    `${random}.${until}`,
    `${random}.${until}.`,
    `${random}.${BigInt(until) + 1n}.${signature}`,
    `A${random}.${until}.${signature}`,
    `${random}.${until}.${flipped(signature)}`,
    `${session}.${signature}`,
  ]
  for (const id of forged) expect((await inSession(buyer.key, id)).status, id).toBe(404)
})

test('a session survives a restart of the gateway', async () => {
  const session = await aSession(buyer.key)
  await world.restart()
  expect((await inSession(buyer.key, session)).status).toBe(200)
  expect((await inSession(other.key, session)).status).toBe(404)
})

test('a request of 2026-07-28 must say in its headers what it says in its body', async () => {
  const complete = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'check_balance',
  }
  const answer = await post(buyer.key, modern(), complete)
  expect(answer.status).toBe(200)
  expect(answer.json.result).toMatchObject({ structuredContent: { available: '1' } })
  expect(answer.headers.get('mcp-session-id')).toBeNull()

  for (const name of Object.keys(complete)) {
    const { [name]: _left, ...rest } = complete as Record<string, string>
    await expectRefused(post(buyer.key, modern(), rest), -32_020)
  }
  for (const contradiction of [
    { 'mcp-protocol-version': '2025-11-25' },
    { 'mcp-method': 'tools/list' },
    { 'mcp-name': 'call_api' },
  ]) {
    await expectRefused(post(buyer.key, modern(), { ...complete, ...contradiction }), -32_020)
  }
  // The header alone does not make a request modern: the body has to carry its envelope.
  await expectRefused(post(buyer.key, CHECK_BALANCE, complete), -32_602)
})

test('an unknown protocol version is refused with those that are served', async () => {
  const later = await post(buyer.key, modern('2099-01-01'), {
    'mcp-protocol-version': '2099-01-01',
    'mcp-method': 'tools/call',
    'mcp-name': 'check_balance',
  })
  expect(later.status).toBe(400)
  expect(later.json.error).toMatchObject({ code: -32_022, data: { supported: ['2026-07-28'] } })

  const earlier = await post(buyer.key, CHECK_BALANCE, { 'mcp-protocol-version': '1999-01-01' })
  expect(earlier.status).toBe(400)
  expect(earlier.json.error).toMatchObject({
    data: { code: 'invalid_request', action: expect.stringContaining('2025-11-25') },
  })
})

test('there is no stream to listen to: GET is not allowed', async () => {
  const answer = await world.rest('GET', '/mcp', buyer.key, undefined, {
    accept: 'text/event-stream',
  })
  expect(answer.status).toBe(405)
  expect(answer.headers.get('allow')).toBe('POST, DELETE')
})

test('everybody sees the same seven tools, in the order in which they are used', async () => {
  const listed = await listTools(buyer.key)
  expect(listed.map(({ name }) => name)).toEqual(TOOL_NAMES)
  expect(await listTools(other.key)).toEqual(listed)
  expect(await listTools(world.operatorKey)).toEqual(listed)
  expect(await listTools(await aKeyThatOnlyReads())).toEqual(listed)
  for (const connect of Object.values(agents)) {
    const agent = await connect(world.url, other.key)
    expect(agent.tools).toEqual(listed)
    await agent.close()
  }
})

test('each tool says what it takes, gives and does', async () => {
  for (const tool of await listTools(buyer.key)) {
    const { name, title, description, inputSchema, outputSchema, annotations } = tool
    expect(title, name).toMatch(/\S/)
    expect(description, name).toMatch(/\S/)
    expect(inputSchema, name).toMatchObject({ type: 'object' })
    expect(outputSchema, name).toMatchObject({
      type: 'object',
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        action: { type: 'string' },
      },
    })
    // A refusal has none of a result's members, and clients of the 1.x line validate it, too.
    expect(outputSchema, name).not.toHaveProperty('required')
    const isReader = name !== 'call_api' && name !== 'rate_seller'
    expect(annotations, name).toMatchObject({
      readOnlyHint: isReader,
      openWorldHint: name === 'call_api',
    })
  }
  const [callApi] = (await listTools(buyer.key)).filter(({ name }) => name === 'call_api')
  expect(callApi!.annotations).toMatchObject({ destructiveHint: true, idempotentHint: false })
})

test('all seven tools cost a model less than 1,500 tokens', async () => {
  const listed = JSON.stringify(await listTools(buyer.key))
  expect(encode(listed).length).toBeLessThan(1_500)
})

function post(key: string, message: unknown, headers: Record<string, string> = {}) {
  return world.rest('POST', '/mcp', key, message, {
    accept: 'application/json, text/event-stream',
    ...headers,
  })
}

function initialize(key: string, protocolVersion: string): Promise<Answered> {
  const clientInfo = { name: 'client-of-the-tests', version: '1.0.0' }
  const params = { protocolVersion, capabilities: {}, clientInfo }
  return post(key, { jsonrpc: '2.0', id: 0, method: 'initialize', params })
}

async function aSession(key: string): Promise<string> {
  return (await initialize(key, '2025-11-25')).headers.get('mcp-session-id')!
}

function inSession(key: string, session: string): Promise<Answered> {
  return post(key, LIST_TOOLS, { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' })
}

function endSession(key: string, session: string): Promise<Answered> {
  return world.rest('DELETE', '/mcp', key, undefined, { 'mcp-session-id': session })
}

function modern(version = '2026-07-28') {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'client-of-the-tests', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return { ...CHECK_BALANCE, params: { ...CHECK_BALANCE.params, _meta } }
}

async function expectRefused(answered: Promise<Answered>, code: number): Promise<void> {
  const { status, json } = await answered
  expect(status).toBe(400)
  expect(json.error).toMatchObject({ code })
  expect(json).not.toHaveProperty('result')
}

async function listTools(key: string): Promise<Tool[]> {
  const { json } = await post(key, LIST_TOOLS)
  return (json.result as { tools: Tool[] }).tools
}

async function aKeyThatOnlyReads(): Promise<string> {
  const order = { name: 'reader', scopes: ['read'] }
  const { json } = await world.rest('POST', '/v1/keys', buyer.key, order)
  return json.api_key as string
}

function flipped(signature: string): string {
  return (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
}
