/**
 * The pages `almyty-mcp-gateway.txt`, `ai-gateway-endpoint-as-tool.txt` and `proxygate.txt`, in their
 * order, with our hosts, accounts and keys. REST has the prefix /v1 here; what the second page does by
 * hand in a browser (expose, take back) is the gateway's `configuration.tools`, its token of scope
 * `mcp` is a key of scope `call`, and its `/api/<UUID>/mcp` is the gateway's address.
 */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aBrowser } from '../support/a-browser.js'
import { aMcpServer } from '../support/an-mcp-server.js'
import { anOAuthClient, aPerson, connect } from '../support/an-oauth-client.js'
import { aSocket, type ClientConfig, clientOf, namesIn, rpcAt } from '../support/mcp-clients.js'
import {
  answerJson,
  aWorld,
  type Json,
  OPERATOR_KEY,
  type Party,
  type World,
} from '../support/world.js'

const USERS = { users: [{ id: 1, name: 'Ada' }], page: 1 }

let world: World
let acme: Party
let url: string

beforeAll(async () => {
  world = await aWorld()
  acme = await world.account('Acme', '1')
})
beforeEach(() => world.upstream.answerWith(answerJson(200, USERS)))
afterAll(() => world.close())

describe('the page of the MCP gateway', () => {
  const getUsers = {
    name: 'get_users',
    description: 'Retrieve a list of users with pagination',
    inputSchema: {
      type: 'object',
      properties: {
        page: { type: 'integer', description: 'Page number' },
        limit: { type: 'integer', description: 'Items per page' },
      },
      required: [],
    },
  }
  const params = { name: 'get_users', arguments: { page: 1, limit: 10 } }

  beforeAll(async () => {
    const { inputSchema: input_schema, ...tool } = getUsers
    const handler_url = `${world.upstream.baseUrl}/users`
    const made = await world.rest('POST', '/v1/mcp/tools', acme.key, {
      ...{ ...tool, input_schema, handler_url },
    })
    expect(made.status, made.text).toBe(201)
    const { status, json } = await world.rest('POST', '/v1/gateways', acme.key, {
      name: 'My MCP Gateway',
      type: 'mcp',
      endpoint: '/my-tools',
      configuration: { transport: 'http' },
    })
    expect([status, json.endpoint]).toEqual([201, '/my-tools'])
    url = String(json.url)
  })

  test('is at /mcp/{org-slug}{endpoint}', () => {
    expect(url).toBe(`${world.url}/mcp/${acme.slug}/my-tools`)
  })

  test.each<[string, () => Omit<ClientConfig, 'url'>]>([
    ['Claude Desktop', () => ({ headers: { Authorization: `Bearer ${acme.key}` } })],
    ['Cursor', () => ({ apiKey: acme.key })],
  ])('serves the block of %s', async (_client, how) => {
    const client = await clientOf({ url, ...how() })
    expect((await client.listTools()).tools).toMatchObject([getUsers])
    expect((await client.callTool(params)).structuredContent).toEqual(USERS)
    await client.close()
  })

  test('serves the custom client, which has neither a session nor an Accept header', async () => {
    const rpc = rpcAt(world, url, acme.key)
    const [tool] = (await rpc('tools/list')).result.tools as Json[]
    expect(tool).toMatchObject(getUsers)
    expect(tool!.inputSchema).toEqual(getUsers.inputSchema)
    const { json } = await rpc('tools/call', params)
    expect(json).toMatchObject({ jsonrpc: '2.0', id: 2 })
    expect((json.result as Json).content).toEqual([{ type: 'text', text: JSON.stringify(USERS) }])
  })

  test('serves SSE and WebSocket beside POST', async () => {
    const sse = await clientOf({ url: `${url}/sse`, transport: 'sse', apiKey: acme.key })
    expect((await sse.callTool(params)).structuredContent).toEqual(USERS)
    await sse.close()
    const socket = await aSocket(`${url}/ws`, { authorization: `Bearer ${acme.key}` })
    expect(await socket.ask({ id: 1, method: 'tools/list' })).toMatchObject({
      result: { tools: [getUsers] },
    })
    const called = await socket.ask({ id: 2, method: 'tools/call', params })
    expect(called).toMatchObject({ result: { structuredContent: USERS } })
    socket.close()
  })

  test('leads a client without a key to its authorization server, and takes its token', async () => {
    const refused = await rpcAt(world, url, undefined)('tools/list')
    expect(refused.status).toBe(401)
    const [, metadata] = /resource_metadata="([^"]+)"/.exec(
      refused.headers.get('www-authenticate') ?? '',
    )!
    const resource = (await (await fetch(metadata!)).json()) as Json
    expect(resource).toMatchObject({ resource: url, authorization_servers: [world.url] })
    const discovered = await fetch(`${url}/.well-known/oauth-authorization-server`)
    expect(await discovered.json()).toMatchObject({
      ...{ issuer: world.url, code_challenge_methods_supported: ['S256'] },
    })
    await aPerson(world, acme.key, 'acme@example.com')
    const client = await anOAuthClient(world)
    const tokens = await connect(client, aBrowser(world.url), 'acme@example.com', { resource: url })
    const allowed = await clientOf({ url, apiKey: tokens.access_token })
    expect((await allowed.callTool(params)).structuredContent).toEqual(USERS)
    await allowed.close()
  })

  test('answers errors in the format and with the codes of the page', async () => {
    const post = (body: string) => world.rest('POST', new URL(url).pathname, acme.key, body)
    const codeOf = async (body: string) => {
      const { json } = await post(body)
      expect(json).toMatchObject({ jsonrpc: '2.0', error: { message: expect.any(String) } })
      return (json.error as Json).code
    }
    const message = (method: string, more: Json) =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method, ...more })
    expect(await codeOf('{"jsonrpc":"2.0",')).toBe(-32_700)
    expect(await codeOf('{"jsonrpc":"2.0","id":1}')).toBe(-32_600)
    expect(await codeOf('{"method":"tools/list","id":1}')).toBe(-32_600)
    expect(await codeOf(message('tools/steal', {}))).toBe(-32_601)
    expect(await codeOf(message('tools/call', { params: { ...params, name: 'none' } }))).toBe(
      -32_602,
    )
    expect(await codeOf(message('tools/call', { params: { arguments: {} } }))).toBe(-32_602)
    expect(await codeOf(message('tools/call', { params: await aFailingTool() }))).toBe(-32_603)
  })

  /** A tool of an MCP server that has an internal error, added to the gateway. */
  async function aFailingTool(): Promise<Json> {
    const server = await aMcpServer({
      run: () => {
        throw new Error('It broke.')
      },
    })
    world.started.gateway.deps.upstreams.allowHost(server.hostPort)
    const made = await world.rest('POST', '/v1/admin/mcp-servers', OPERATOR_KEY, {
      ...{ name: 'failing', transport: 'streamable_http', url: server.url },
    })
    expect(made.json.tool_count, made.text).toBe(1)
    const { json } = await world.rest('GET', '/v1/gateways', acme.key)
    const { id } = (json.gateways as Json[]).find((gateway) => gateway.endpoint === '/my-tools')!
    const configuration = { tools: ['mcp-failing.echo'] }
    await world.rest('PATCH', `/v1/gateways/${id}`, acme.key, { configuration })
    return { name: 'echo', arguments: { text: 'x' } }
  }
})

