/** MCP servers that `souk.yaml` and code say, and those that are programs of the gateway's machine. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { aMcpServer, echoTool, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { answerJson, type Json } from '../support/world.js'

const SECRET = 'file-secret-5150-mcp'
const program = fileURLToPath(new URL('../support/a-stdio-server.mjs', import.meta.url))
const overStdio = { transport: 'stdio', command: process.execPath, args: [program] }

let operator: AnOperator

beforeAll(async () => {
  operator = await anOperator({ SOUK_STDIO: 'file', MCP_TOKEN: SECRET })
})
afterAll(() => operator.close())
beforeEach(() => operator.calm())

/** Starts the gateway again with this in its file. */
async function restartWith(file: Json): Promise<void> {
  await operator.world.stop()
  writeFileSync(join(operator.world.dataDir, 'none.yaml'), stringify(file))
  await operator.world.restart()
  allow(operator.world, operator.upstream)
}

async function shown(name: string, source?: string): Promise<Json | undefined> {
  const { json } = await operator.admin('GET', '')
  const servers = json.servers as Json[]
  return servers.find((it) => it.name === name && (source ?? it.source) === it.source)
}

const servers = () => operator.world.started.gateway.deps.servers

async function answers(name: string, text: string): Promise<void> {
  await eventually(async () => {
    const { json } = await operator.buy(`mcp-${name}.echo`, { text })
    expect(json).toMatchObject({ body: said(text) })
  })
}

test('a server of the file is sold, sends its secret, and is not changed by the API', async () => {
  const headers = { Authorization: `Bearer \${MCP_TOKEN}` }
  await restartWith({ mcp_servers: { filed: { url: operator.upstream.url, headers } } })
  // The egress list is opened only after the start here, so it is asked again.
  const { id } = (await shown('filed'))!
  await operator.admin('POST', `/${id}/refresh`)
  await answers('filed', 'from the file')
  expect(operator.upstream.requests.at(-1)!.headers.authorization).toBe(`Bearer ${SECRET}`)
  expect(await shown('filed')).toMatchObject({ source: 'file', header_names: ['Authorization'] })
  for (const [method, body] of [['PUT', { description: 'x' }], ['DELETE']] as const) {
    const refused = await operator.admin(method, `/${id}`, body)
    expect(refused.json).toMatchObject({ code: 'forbidden', action: /souk\.yaml/ })
  }
  const taken = { name: 'filed', transport: 'streamable_http', url: operator.upstream.url }
  expect((await operator.admin('POST', '', taken)).json).toMatchObject({ code: 'slug_taken' })
})

test('a server that is gone from the file is gone, and its tools are no longer sold', async () => {
  await restartWith({ mcp_servers: { brief: { url: operator.upstream.url } } })
  const { id } = (await shown('brief'))!
  await operator.admin('POST', `/${id}/refresh`)
  await answers('brief', 'x')
  await restartWith({})
  expect(await shown('brief')).toBeUndefined()
  const { json } = await operator.buy('mcp-brief.echo', { text: 'x' })
  expect(json).toMatchObject({ code: 'listing_changed' })
})

test('a program of the file is started, sells its tool, and ends with the gateway', async () => {
  await restartWith({
    mcpServers: { 'Over stdio': { command: process.execPath, args: [program] } },
  })
  await answers('over-stdio', 'by pipe')
  expect(await shown('over-stdio')).toMatchObject({
    ...{ transport: 'stdio', command: process.execPath, args: [program], env_names: [] },
    connection: { status: 'connected' },
  })
  const byApi = { name: 'mine', ...overStdio }
  expect((await operator.admin('POST', '', byApi)).json).toMatchObject({
    ...{ code: 'forbidden', action: expect.stringContaining('SOUK_STDIO=api') },
  })
  const pid = await pidOf(operator, 'over-stdio')
  expect(isRunning(pid)).toBe(true)
  await operator.world.stop()
  expect(isRunning(pid)).toBe(false)
  await restartWith({})
})

test('a program is registered by the curl of the seed where the operator lets the API do so', async () => {
  const free = await anOperator({ SOUK_STDIO: 'api' })
  const env = { NODE_ENV: 'production', API_KEY: SECRET }
  const made = await free.admin('POST', '', { name: 'my-tools', ...overStdio, env })
  expect(made.status, made.text).toBe(201)
  expect(made.json).toMatchObject({ env_names: ['NODE_ENV', 'API_KEY'], tool_count: 1 })
  expect(made.text).not.toContain(SECRET)
  const bought = await free.buy('mcp-my-tools.echo', { text: 'by pipe' })
  expect(bought.json).toMatchObject({ body: said('by pipe') })
  const pid = await pidOf(free, 'my-tools')
  await free.admin('DELETE', `/${made.json.id}`)
  await eventually(async () => expect(isRunning(pid)).toBe(false))
  const wrong = { name: 'wrong', transport: 'stdio', command: '/no/such/program' }
  const { json } = await free.admin('POST', '', wrong)
  expect((await free.admin('POST', `/${json.id}/test`)).json).toMatchObject({
    ...{ success: false, error_code: expect.stringMatching(/^(config|connection)_error$/) },
  })
  await free.close()
})

