/**
 * Bug classes of gateways.md 1.4 again: what a header, a method or a document must not switch (2 and
 * the advisories). Shown elsewhere: admin routes without the operator's key (tenants-routes.journey,
 * bad-input-rest), references in OpenAPI documents (import.journey), paths that climb
 * (src/upstreams/http-shape).
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aMcpServer, said } from '../support/an-mcp-server.js'
import { allow } from '../support/an-operator.js'
import { clientOf, namesIn, rpcAt } from '../support/mcp-clients.js'
import {
  answerJson,
  aWorld,
  type Json,
  OPERATOR_KEY,
  type Party,
  scriptedUpstream,
  type World,
} from '../support/world.js'

let world: World
let buyer: Party
let stranger: Party
let url: string
let path: string
const args = { space: 'main', q: 'tea' }
const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Buyer', '1')
  stranger = await world.account('Stranger', '1')
  const seller = await world.account('Seller')
  const [cheap, dear] = [
    await world.listing(seller, { endpoint: { path: '/cheap/{space}' } }),
    await world.listing(seller, {
      endpoint: { path: '/dear/{space}', price: { model: 'per_call', amount: '0.5' } },
    }),
  ]
  const tools = [
    { endpoint_id: cheap.endpointId, name: 'cheap' },
    { endpoint_id: dear.endpointId, name: 'dear' },
  ]
  const { json } = await world.rest('POST', '/v1/gateways', buyer.key, {
    ...{ name: 'Two', type: 'mcp', endpoint: 'two', configuration: { tools } },
  })
  url = String(json.url)
  path = new URL(url).pathname
  world.upstream.answerWith(answerJson(200, { found: true }))
})
afterAll(() => world.close())

/** Where the requests of the last call went. */
async function reached(work: () => Promise<unknown>) {
  world.upstream.requests.length = 0
  await work()
  return world.upstream.requests.map((request) => request.url.split('/')[1])
}

test('the tool is the one of the body, never the one of the Mcp-Name header', async () => {
  const call = (headers: Json, meta?: Json) =>
    rpcAt(world, path, buyer.key)(
      'tools/call',
      { name: 'cheap', arguments: args, ...(meta && { _meta: meta }) },
      headers,
    )
  const older = await reached(() => call({ 'mcp-name': 'dear', 'mcp-method': 'tools/call' }))
  expect(older).toEqual(['cheap'])
  const modern = {
    ...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28' },
    'mcp-method': 'tools/call',
  }
  let answer: Awaited<ReturnType<typeof call>> | undefined
  for (const name of ['dear', 'Cheap', 'none']) {
    const there = await reached(async () => {
      answer = await call({ ...modern, 'mcp-name': name }, MODERN)
    })
    expect([there, answer!.status, answer!.error.code]).toEqual([[], 400, -32_020])
  }
  expect(await reached(() => call({ ...modern, 'mcp-name': 'cheap' }, MODERN))).toEqual(['cheap'])
})

const SWITCHES: Record<string, string> = {
  ...{ 'x-souk-account': 'ACCOUNT', 'x-account-id': 'ACCOUNT', 'x-org': 'ACCOUNT' },
  ...{ 'x-mcp-virtualserver': 'tools', 'x-mcp-servers': 'other', 'x-mcp-tool': 'dear' },
  ...{
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'for=127.0.0.1',
  },
  ...{ 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'cf-connecting-ip': '127.0.0.1' },
  ...{ 'x-original-url': '/v1/operator/ledger', 'x-rewrite-url': '/v1/accounts' },
  ...{ 'x-http-method-override': 'DELETE', 'x-upstream-url': 'http://169.254.169.254/' },
  ...{ 'x-api-key': 'another-key', cookie: 'souk_session=1', 'proxy-authorization': 'Basic eDp5' },
  ...{ 'mcp-param-space': 'other', 'x-user-id': 'ACCOUNT', 'x-consumer-groups': 'admin' },
}

