/**
 * The operator's MCP servers: registered, tried and changed as the seed shows it, their secrets never
 * seen again.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { aMcpServer, echoTool, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { OPERATOR_KEY } from '../support/world.js'

const HEADER_SECRET = 'header-secret-90210-mcp'
const BEARER_SECRET = 'bearer-secret-31337-mcp'
const PATH = '/v1/admin/mcp-servers'

let operator: AnOperator

beforeAll(async () => {
  operator = await anOperator()
})
afterAll(() => operator.close())
beforeEach(() => operator.calm())

describe('a server over HTTP', () => {
  test('is registered by the curl of the seed, and its tools are there with it', async () => {
    const { id, name, json } = await operator.register({
      headers: { Authorization: `Bearer ${HEADER_SECRET}`, 'X-API-Version': '2024-01-01' },
    })
    expect(json).toMatchObject({
      ...{
        name,
        transport: 'streamable_http',
        source: 'api',
        url: operator.upstream.url,
        enabled: true,
      },
      ...{ header_names: ['Authorization', 'X-API-Version'], tool_count: 1, discovery_error: null },
      ...{ default_price: { model: 'free' }, visibility: 'public', category: 'tools' },
    })
    const listed = await operator.admin('GET', '')
    expect(listed.json.servers).toContainEqual(expect.objectContaining({ id, name }))
    const { tools, refused } = await operator.toolsOf(id)
    expect(refused).toEqual([])
    expect(tools).toMatchObject([
      {
        ...{
          name: 'echo',
          tool_name: `${name}__echo`,
          endpoint_id: `mcp-${name}.echo`,
          version: 1,
        },
        ...{
          description: 'Says what it is told.',
          definition_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      },
    ])
    const last = operator.upstream.requests.findLast(({ method }) => method === 'tools/list')!
    expect(last.headers).toMatchObject({
      authorization: `Bearer ${HEADER_SECRET}`,
      'x-api-version': '2024-01-01',
    })
    await eventually(async () => {
      const { json: read } = await operator.admin('GET', `/${id}`)
      expect(read.connection).toMatchObject({ status: 'connected', error: null })
    })
  })

  test('is tested as the seed shows it, always with 200', async () => {
    const { id } = await operator.register()
    const { status, json } = await operator.admin('POST', `/${id}/test`)
    expect(status).toBe(200)
    expect(json).toEqual({
      success: true,
      tool_count: 1,
      tools: [{ name: 'echo', description: 'Says what it is told.' }],
      error: null,
      error_code: null,
    })
  })

  test.each([
    [
      'connection_error',
      async () => {
        const gone = await aMcpServer()
        allow(operator.world, gone)
        await gone.close()
        return { url: gone.url }
      },
    ],
    [
      'auth_error',
      async () => {
        const closed = await aMcpServer({ token: () => 'what nobody knows' })
        allow(operator.world, closed)
        return { url: closed.url, credentials: { bearer_token: BEARER_SECRET } }
      },
    ],
    [
      'timeout',
      async () => {
        const silent = await aMcpServer({ handle: () => 'silence' })
        allow(operator.world, silent)
        return { url: silent.url, connection_timeout_ms: 200 }
      },
    ],
    [
      'config_error',
      async () => ({ url: operator.upstream.url, headers: { 'Mcp-Session-Id': 'mine' } }),
    ],
  ])('that fails is registered, keeps the reason, and its test says %s', async (code, changes) => {
    const { id, json } = await operator.register(await changes())
    expect(json).toMatchObject({ tool_count: 0, discovery_error: expect.any(String) })
    const tested = await operator.admin('POST', `/${id}/test`)
    expect(tested.status).toBe(200)
    expect(tested.json).toEqual({
      ...{ success: false, tool_count: 0, tools: [] },
      ...{ error: expect.any(String), error_code: code },
    })
    const refreshed = await operator.admin('POST', `/${id}/refresh`)
    expect(refreshed.status, refreshed.text).toBeGreaterThanOrEqual(400)
    expect(refreshed.json).toMatchObject({ error_code: code })
    expect((await operator.admin('DELETE', `/${id}`)).status).toBe(204)
  })
})

describe('the operator', () => {
  test('changes a server: secrets stay unless they are said, null takes them away', async () => {
    const { id } = await operator.register({
      headers: { 'X-Secret': HEADER_SECRET },
      description: 'One',
    })
    const kept = await operator.admin('PUT', `/${id}`, { description: 'Two' })
    expect(kept.json).toMatchObject({ description: 'Two', header_names: ['X-Secret'] })
    const credentials = { api_key: BEARER_SECRET, api_key_header: 'X-Api-Key' }
    const more = await operator.admin('PUT', `/${id}`, { headers: null, credentials })
    expect(more.json).toMatchObject({
      ...{ header_names: [], credential_type: 'api_key' },
      credential_keys: ['api_key', 'api_key_header'],
    })
    await operator.admin('POST', `/${id}/refresh`)
    expect(operator.upstream.requests.at(-1)!.headers).toMatchObject({ 'x-api-key': BEARER_SECRET })
    expect(operator.upstream.requests.at(-1)!.headers).not.toHaveProperty('x-secret')
    const elsewhere = await operator.admin('PUT', `/${id}`, { url: 'https://example.com/mcp' })
    expect(elsewhere.json).toMatchObject({ code: 'invalid_request' })
    expect(elsewhere.text).toContain('another host')
  })

  test('hides, switches off and removes a server, and its tools with it', async () => {
    const { id, name } = await operator.register()
    const endpoint_id = `mcp-${name}.echo`
    await operator.admin('PUT', `/${id}`, { visibility: 'private' })
    expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(404)
    await operator.admin('PUT', `/${id}`, { visibility: null })
    expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(200)
    const off = await operator.admin('PUT', `/${id}`, { enabled: false })
    expect(off.json).toMatchObject({ enabled: false, connection: { status: 'off' } })
    expect((await operator.buy(endpoint_id, { text: 'x' })).json).toMatchObject({
      code: 'listing_changed',
    })
    await operator.admin('PUT', `/${id}`, { enabled: true })
    expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(200)
    expect((await operator.admin('DELETE', `/${id}`)).status).toBe(204)
    expect((await operator.admin('GET', `/${id}`)).json).toMatchObject({ code: 'not_found' })
    expect((await operator.buy(endpoint_id, { text: 'x' })).json).toMatchObject({
      code: 'listing_changed',
    })
    const again = await operator.admin('POST', '', {
      name,
      transport: 'streamable_http',
      url: operator.upstream.url,
    })
    expect(again.status).toBe(201)
    expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(200)
  })

  test('chooses which tools are sold, and what their names begin with', async () => {
    operator.upstream.setTools(['a', 'b', 'c'].map((name) => ({ ...echoTool, name })))
    const { id } = await operator.register({
      tools: { include: ['a', 'b'], exclude: ['b'] },
      prefix: 'mine',
    })
    expect((await operator.toolsOf(id)).tools.map(({ tool_name }) => tool_name)).toEqual([
      'mine__a',
    ])
    await operator.admin('PUT', `/${id}`, { tools: null, prefix: null })
    expect((await operator.toolsOf(id)).tools).toHaveLength(3)
  })

  test.each([
    ['another name twice', { name: 'tools-1' }, 409, 'slug_taken'],
    ['the same name written differently', { name: 'tools_1' }, 409, 'slug_taken'],
    ['a name with a dot', { name: 'my.tools' }, 400, 'invalid_request'],
    ['a name with two underscores', { name: 'my__tools' }, 400, 'invalid_request'],
    ['a name of 33 characters', { name: 'n'.repeat(33) }, 400, 'invalid_request'],
    ['no address', { url: undefined }, 400, 'invalid_request'],
    ['a private address', { url: 'http://127.0.0.1:1/mcp' }, 400, 'invalid_request'],
    ['a password in the address', { url: 'https://a:b@example.com/mcp' }, 400, 'invalid_request'],
    ['sampling', { sampling: true }, 400, 'invalid_request'],
    ['a program', { transport: 'stdio', url: undefined, command: 'python' }, 403, 'forbidden'],
    ['both an address and a program', { command: 'python' }, 400, 'invalid_request'],
    ['a short secret', { credentials: { bearer_token: 'short' } }, 400, 'invalid_request'],
    ['a price that is a number', { default_price: 0.1 }, 400, 'invalid_request'],
  ])('is refused %s', async (_what, changes, status, code) => {
    const body = {
      name: 'fresh',
      transport: 'streamable_http',
      url: operator.upstream.url,
      ...changes,
    }
    const answer = await operator.admin('POST', '', body)
    expect(answer.status, answer.text).toBe(status)
    expect(answer.json).toMatchObject({ code, action: expect.any(String) })
  })

  test('alone may: everybody else gets the same refusal, whether or not there is such a server', async () => {
    const { id } = await operator.register()
    const attempts = [
      ['GET', ''],
      ['POST', ''],
      ...[id, 'srv_none'].flatMap((one) => [
        ['GET', `/${one}`],
        ['PUT', `/${one}`],
        ['DELETE', `/${one}`],
        ['POST', `/${one}/test`],
        ['POST', `/${one}/refresh`],
        ['GET', `/${one}/tools`],
      ]),
    ] as const
    for (const [method, path] of attempts) {
      expect(
        (await operator.world.rest(method, PATH + path, operator.buyer.key)).json,
      ).toMatchObject({
        code: 'forbidden',
      })
      expect((await operator.world.rest(method, PATH + path, undefined)).status).toBe(401)
    }
    expect((await operator.admin('GET', '/srv_none')).status).toBe(404)
  })

  test('keeps the slugs of servers: no seller can take one', async () => {
    const seller = await operator.world.account('Squatter')
    const answer = await operator.world.rest('POST', '/v1/listings', seller.key, {
      ...{ slug: 'mcp-next', title: 'x', description: 'x', category: 'tools' },
      backend: { type: 'http', base_url: operator.world.upstream.baseUrl },
      endpoints: [
        {
          ...{ slug: 'a', title: 'A', description: 'A', method: 'GET', path: '/' },
          ...{ input_schema: { type: 'object' }, price: { model: 'free' } },
        },
      ],
    })
    expect(answer.json).toMatchObject({ code: 'slug_taken' })
  })

  test('finds each change in the audit, without a secret', async () => {
    const { id } = await operator.register({ headers: { 'X-Secret': HEADER_SECRET } })
    await operator.admin('PUT', `/${id}`, { description: 'Two' })
    await operator.admin('DELETE', `/${id}`)
    const entries = await operator.world.started.gateway.deps.audit.list({
      after: 0,
      limit: 10_000,
    })
    const acts = entries.filter(({ target }) => target === id).map(({ act }) => act)
    expect(acts).toEqual(['mcp_server.create', 'mcp_server.update', 'mcp_server.delete'])
    expect(JSON.stringify(entries)).not.toContain(HEADER_SECRET)
  })

  test('sees in the metrics which servers are up', async () => {
    const { name } = await operator.register()
    await eventually(async () => {
      const { text } = await operator.world.rest('GET', '/metrics', undefined)
      expect(text).toContain(`souk_mcp_server_up{server="${name}"} 1`)
    })
  })
})

test('no answer and no file of the gateway ever holds a secret of a server', async () => {
  const secrets = [HEADER_SECRET, BEARER_SECRET, 'client-secret-4242-mcp', 'query-secret-77']
  const { id, name } = await operator.register({
    url: `${operator.upstream.url}?key=query-secret-77`,
    headers: { 'X-Secret': HEADER_SECRET },
    credentials: { bearer_token: BEARER_SECRET },
  })
  await operator.register({
    credentials: {
      ...{
        auth_type: 'oauth2_client_credentials',
        token_url: `${operator.world.upstream.baseUrl}/token`,
      },
      ...{ client_id: 'me', client_secret: 'client-secret-4242-mcp', scopes: ['read'] },
    },
  })
  // A server that shows what it was sent shows it to nobody.
  operator.runWith((call) => said(JSON.stringify(call.headers)))
  const answers = [
    await operator.admin('GET', ''),
    await operator.admin('GET', `/${id}`),
    await operator.admin('POST', `/${id}/test`),
    await operator.admin('POST', `/${id}/refresh`),
    await operator.admin('GET', `/${id}/tools`),
    await operator.admin('PUT', `/${id}`, { description: 'x' }),
    await operator.buy(`mcp-${name}.echo`, { text: 'x' }),
    await operator.world.rest('GET', `/v1/endpoints/mcp-${name}.echo`, operator.buyer.key),
    await operator.world.rest('GET', '/v1/operator/flags', OPERATOR_KEY),
  ]
  const folder = readdirSync(operator.world.dataDir, { recursive: true, withFileTypes: true })
  const files = folder
    .filter((entry) => entry.isFile() && entry.name.startsWith('souk.db'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  // On PostgreSQL there is none to look into.
  expect(files.length > 0).toBe(inject('database') === 'sqlite')
  for (const secret of secrets) {
    for (const { text } of answers) expect(text).not.toContain(secret)
    for (const file of files) expect(file.includes(secret)).toBe(false)
  }
})

test('a restart of the gateway finds its servers as they were', async () => {
  const secret = 'header-secret-before-the-restart'
  const { id, name } = await operator.register({ headers: { 'X-Secret': secret } })
  await operator.world.restart()
  operator.upstream.requests.length = 0
  allow(operator.world, operator.upstream)
  await eventually(async () => {
    const answer = await operator.buy(`mcp-${name}.echo`, { text: 'still here' })
    expect(answer.json).toMatchObject({ body: said('still here') })
  })
  const sent = operator.upstream.requests.map(({ headers }) => headers['x-secret'])
  expect(sent).toContain(secret)
  expect((await operator.admin('GET', `/${id}`)).json).toMatchObject({ header_names: ['X-Secret'] })
})
