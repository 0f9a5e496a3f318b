/**
 * The page `agent-gateway-mcp-servers.txt`, in its order. Its `python -m my_mcp_server` is a program of
 * ours, its hosts are on this machine, and where it assigns servers to agents, keys have lists here: a
 * list narrows its own key and leaves all others as they were. Shown elsewhere: all that the operator
 * can get wrong, and that no secret is told (mcp-servers.journey), the file and its priority
 * (mcp-server-sources.journey), Google's service accounts (src/upstreams).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createSouk } from '../../src/souk.js'
import { aMcpServer, echoTool, type McpServer, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { namesIn, rpcAt } from '../support/mcp-clients.js'
import { answerJson, type Json, OPERATOR_KEY } from '../support/world.js'

const program = fileURLToPath(new URL('../support/a-stdio-server.mjs', import.meta.url))
const MY_TOOLS = {
  name: 'my-tools',
  transport: 'stdio' as const,
  command: process.execPath,
  args: [program],
}

let operator: AnOperator
/** Answers with the headers of a call. */
let headerServer: McpServer

beforeAll(async () => {
  operator = await anOperator({ SOUK_STDIO: 'api' })
  headerServer = await aMcpServer({ run: ({ headers }) => said(JSON.stringify(headers)) })
  allow(operator.world, headerServer)
})
afterAll(async () => {
  await operator.close()
  await headerServer.close()
})
beforeEach(() => operator.calm())

describe('the quick start', () => {
  test('registers a program by the curl of the page, and its tools are named after it', async () => {
    const { status, json } = await operator.admin('POST', '', MY_TOOLS)
    expect(status).toBe(201)
    expect(json).toMatchObject({ name: 'my-tools', transport: 'stdio', args: [program] })
    const { tools } = await operator.toolsOf(String(json.id))
    expect(tools).toMatchObject([{ name: 'echo', tool_name: 'my-tools__echo' }])
    const rpc = rpcAt(operator.world, '/mcp/operator/tools', OPERATOR_KEY)
    expect(namesIn((await rpc('tools/list')).result)).toContain('my-tools__echo')
    const params = { name: 'my-tools__echo', arguments: { text: 'tea' } }
    expect((await rpc('tools/call', params)).result.content).toEqual(said('tea').content)
    expect((await operator.admin('DELETE', `/${json.id}`)).status).toBe(204)
  })

  test('does the same in code, where a code tool of the same name goes first', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'souk-seed-'))
    const souk = createSouk({
      ...{ PORT: '0', SOUK_DATA_DIR: folder, SOUK_OPERATOR_KEY: OPERATOR_KEY },
      ...{ SOUK_LOG_LEVEL: 'silent', SOUK_PROBES: 'off', SOUK_STDIO: 'file' },
    })
      .addMcpServer(MY_TOOLS)
      .addMcpServer({ ...MY_TOOLS, name: 'other', env: { NODE_ENV: 'production' } })
      .tool({
        name: 'other__echo',
        description: 'Echoes in code.',
        inputSchema: { type: 'object' },
        handler: () => 'from code',
      })
    const { url } = await souk.listen()
    const call = async (method: string, params: Json = {}) => {
      const headers = {
        authorization: `Bearer ${OPERATOR_KEY}`,
        'content-type': 'application/json',
      }
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const answer = await fetch(`${url}/mcp/operator/tools`, { method: 'POST', headers, body })
      return ((await answer.json()) as Json).result as Json
    }
    try {
      expect(namesIn(await call('tools/list')).sort()).toEqual(['my-tools__echo', 'other__echo'])
      const textOf = async (name: string) =>
        ((await call('tools/call', { name, arguments: { text: 'by pipe' } })).content as Json[])[0]
      expect(await textOf('my-tools__echo')).toMatchObject({ text: 'by pipe' })
      expect(await textOf('other__echo')).toMatchObject({ text: 'from code' })
    } finally {
      await souk.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('assigns a server to a key, which then sees and calls nothing else', async () => {
    const [one, two] = [await operator.register(), await operator.register()]
    const made = await operator.world.rest('POST', '/v1/keys', operator.buyer.key, {
      ...{ name: 'assistant', scopes: ['call', 'manage'], allow: { servers: [one.name] } },
    })
    const assistant = String(made.json.api_key)
    const configuration = { servers: [one.name, two.name] }
    const gateway = await operator.world.rest('POST', '/v1/gateways', operator.buyer.key, {
      ...{ name: 'Both', type: 'mcp', endpoint: 'both', configuration },
    })
    const namesFor = async (key: string) =>
      namesIn((await rpcAt(operator.world, String(gateway.json.url), key)('tools/list')).result)
    expect(await namesFor(operator.buyer.key)).toHaveLength(2)
    expect(await namesFor(assistant)).toHaveLength(1)
    const order = (name: string) => ({ endpoint_id: `mcp-${name}.echo`, arguments: { text: 'x' } })
    const buy = (name: string) =>
      operator.world.rest('POST', '/v1/calls', assistant, order(name)).then(({ status }) => status)
    expect([await buy(one.name), await buy(two.name)]).toEqual([200, 404])
  })
})