describe('the recipe of an endpoint as a tool', () => {
  const summary =
    'User reports dashboard slowness at peak. Investigation suggests a database query issue.'
  const input_schema = {
    type: 'object',
    properties: {
      ticket_text: {
        type: 'string',
        description: 'The full text of the customer support ticket to summarise.',
      },
      max_sentences: {
        type: 'integer',
        description: 'Maximum length of the summary (default 3).',
        minimum: 1,
        maximum: 10,
      },
    },
    required: ['ticket_text'],
  }
  const params = {
    name: 'summarize-ticket',
    arguments: {
      ticket_text: 'User reports the dashboard is slow during peak hours...',
      max_sentences: 3,
    },
  }
  let gateway: { id: string; url: string }
  let token: string
  let exposed: string[]

  beforeEach(() =>
    world.upstream.answerWith((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' }).end(summary)
    }),
  )

  beforeAll(async () => {
    const endpoint = (slug: string) => ({
      ...{ slug, title: slug, description: 'Summarise a customer support ticket in 3 sentences.' },
      ...{ method: 'POST', path: `/${slug}`, input_schema, price: { model: 'free' } },
    })
    const { slug } = await world.listing(acme, {
      listing: { endpoints: [endpoint('summarize-ticket'), endpoint('classify-priority')] },
    })
    exposed = [`${slug}.summarize-ticket`, `${slug}.classify-priority`]
    const made = await world.rest('POST', '/v1/gateways', acme.key, {
      ...{ name: 'Tickets', type: 'mcp', endpoint: 'tickets', configuration: { tools: exposed } },
    })
    gateway = made.json as typeof gateway
    const key = await world.rest('POST', '/v1/keys', acme.key, {
      ...{ name: 'MCP Agent', scopes: ['call'] },
    })
    token = String(key.json.api_key)
  })

  test('is discovered by its slug, with exactly the schema that was pasted', async () => {
    const { result } = await rpcAt(world, gateway.url, token)('tools/list')
    const [tool] = result.tools as Json[]
    expect(tool).toMatchObject({
      name: 'summarize-ticket',
      description: 'Summarise a customer support ticket in 3 sentences.',
    })
    expect(tool!.inputSchema).toEqual(input_schema)
    // The agent sees the union of what is exposed.
    expect(namesIn(result)).toEqual(['summarize-ticket', 'classify-priority'])
  })

  test('is called, and its text comes in a content block', async () => {
    const { result } = await rpcAt(world, gateway.url, token)('tools/call', params)
    const { content, isError } = result
    expect({ content, isError }).toEqual({
      content: [{ type: 'text', text: summary }],
      isError: false,
    })
  })

  test('is used by the client block of the page', async () => {
    const client = await clientOf({ url: gateway.url, auth: { type: 'bearer', token } })
    const { content } = await client.callTool(params)
    expect(content).toEqual([{ type: 'text', text: summary }])
    await client.close()
  })

  test('goes through the same protections as a direct call', async () => {
    const wrong = { ...params.arguments, max_sentences: 11 }
    const order = { endpoint_id: exposed[0], arguments: wrong }
    const direct = await world.rest('POST', '/v1/calls', token, order)
    const rpc = rpcAt(world, gateway.url, token)
    const { result } = await rpc('tools/call', { ...params, arguments: wrong })
    const said = (json: Json) => [json.code, json.message, json.errors]
    expect(said(result.structuredContent as Json)).toEqual(said(direct.json))
    expect(direct.json.code).toBe('invalid_arguments')
  })

  test('that is taken back is not listed, and its call is -32602 Unknown tool', async () => {
    const configuration = { tools: exposed.slice(1) }
    await world.rest('PATCH', `/v1/gateways/${gateway.id}`, acme.key, { configuration })
    const rpc = rpcAt(world, gateway.url, token)
    expect(namesIn((await rpc('tools/list')).result)).toEqual(['classify-priority'])
    const { error } = await rpc('tools/call', params)
    expect([error.code, error.message]).toEqual([-32_602, 'Unknown tool: summarize-ticket'])
  })
})

