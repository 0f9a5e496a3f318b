import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aWorld, type Json, type Party, type World } from '../../test/support/world.js'
import { toolList } from './tools/tools.js'

let world: World
let buyer: Party
let seller: Party
let endpointId: string

beforeAll(async () => {
  world = await aWorld({ SOUK_PUBLIC_BROWSE: 'on' })
  buyer = await world.account('Ada', '1')
  seller = await world.account('Acme')
  endpointId = (await world.listing(seller, { slug: 'wiki' })).endpointId
})

afterAll(() => world.close())

const accept = { accept: 'application/json, text/event-stream' }

const post = (key: string | undefined, message: unknown, headers: Record<string, string> = {}) =>
  world.rest('POST', '/mcp', key, message, { ...accept, ...headers })

const rpc = (method: string, params: Json = {}) => ({ jsonrpc: '2.0', id: 1, method, params })

const initialize = (protocolVersion = '2025-06-18') =>
  rpc('initialize', {
    protocolVersion,
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })

async function aSession(key: string | undefined): Promise<string> {
  const { headers } = await post(key, initialize())
  return headers.get('mcp-session-id')!
}

async function callTool(key: string | undefined, name: string, args: Json = {}) {
  const { json } = await post(key, rpc('tools/call', { name, arguments: args }))
  return json.result as { content: Json[]; structuredContent: Json; isError?: boolean }
}

const order = () => ({ endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } })

describe('a session', () => {
  test.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
    'is begun by initialize, in the version %s that the client asked for',
    async (version) => {
      const { json, headers } = await post(buyer.key, initialize(version))
      expect(json.result).toMatchObject({
        protocolVersion: version,
        serverInfo: { name: 'souk' },
        capabilities: { tools: {} },
        instructions: expect.stringContaining('browse_apis'),
      })
      expect(headers.get('mcp-session-id')).toBeTruthy()
    },
  )

  test('carries requests of the key that began it', async () => {
    const id = await aSession(buyer.key)
    const { status, json } = await post(buyer.key, rpc('tools/list'), { 'mcp-session-id': id })
    expect(status).toBe(200)
    expect((json.result as { tools: Json[] }).tools).toHaveLength(7)
  })

  test('is 404 for another key, for no key, and where it is forged: begin a new one', async () => {
    const id = await aSession(buyer.key)
    const attempts: [string | undefined, string][] = [
      [seller.key, id],
      [undefined, id],
      [buyer.key, `${id}x`],
      [buyer.key, 'guessed'],
    ]
    for (const [key, session] of attempts) {
      const { status, json } = await post(key, rpc('tools/list'), { 'mcp-session-id': session })
      expect({ status, error: json.error }).toMatchObject({
        status: 404,
        error: { data: { code: 'not_found' } },
      })
    }
  })

  test('survives the rotation of its key, since the id of the key stays', async () => {
    const made = await world.rest('POST', '/v1/keys', buyer.key, { name: 'r', scopes: ['call'] })
    const { id: keyId, api_key } = made.json as { id: string; api_key: string }
    const session = await aSession(api_key)
    const rotated = await world.rest('POST', `/v1/keys/${keyId}/rotate`, buyer.key)
    const header = { 'mcp-session-id': session }
    const after = await post(rotated.json.api_key as string, rpc('tools/list'), header)
    expect(after.status).toBe(200)
    expect((await post(api_key, rpc('tools/list'), header)).status).toBe(401)
  })

  test('ends by DELETE, once, and only for its own key', async () => {
    const id = await aSession(buyer.key)
    const end = (key: string) =>
      world.rest('DELETE', '/mcp', key, undefined, { 'mcp-session-id': id })
    expect((await end(seller.key)).status).toBe(404)
    expect((await end(buyer.key)).status).toBe(200)
    expect((await end(buyer.key)).status).toBe(404)
    const { status } = await post(buyer.key, rpc('tools/list'), { 'mcp-session-id': id })
    expect(status).toBe(404)
  })

  test('is not needed: one request alone is answered, too', async () => {
    const { status, headers } = await post(buyer.key, rpc('tools/list'))
    expect({ status, session: headers.get('mcp-session-id') }).toEqual({
      status: 200,
      session: null,
    })
  })
})