describe('a server over streamable_http', () => {
  const sentWith = async (changes: Json): Promise<Json> => {
    const { name } = await operator.register({ url: headerServer.url, ...changes })
    const { json } = await operator.buy(`mcp-${name}.echo`, { text: 'x' })
    expect(json.outcome, JSON.stringify(json)).toBe('free')
    return headerServer.calls.at(-1)!.headers as Json
  }

  test('is sent the headers of the page', async () => {
    const headers = { Authorization: 'Bearer sk-0123456789', 'X-API-Version': '2024-01-01' }
    expect(await sentWith({ headers })).toMatchObject({
      ...{ authorization: 'Bearer sk-0123456789', 'x-api-version': '2024-01-01' },
    })
  })

  test.each<[string, Json, Json]>([
    [
      'bearer_token',
      { bearer_token: 'bearer-0123456789' },
      { authorization: 'Bearer bearer-0123456789' },
    ],
    [
      'api_key and api_key_header',
      { api_key: 'key-0123456789', api_key_header: 'X-Api-Key' },
      { 'x-api-key': 'key-0123456789' },
    ],
  ])('is sent credentials of the legacy pattern %s', async (_pattern, credentials, headers) => {
    expect(await sentWith({ credentials })).toMatchObject(headers)
  })

  test('is let in by OAuth2 client credentials', async () => {
    operator.world.upstream.answerWith(
      answerJson(200, { access_token: 'tok-0123456789', token_type: 'Bearer', expires_in: 3600 }),
    )
    const credentials = {
      auth_type: 'oauth2_client_credentials',
      token_url: `${operator.world.upstream.baseUrl}/oauth2/token`,
      client_id: 'my-client-id',
      client_secret: 'my-client-secret',
      scopes: ['read', 'write'],
      extra_params: { audience: 'my-api' },
    }
    expect(await sentWith({ credentials })).toMatchObject({
      authorization: 'Bearer tok-0123456789',
    })
  })

  test('is given up after the timeouts of the page, here for one server', async () => {
    operator.runWith(() => undefined)
    const { json, name } = await operator.register({
      ...{ tool_call_timeout_ms: 200, connection_timeout_ms: 10_000 },
    })
    expect(json).toMatchObject({ tool_call_timeout_ms: 200, connection_timeout_ms: 10_000 })
    const slow = await operator.buy(`mcp-${name}.echo`, { text: 'x' })
    expect(slow.json).toMatchObject({ code: 'upstream_timeout', outcome: 'refunded' })
  })
})

describe('the admin API reference', () => {
  test('has all eight routes, and reads show key names only', async () => {
    const secret = 'sk-never-shown-0123456789'
    const body = {
      ...{ name: 'remote-tools', transport: 'streamable_http', url: operator.upstream.url },
      headers: { 'X-Secret': secret },
    }
    const created = await operator.admin('POST', '', body)
    const id = String(created.json.id)
    const answers = {
      create: created,
      list: await operator.admin('GET', ''),
      get: await operator.admin('GET', `/${id}`),
      update: await operator.admin('PUT', `/${id}`, { description: 'Tools elsewhere.' }),
      test: await operator.admin('POST', `/${id}/test`),
      refresh: await operator.admin('POST', `/${id}/refresh`),
      tools: await operator.admin('GET', `/${id}/tools`),
      delete: await operator.admin('DELETE', `/${id}`),
    }
    expect(Object.values(answers).map(({ status }) => status)).toEqual([
      ...[201, 200, 200, 200, 200, 200, 200, 204],
    ])
    for (const { text } of Object.values(answers)) expect(text).not.toContain(secret)
    expect(answers.list.json.servers).toContainEqual(expect.objectContaining({ id }))
    expect(answers.get.json).toMatchObject({ id, header_names: ['X-Secret'] })
    expect(answers.update.json).toMatchObject({ id, description: 'Tools elsewhere.' })
    expect(answers.refresh.json).toMatchObject({ tool_count: 1 })
    expect(answers.tools.json.tools).toMatchObject([
      { name: 'echo', tool_name: 'remote-tools__echo', description: echoTool.description },
    ])
    expect((await operator.admin('GET', `/${id}`)).status).toBe(404)
  })

  test('tests a connection without affecting the live one', async () => {
    operator.upstream.setTools([{ ...echoTool, name: 'my_tool', description: 'Does something' }])
    const { id } = await operator.register()
    const sinceOf = async () =>
      ((await operator.admin('GET', `/${id}`)).json.connection as Json).since
    await eventually(async () => expect(await sinceOf()).not.toBeNull())
    const since = await sinceOf()
    const { status, json } = await operator.admin('POST', `/${id}/test`)
    expect([status, json]).toEqual([
      200,
      {
        success: true,
        tool_count: 1,
        tools: [{ name: 'my_tool', description: 'Does something' }],
        error: null,
        error_code: null,
      },
    ])
    expect(await sinceOf()).toBe(since)
  })
  // Each error_code of a test: mcp-servers.journey, "that fails is registered, keeps the reason".
})