test('no header that a client chooses changes who asks, what is listed, or what the API is sent', async () => {
  const headers = Object.fromEntries(
    Object.entries(SWITCHES).map(([name, value]) => [name, value.replace('ACCOUNT', stranger.id)]),
  )
  const ask = async (more: Json) => {
    const rpc = rpcAt(world, path, buyer.key)
    world.upstream.requests.length = 0
    const listed = (await rpc('tools/list', {}, more)).result
    const called = await rpc('tools/call', { name: 'cheap', arguments: args }, more)
    const me = await world.rest('GET', '/v1/me', buyer.key, undefined, more as never)
    const { 'x-souk-call': _, 'x-souk-trace': __, ...sent } = world.upstream.requests[0]!.headers
    return {
      listed,
      content: called.result.content,
      me: me.json,
      sent,
      urls: world.upstream.requests.length,
    }
  }
  expect(await ask(headers)).toEqual(await ask({}))
  const refused = await world.rest('POST', path, stranger.key, undefined, headers)
  expect(refused.status).toBe(404)
  const ledger = await world.rest('GET', '/v1/operator/ledger', buyer.key, undefined, headers)
  expect(ledger.status).toBe(403)
})

test('an MCP server is sent nothing of its buyer: no key, no cookie, no header of theirs', async () => {
  const server = await aMcpServer({ run: ({ headers }) => said(JSON.stringify(headers)) })
  allow(world, server)
  await world.rest('POST', '/v1/admin/mcp-servers', OPERATOR_KEY, {
    ...{ name: 'headers', transport: 'streamable_http', url: server.url },
  })
  const order = { endpoint_id: 'mcp-headers.echo', arguments: {} }
  await world.rest('POST', '/v1/calls', buyer.key, order, SWITCHES)
  const sent = JSON.stringify(server.requests)
  expect(server.calls).toHaveLength(1)
  expect(sent).not.toContain(buyer.key)
  const ours = ['x-souk-account', 'x-forwarded-for', 'cookie', 'x-api-key', 'x-mcp-tool']
  for (const name of ours) expect(server.calls[0]!.headers).not.toHaveProperty(name)
  await server.close()
})

test('nothing is served on the address of a gateway without a key, whatever the method', async () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST', 'TRACE-ME']) {
    for (const at of [
      path,
      `${path}/sse`,
      `${path}/messages?sessionId=x`,
      `${path}/ws`,
      '/mcp/a/b',
    ]) {
      const { status, text } = await world.rest(method, at, undefined).catch(() => ({
        ...{ status: 400, text: '' },
      }))
      expect(status, `${method} ${at}`).toBeGreaterThanOrEqual(400)
      expect(text).not.toMatch(/cheap|dear|Two/)
    }
  }
})

test('messages that are no JSON-RPC call nothing, though a tool is named in them', async () => {
  const params = { name: 'cheap', arguments: args }
  const bad: unknown[] = [
    { id: 1, method: 'tools/call', params },
    { jsonrpc: '1.0', id: 1, method: 'tools/call', params },
    { jsonrpc: '2.0', id: null, method: 'tools/call', params },
    { jsonrpc: '2.0', id: { a: 1 }, method: 'tools/call', params },
    { jsonrpc: '2.0', method: 'tools/call', params },
    { jsonrpc: '2.0', id: 1, method: ['tools/call'], params },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: [params] },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, name: ['cheap'] } },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, arguments: [args] } },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, arguments: 'x' } },
    { jsonrpc: '2.0', id: 1, method: 'tools/call ', params },
    { jsonrpc: '2.0', id: 1, method: 'TOOLS/CALL', params },
    [],
    [[{ jsonrpc: '2.0', id: 1, method: 'tools/call', params }]],
  ]
  for (const message of bad) {
    const text = JSON.stringify(message)
    const there = await reached(async () => {
      const { json, status } = await world.rest('POST', path, buyer.key, message, {
        accept: 'application/json, text/event-stream',
      })
      if (status !== 202) expect(json, text).toHaveProperty('error.code')
    })
    expect(there, text).toEqual([])
  }
})