describe('the address', () => {
  test.each(['GET', 'PUT', 'PATCH'])('answers %s with 405 and what it allows', async (method) => {
    const { status, headers } = await world.rest(method, '/mcp', buyer.key)
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'POST, DELETE' })
  })

  test('refuses a wrong key although looking is public', async () => {
    for (const key of ['souk_test_wrong', 'wrong']) {
      const { status, headers, json } = await post(key, rpc('tools/list'))
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="souk", error="invalid_token"/)
      expect(json).toMatchObject({ jsonrpc: '2.0', error: { data: { code: 'unauthenticated' } } })
    }
  })

  test('answers notifications with 202 and nothing', async () => {
    const { status, text } = await post(buyer.key, {
      jsonrpc: '2.0',
      method: 'notifications/initialized',
    })
    expect({ status, text }).toEqual({ status: 202, text: '' })
  })

  test('answers a method that it does not know with the protocol’s own error', async () => {
    const { json } = await post(buyer.key, rpc('resources/list'))
    expect(json).toMatchObject({ id: 1, error: { code: -32601 } })
  })
})

describe('the list of tools', () => {
  test('is the seven of the contract', () => {
    expect(toolList.map(({ name }) => name).toSorted()).toEqual([
      'browse_apis',
      'call_api',
      'check_balance',
      'describe_endpoint',
      'get_pricing',
      'get_usage',
      'rate_seller',
    ])
  })

  test('gives each an output schema that a refusal fits: an object, nothing required', () => {
    for (const { name, outputSchema } of toolList) {
      expect(outputSchema, name).toMatchObject({
        type: 'object',
        properties: {
          code: { type: 'string' },
          message: { type: 'string' },
          action: { type: 'string' },
        },
      })
      expect(outputSchema, name).not.toHaveProperty('required')
    }
  })

  test('says honestly which tools spend or change something', () => {
    const changing = toolList.filter(({ annotations }) => annotations!.readOnlyHint === false)
    expect(changing.map(({ name }) => name)).toEqual(['call_api', 'rate_seller'])
    const risky = toolList.filter(({ annotations }) => annotations!.destructiveHint === true)
    expect(risky.map(({ name }) => name)).toEqual(['call_api'])
  })
})

describe('a result', () => {
  test('has the same JSON as structured content and as text', async () => {
    const calls: [string, Json][] = [
      ['browse_apis', { query: 'wiki' }],
      ['describe_endpoint', { endpoint_id: endpointId }],
      ['get_pricing', order()],
      ['check_balance', {}],
      ['call_api', order()],
      ['get_usage', {}],
    ]
    for (const [name, args] of calls) {
      const { content, structuredContent, isError } = await callTool(buyer.key, name, args)
      expect(isError, name).toBeUndefined()
      expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }])
    }
  })

  test.each<[string, string, Json, string]>([
    ['an unknown endpoint', 'describe_endpoint', { endpoint_id: 'no.where' }, 'endpoint_not_found'],
    [
      'a missing argument',
      'call_api',
      { endpoint_id: 'wiki.search', arguments: {} },
      'invalid_arguments',
    ],
    ['an unknown field', 'browse_apis', { queri: 'tea' }, 'invalid_request'],
    ['a page longer than a model reads', 'browse_apis', { limit: 21 }, 'invalid_request'],
    [
      'a price above the limit',
      'call_api',
      { endpoint_id: 'wiki.search', arguments: { space: 'a', q: 'b' }, max_price: '0.001' },
      'price_exceeds_max',
    ],
    ['an unknown tool', 'transfer_everything', {}, 'invalid_request'],
  ])('for %s is an error with code, message and action', async (_, name, args, code) => {
    const { content, structuredContent, isError } = await callTool(buyer.key, name, args)
    expect(isError).toBe(true)
    expect(structuredContent).toMatchObject({
      code,
      message: expect.stringMatching(/\.$/),
      action: expect.stringMatching(/\.$/),
    })
    expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }])
  })

  test('for an unknown tool repeats no more than a part of its name', async () => {
    const { structuredContent } = await callTool(buyer.key, 'x'.repeat(5_000))
    expect((structuredContent.message as string).length).toBeLessThan(120)
  })

  test('for arguments that do not fit names each failing path', async () => {
    const { structuredContent } = await callTool(buyer.key, 'call_api', {
      endpoint_id: endpointId,
      arguments: { space: 5, tea: true },
    })
    expect((structuredContent.paths as Json[]).map(({ path }) => path).toSorted()).toEqual([
      '/q',
      '/space',
      '/tea',
    ])
  })
})