test('the gateway is ready when what the file says was tried, though it does not work', async () => {
  const gone = await aMcpServer()
  await gone.close()
  await restartWith({ mcp_servers: { broken: { url: gone.url } } })
  await eventually(async () => {
    expect((await operator.world.rest('GET', '/readyz', undefined)).status).toBe(200)
  })
  expect(await shown('broken')).toMatchObject({ discovery_error: expect.any(String) })
  await restartWith({})
})

test('code goes before file, file before API, and each comes back when the other is gone', async () => {
  const { name } = await operator.register()
  const named = async (tool: string) => {
    const server = await aMcpServer({ tools: [{ ...echoTool, name: tool }] })
    allow(operator.world, server)
    return server
  }
  const [ofFile, ofCode] = [await named('of_file'), await named('of_code')]
  const sold = async (tool: string) =>
    eventually(async () => {
      const answer = await operator.buy(`mcp-${name}.${tool}`, { text: 'x' })
      expect(answer.json).toMatchObject({ body: said('x') })
    })
  await sold('echo')
  await restartWith({ mcp_servers: { [name]: { url: ofFile.url } } })
  for (const server of [ofFile, ofCode]) allow(operator.world, server)
  expect((await operator.buy(`mcp-${name}.echo`, { text: 'x' })).status).toBe(409)
  const { id } = (await shown(name, 'file'))!
  await operator.admin('POST', `/${id}/refresh`)
  await sold('of-file')
  expect(await shown(name, 'api')).toMatchObject({
    connection: { status: 'off', error: expect.stringContaining('souk.yaml') },
  })
  await servers().add({ name, transport: 'streamable_http', url: ofCode.url })
  await sold('of-code')
  expect((await operator.buy(`mcp-${name}.of-file`, { text: 'x' })).status).toBe(409)
  await restartWith({})
  await sold('echo')
  for (const server of [ofFile, ofCode]) await server.close()
})

test('a server of code asks its token provider, and no token is stored', async () => {
  let token = 'first-token-of-code'
  const guarded = await aMcpServer({ token: () => token })
  allow(operator.world, guarded)
  await servers().add({
    ...{ name: 'coded', transport: 'streamable_http', url: guarded.url },
    tokenProvider: { getToken: async () => token },
  })
  await answers('coded', 'with a token')
  token = 'second-token-of-code'
  await answers('coded', 'with another')
  expect(await shown('coded')).toMatchObject({ source: 'code', credential_type: 'token_provider' })
  await guarded.close()
})

test('a server behind OAuth 2 is given a token for the client credentials', async () => {
  operator.world.upstream.answerWith(
    answerJson(200, { access_token: 'fetched-token', token_type: 'Bearer', expires_in: 3600 }),
  )
  const guarded = await aMcpServer({ token: () => 'fetched-token' })
  allow(operator.world, guarded)
  const { name, json } = await operator.register({
    url: guarded.url,
    credentials: {
      auth_type: 'oauth2_client_credentials',
      token_url: `${operator.world.upstream.baseUrl}/oauth2/token`,
      ...{
        client_id: 'my-client-id',
        client_secret: 'my-client-secret',
        scopes: ['read', 'write'],
      },
      extra_params: { audience: 'my-api' },
    },
  })
  expect(json).toMatchObject({ credential_type: 'oauth2_client_credentials', tool_count: 1 })
  expect(json.credential_keys).toContain('client_secret')
  await answers(name, 'behind OAuth')
  const asked = operator.world.upstream.requests.filter(({ url }) => url === '/oauth2/token')
  expect(asked).toHaveLength(1)
  expect(Object.fromEntries(new URLSearchParams(asked[0]!.body))).toMatchObject({
    ...{ grant_type: 'client_credentials', scope: 'read write', audience: 'my-api' },
  })
  await guarded.close()
})

/** Of the program behind a server over stdio. */
async function pidOf({ world }: AnOperator, name: string): Promise<number> {
  const { servers, connections } = world.started.gateway.deps
  const call = { tool: 'pid', arguments: {} }
  const answer = await connections.callTool(servers.settingsOf(name)!, call, { holder: 'a test' })
  if (answer.kind === 'unanswered') throw new Error(answer.detail)
  return Number(JSON.parse(answer.body.toString()).content[0].text)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