test('a path argument climbs nowhere', async () => {
  for (const space of [
    '..',
    '../dear',
    '%2e%2e/dear',
    '..%2fdear/x',
    '/dear/x',
    '\\..\\dear',
    '.',
    '',
  ]) {
    const rpc = rpcAt(world, path, buyer.key)
    const there = await reached(() =>
      rpc('tools/call', { name: 'cheap', arguments: { space, q: 'x' } }),
    )
    expect(
      there.filter((first) => first !== 'cheap'),
      space,
    ).toEqual([])
  }
})

test('a document to import is what is sent, or at a public URL: no path of ours and no private address is read', async () => {
  const inside = await scriptedUpstream()
  const inner = `${inside.baseUrl}/openapi.json`
  const attempts: [Json, string?][] = [
    ...['spec_path', 'spec_url', 'url', 'source_url', 'file', 'document_url'].flatMap(
      (name): [Json][] => [[{ [name]: inner }], [{ [name]: '/etc/passwd', document: {} }]],
    ),
    ...[inner, '/etc/passwd', 'file:///etc/passwd', 'http://169.254.169.254/'].map(
      (document): [Json] => [{ document }],
    ),
  ]
  for (const [body] of attempts) {
    const { status, json, text } = await world.rest('POST', '/v1/listings/import', buyer.key, {
      ...{ slug: 'imported', price: { model: 'free' } },
      ...body,
    })
    expect([status, json.code], text).toEqual([400, 'invalid_request'])
    expect(text).not.toMatch(/root:|\/bin\//)
  }
  const document = (server: string) => ({
    ...{ openapi: '3.1.0', info: { title: 'X', version: '1' }, servers: [{ url: server }] },
    paths: { '/x': { get: { operationId: 'x', responses: {} } } },
  })
  for (const server of [
    'http://169.254.169.254',
    'https://10.0.0.1',
    'https://localhost',
    'file:///',
  ]) {
    const body = { slug: 'imported', price: { model: 'free' }, document: document(server) }
    const { status, json } = await world.rest('POST', '/v1/listings/import', buyer.key, body)
    expect([status, json.code], server).toEqual([400, 'invalid_request'])
  }
  expect(inside.requests).toEqual([])
  await inside.close()
})

test('nobody but the operator makes the gateway start a program or speak to its own network', async () => {
  const stdio = { name: 'mine', transport: 'stdio', command: 'sh', args: ['-c', 'id'] }
  const inward = { name: 'mine', transport: 'streamable_http', url: world.upstream.baseUrl }
  for (const body of [stdio, inward]) {
    const mine = await world.rest('POST', '/v1/admin/mcp-servers', buyer.key, body)
    expect([mine.status, mine.json.code]).toEqual([403, 'forbidden'])
    const nobody = await world.rest('POST', '/v1/admin/mcp-servers', undefined, body)
    expect(nobody.status).toBe(401)
  }
  const relay = { name: 'x', type: 'mcp', endpoint: 'x', configuration: { relay: 'headers' } }
  const refused = await world.rest('POST', '/v1/gateways', buyer.key, relay)
  expect([refused.status, refused.json.code]).toEqual([403, 'forbidden'])
})

test('nothing is empty in silence: a gateway whose tools are all gone still lists, and says so', async () => {
  const client = await clientOf({ url, apiKey: buyer.key })
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['cheap', 'dear'])
  await client.close()
  const none = await world.rest('POST', '/v1/keys', buyer.key, {
    ...{ name: 'none', scopes: ['call'], allow: { listings: [] } },
  })
  const rpc = rpcAt(world, path, String(none.json.api_key))
  expect(namesIn((await rpc('tools/list')).result)).toEqual([])
  expect((await rpc('tools/call', { name: 'cheap', arguments: args })).error.code).toBe(-32_602)
})