describe('the page of the metered gateway', () => {
  // What each tool answers in full: buy.journey. Ratings and limits: sell.journey, limits.journey.
  test('one connection searches, inspects, prices, calls, and gets body, amount and receipt', async () => {
    const seller = await world.account('Seller')
    const { endpointId } = await world.listing(seller, {
      endpoint: { title: 'Zeppelin timetables', description: 'Departures of airships.' },
    })
    const client = await clientOf({ url: `${world.url}/mcp`, apiKey: acme.key })
    const call = async (name: string, args: Json) =>
      (await client.callTool({ name, arguments: args })).structuredContent as Json
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      ...['browse_apis', 'describe_endpoint', 'get_pricing', 'check_balance', 'call_api'],
      ...['get_usage', 'rate_seller'],
    ])
    const { results } = await call('browse_apis', { query: 'zeppelin departures' })
    expect((results as Json[])[0]).toMatchObject({ endpoint_id: endpointId })
    const described = await call('describe_endpoint', { endpoint_id: endpointId })
    expect(described.input_schema).toMatchObject({ required: ['space', 'q'] })
    const order = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
    const priced = await call('get_pricing', order)
    expect(JSON.stringify(priced)).toContain('0.00105')
    const before = await call('check_balance', {})
    const bought = await call('call_api', order)
    expect(bought).toMatchObject({
      ...{ outcome: 'charged', body: USERS },
      charge: { amount: '0.001', fee: '0.00005', total: '0.00105' },
    })
    const after = await call('check_balance', {})
    expect(Number(before.available) - Number(after.available)).toBeCloseTo(0.00105, 9)
    const keys = createRemoteJWKSet(new URL(`${world.url}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(String(bought.receipt), keys)
    expect(JSON.stringify(payload)).toContain(String(bought.call_id))
    const usage = await call('get_usage', {})
    expect((usage.calls as Json[])[0]).toMatchObject({ call_id: bought.call_id })
    const rated = await call('rate_seller', { call_id: bought.call_id, score: 5 })
    expect(rated, JSON.stringify(rated)).not.toHaveProperty('code')
    await client.close()
    expect(world.upstream.requests.at(-1)!.headers).toMatchObject({
      'x-api-key': 'upstream-secret-4711',
    })
  })
})
