/** An account composes endpoints into native tools, and clients of all kinds use them. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { aSocket } from '../support/mcp-clients.js'
import { answerJson, aWorld, type Party, type World } from '../support/world.js'

let world: World
let buyer: Party
let stranger: Party
let endpointId: string
let listingId: string
let seller: Party

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Acme', '1')
  stranger = await world.account('Stranger', '1')
  seller = await world.account('Seller')
  const listed = await world.listing(seller)
  endpointId = listed.endpointId
  listingId = listed.id
})

afterAll(() => world.close())

type Json = Record<string, unknown>

const MINE = { name: 'Mine', type: 'mcp', endpoint: 'mine' }

const make = (body: object, key = buyer.key) => world.rest('POST', '/v1/gateways', key, body)

async function aGateway(endpoint: string, tools: unknown[]): Promise<{ id: string; path: string }> {
  const made = await make({ name: 'Mine', type: 'mcp', endpoint, configuration: { tools } })
  expect(made.status, made.text).toBe(201)
  return { id: made.json.id as string, path: new URL(made.json.url as string).pathname }
}

const rpc = async (path: string, method: string, params: object = {}, key = buyer.key) => {
  const message = { jsonrpc: '2.0', id: 1, method, params }
  const { json, status } = await world.rest('POST', path, key, message)
  return { status, result: json.result as Json, error: json.error as Json }
}

describe('a gateway', () => {
  test('lists and calls its tools over plain JSON-RPC, without a handshake', async () => {
    const { path } = await aGateway('/my-tools', [{ endpoint_id: endpointId, name: 'search_wiki' }])
    expect(path).toBe(`/mcp/${buyer.slug}/my-tools`)
    const { result } = await rpc(path, 'tools/list')
    const [tool] = result.tools as Json[]
    expect(tool).toMatchObject({ name: 'search_wiki', inputSchema: { type: 'object' } })
    expect(JSON.stringify(tool!.inputSchema)).not.toContain('x-in')

    world.upstream.answerWith(answerJson(200, { found: ['tea'] }))
    const args = { space: 'main', q: 'tea' }
    const called = await rpc(path, 'tools/call', { name: 'search_wiki', arguments: args })
    expect(called.result).toMatchObject({
      content: [{ type: 'text', text: '{"found":["tea"]}' }],
      structuredContent: { found: ['tea'] },
      _meta: { 'souk/call': { outcome: 'charged', charge: { total: '0.00105' } } },
    })
  })

  test('answers -32602 for a tool that it has not, and 404 to strangers', async () => {
    const { path } = await aGateway('narrow', [endpointId])
    const unknown = await rpc(path, 'tools/call', { name: 'nothing', arguments: {} })
    expect(unknown.error).toMatchObject({ code: -32_602 })
    const other = await rpc(path, 'tools/list', {}, stranger.key)
    const none = await rpc(`/mcp/${buyer.slug}/nowhere`, 'tools/list')
    expect(other.status).toBe(404)
    expect([other.error.message, other.error.data]).toEqual([none.error.message, none.error.data])
  })

  test('refuses arguments that do not fit, as a result that the model can act on', async () => {
    const { path } = await aGateway('refusing', [endpointId])
    const { result } = await rpc(path, 'tools/call', { name: 'search', arguments: { q: 1 } })
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { code: 'invalid_arguments' },
    })
  })

  test('drops a tool at the next call once it is removed, and tells who listens', async () => {
    const { id, path } = await aGateway('changing', [endpointId])
    const client = new Client({ name: 'old', version: '1' })
    const changed = new Promise<void>((resolve) => {
      client.fallbackNotificationHandler = async ({ method }) => {
        if (method === 'notifications/tools/list_changed') resolve()
      }
    })
    await client.connect(httpFor(path))
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search'])
    const patch = { configuration: { tools: [{ endpoint_id: endpointId, name: 'find' }] } }
    expect((await world.rest('PATCH', `/v1/gateways/${id}`, buyer.key, patch)).status).toBe(200)
    const gone = await rpc(path, 'tools/call', { name: 'search', arguments: {} })
    expect(gone.error).toMatchObject({ code: -32_602 })
    await changed
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['find'])
    await client.close()
  })

  test('no longer lists, nor calls, what its seller paused', async () => {
    const { path } = await aGateway('pausing', [endpointId])
    await world.rest('POST', `/v1/listings/${listingId}/pause`, seller.key)
    expect((await rpc(path, 'tools/list')).result.tools).toEqual([])
    const called = await rpc(path, 'tools/call', { name: 'search', arguments: {} })
    expect(called.error).toMatchObject({ code: -32_602 })
    await world.rest('POST', `/v1/listings/${listingId}/publish`, seller.key)
    expect((await rpc(path, 'tools/list')).result.tools).toHaveLength(1)
  })

  test('pins a version that is asked for as name@version', async () => {
    const { path } = await aGateway('pinned', [endpointId])
    const params = { name: 'search@1', arguments: { space: 'main', q: 'tea' } }
    expect((await rpc(path, 'tools/call', params)).result.isError).toBe(false)
    const missing = { ...params, name: 'search@9' }
    expect((await rpc(path, 'tools/call', missing)).error).toMatchObject({ code: -32_602 })
  })
})

test('a conversation whose account is suspended buys nothing more, and ends', async () => {
  const culprit = await world.account('Culprit', '1')
  await make({ ...MINE, configuration: { tools: [endpointId] } }, culprit.key)
  const at = `${world.url}/mcp/${culprit.slug}/mine/ws`
  const socket = await aSocket(at, { authorization: `Bearer ${culprit.key}` })
  const params = { name: 'search', arguments: { space: 'main', q: 'tea' } }
  const buy = (id: number) => socket.ask({ id, method: 'tools/call', params })
  expect(await buy(1)).toMatchObject({ result: { _meta: { 'souk/call': { outcome: 'charged' } } } })
  const why = { category: 'fraud', reason: 'found out' }
  await world.rest('POST', `/v1/accounts/${culprit.id}/suspend`, world.operatorKey, why)
  void buy(2)
  await socket.closed
  const bought = socket.heard.filter(({ result }) => result && (result as Json).isError !== true)
  expect(bought).toHaveLength(1)
  const { json } = await world.rest('GET', '/v1/usage', culprit.key)
  expect(json.calls).toHaveLength(1)
})

test('an account has at most 100 gateways, however many are made at once', async () => {
  const { key } = await world.account('Collector')
  const made = await Promise.all(
    Array.from({ length: 103 }, (_, i) => make({ ...MINE, endpoint: `mine-${i}` }, key)),
  )
  const refused = made.filter(({ status }) => status !== 201)
  expect(refused.map(({ json }) => json.code)).toEqual(Array(3).fill('forbidden'))
  const { json } = await world.rest('GET', '/v1/gateways', key)
  const [{ id }] = json.gateways as [{ id: string }]
  expect(json.gateways).toHaveLength(100)
  await world.rest('DELETE', `/v1/gateways/${id}`, key)
  expect((await make({ ...MINE, endpoint: 'another' }, key)).status).toBe(201)
})

const headers = () => ({ authorization: `Bearer ${buyer.key}` })
const httpFor = (path: string) =>
  new StreamableHTTPClientTransport(new URL(world.url + path), {
    requestInit: { headers: headers() },
  })

describe('a client', () => {
  const args = { space: 'main', q: 'tea' }
  let path: string
  beforeAll(async () => {
    path = (await aGateway('clients', [endpointId])).path
    world.upstream.answerWith(answerJson(200, { found: true }))
  })

  test('of the older era calls over Streamable HTTP', async () => {
    const client = new Client({ name: 'old', version: '1' })
    await client.connect(httpFor(path))
    const result = await client.callTool({ name: 'search', arguments: args })
    expect(result.structuredContent).toEqual({ found: true })
    await client.close()
  })

  test('of the deprecated transport calls over SSE', async () => {
    const client = new Client({ name: 'older', version: '1' })
    const transport = new SSEClientTransport(new URL(`${world.url}${path}/sse`), {
      requestInit: { headers: headers() },
      eventSourceInit: {
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers() } }),
      },
    })
    await client.connect(transport)
    expect((await client.listTools()).tools).toHaveLength(1)
    const result = await client.callTool({ name: 'search', arguments: args })
    expect(result.structuredContent).toEqual({ found: true })
    await client.close()
  })

  test('of 2026-07-28 calls without a session, and listens for changes', async () => {
    const client = new ModernClient(
      { name: 'new', version: '1' },
      { versionNegotiation: { mode: 'auto' } },
    )
    const url = new URL(world.url + path)
    await client.connect(new ModernHttp(url, { requestInit: { headers: headers() } }))
    expect(client.getProtocolEra()).toBe('modern')
    expect((await client.listTools()).tools).toHaveLength(1)
    const result = await client.callTool({ name: 'search', arguments: args })
    expect(result.structuredContent).toEqual({ found: true })
    await client.close()
  })

  test('of the WebSocket extension calls with the subprotocol, and only from no foreign origin', async () => {
    const at = `${world.url.replace('http', 'ws')}${path}/ws`
    const socket = new WebSocket(at, 'mcp', { headers: headers() })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const answered = new Promise<Json>((resolve) =>
      socket.once('message', (data) => resolve(JSON.parse(String(data)))),
    )
    const params = { name: 'search', arguments: args }
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'tools/call', params }))
    expect(await answered).toMatchObject({
      id: 'a',
      result: { structuredContent: { found: true } },
    })
    socket.close()

    const status = (protocols: string[], more: Record<string, string>) =>
      new Promise((resolve) => {
        const refused = new WebSocket(at, protocols, { headers: more })
        refused.once('unexpected-response', (_req, res) => resolve(res.statusCode))
        refused.once('error', () => {})
      })
    expect(await status(['mcp'], { ...headers(), origin: 'https://evil.example' })).toBe(403)
    expect(await status(['mcp'], {})).toBe(401)
    expect(await status(['other'], headers())).toBe(400)
    expect(await status(['mcp'], { authorization: `Bearer ${stranger.key}` })).toBe(404)
  })
})