describe('with SOUK_PUBLIC_BROWSE=on, a client without a key', () => {
  test('initializes, lists the tools and looks', async () => {
    const session = await aSession(undefined)
    const list = await post(undefined, rpc('tools/list'), { 'mcp-session-id': session })
    expect(list.status).toBe(200)
    const found = await callTool(undefined, 'browse_apis', { query: 'wiki', seller: 'Acme' })
    expect(found.structuredContent).toMatchObject({ results: [{ endpoint_id: endpointId }] })
    const described = await callTool(undefined, 'describe_endpoint', { endpoint_id: endpointId })
    expect(described.structuredContent).toMatchObject({ endpoint_id: endpointId })
    const priced = await callTool(undefined, 'get_pricing', { endpoint_id: endpointId })
    expect(priced.structuredContent).toMatchObject({ price: { max_total: '0.00105' } })
  })

  test('looks through REST, too', async () => {
    for (const path of ['/v1/endpoints?query=wiki', `/v1/endpoints/${endpointId}`]) {
      expect((await world.rest('GET', path, undefined)).status).toBe(200)
    }
  })

  test.each<[string, () => Json]>([
    ['call_api', order],
    ['get_pricing', order],
    ['check_balance', () => ({})],
    ['get_usage', () => ({})],
    ['rate_seller', () => ({ call_id: 'call_01', score: 5 })],
  ])('is told by %s that it needs one, and nothing is sent', async (name, args) => {
    const sent = world.upstream.requests.length
    const { structuredContent, isError } = await callTool(undefined, name, args())
    expect({ isError, code: structuredContent.code }).toEqual({
      isError: true,
      code: 'unauthenticated',
    })
    expect(world.upstream.requests).toHaveLength(sent)
  })

  test('gets 401 from every route of REST but those for looking', async () => {
    const attempts: [string, string, Json?][] = [
      ['POST', '/v1/calls', order()],
      ['POST', '/v1/quotes', order()],
      ['GET', '/v1/usage'],
      ['GET', '/v1/balance'],
      ['GET', '/v1/listings'],
      ['POST', '/v1/keys', { name: 'k', scopes: ['call'] }],
    ]
    for (const [method, path, body] of attempts) {
      expect((await world.rest(method, path, undefined, body)).status, path).toBe(401)
    }
  })
})

describe('a plain tools/call', () => {
  // A parameter that the SDK ignores sends the same call through the SDK's server.
  const throughTheSdk = (params: Json) => ({ ...params, unknownToSouk: true })

  test.each([
    ['a result', 'browse_apis', { query: 'wiki' }],
    ['a refusal', 'describe_endpoint', { endpoint_id: 'no.such' }],
    ['arguments that do not fit', 'call_api', { endpoint_id: 7 }],
    ['a tool that is not there', 'no_tool', {}],
  ])('has the same answer as through the SDK: %s', async (_what, name, args) => {
    const params = { name, arguments: args }
    const plain = await post(buyer.key, rpc('tools/call', params))
    const full = await post(buyer.key, rpc('tools/call', throughTheSdk(params)))
    expect(plain.json).toEqual(full.json)
    expect(plain.status).toBe(full.status)
    expect(plain.headers.get('content-type')).toBe(full.headers.get('content-type'))
  })

  test.each([
    ['a result', 'browse_apis', { query: 'wiki' }],
    ['a refusal', 'describe_endpoint', { endpoint_id: 'no.such' }],
    ['a tool that is not there', 'no_tool', {}],
  ])('of a client of 2026-07-28 has the same answer, too: %s', async (_what, name, args) => {
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const params = { name, arguments: args, _meta: envelope }
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    }
    const plain = await post(buyer.key, rpc('tools/call', params), headers)
    const full = await post(buyer.key, rpc('tools/call', throughTheSdk(params)), headers)
    expect(plain.json).toEqual(full.json)
    expect(plain.status).toBe(full.status)
    expect(plain.headers.get('content-type')).toBe(full.headers.get('content-type'))
    expect(plain.headers.get('content-length')).not.toBe(full.headers.get('content-length'))
  })

  test('keeps its place in a batch, and its id whatever it is', async () => {
    const call = {
      jsonrpc: '2.0',
      id: 'a"b',
      method: 'tools/call',
      params: { name: 'check_balance' },
    }
    const { json } = await post(buyer.key, [rpc('ping'), call])
    const answers = json as unknown as { id: unknown; result: Json }[]
    expect(answers.map(({ id }) => id)).toEqual([1, 'a"b'])
    expect(answers[1]!.result.structuredContent).toMatchObject({ currency: 'USDC' })
  })
})
