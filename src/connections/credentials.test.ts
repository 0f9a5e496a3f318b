import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { said } from '../../test/support/an-mcp-server.js'
import {
  answered,
  aServer,
  asAlice,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'

const call = { tool: 'echo', arguments: { text: 'hello' } }
const client_secret = 'secret-of-the-client'

/** Gives out `token-number-1`, `token-number-2` and so on. */
async function aTokenEndpoint() {
  const state = { given: 0 }
  const server = createServer((_, response) => {
    state.given++
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ access_token: `token-number-${state.given}`, expires_in: 3600 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = {
    type: 'oauth2_client_credentials' as const,
    token_url: `http://${hostPort}/token`,
    client_id: 'me',
    client_secret,
  }
  return { state, hostPort, token }
}

test('a fetched token is used for every request, replaced once on a 401, and never comes back', async () => {
  const endpoint = await aTokenEndpoint()
  let valid = 'token-number-1'
  const server = await aServer({
    token: () => valid,
    run: ({ headers }) => said(`${headers.authorization} ${client_secret}`),
  })
  const { connections } = someConnections([server.hostPort, endpoint.hostPort])
  const settings = settingsFor(server.url, { token: endpoint.token })
  for (let i = 0; i < 2; i++) {
    expect(textOf(await connections.callTool(settings, call, asAlice))).toBe(
      'Bearer [redacted] [redacted]',
    )
  }
  expect(endpoint.state.given).toBe(1)
  valid = 'token-number-2'
  const answers = await Promise.all(
    [1, 2, 3].map(() => connections.callTool(settings, call, asAlice)),
  )
  expect(answers.map((answer) => answered(answer).status)).toEqual([200, 200, 200])
  expect(endpoint.state.given).toBe(2)
  expect(server.calls).toHaveLength(5)
})

test('a server that refuses every token is asked twice, and that is an auth_error', async () => {
  const endpoint = await aTokenEndpoint()
  const server = await aServer({ token: () => 'another' })
  const { connections } = someConnections([server.hostPort, endpoint.hostPort])
  const settings = settingsFor(server.url, { token: endpoint.token })
  expect(await connections.test(settings)).toMatchObject({ error_code: 'auth_error' })
  expect(endpoint.state.given).toBe(2)
})

test('a token provider in code is asked for each request', async () => {
  let count = 0
  const server = await aServer({
    run: ({ headers }) => said(String(headers.authorization).length.toString()),
  })
  const { connections } = someConnections([server.hostPort])
  const provider = async () => `token-number-${++count}`
  const settings = settingsFor(server.url, { token: { provider } })
  answered(await connections.callTool(settings, call, asAlice))
  const before = count
  answered(await connections.callTool(settings, call, asAlice))
  expect(count).toBe(before + 1)
})

test.each([
  ['throws', async () => Promise.reject(new Error(`no ${client_secret}`))],
  ['gives no token', async () => 'a\r\nb: c'],
])(
  'a token provider that %s is an auth_error that does not repeat its words',
  async (_, provider) => {
    const server = await aServer()
    const { connections } = someConnections([server.hostPort])
    const settings = settingsFor(server.url, { token: { provider } })
    expect(await connections.test(settings)).toEqual({
      success: false,
      tool_count: 0,
      tools: [],
      error: 'The token provider of the server failed.',
      error_code: 'auth_error',
    })
    const answer = await connections.callTool(settings, call, asAlice)
    expect(answer).toMatchObject({ kind: 'unanswered', reason: 'unauthorized', dispatched: false })
    expect(server.requests).toHaveLength(0)
  },
)

test('a token provider that never answers ends with the connection timeout', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const provider = () => new Promise<string>(() => {})
  const settings = settingsFor(server.url, { token: { provider }, connectTimeoutMs: 100 })
  const answer = await connections.callTool(settings, call, asAlice)
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'timeout', dispatched: false })
})
