import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { echoTool, said } from '../../test/support/an-mcp-server.js'
import {
  aClient,
  aServer,
  asAlice,
  resultOf,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'
import { type KeptServer, learnParamHeaders } from './kept-server.js'

const program = new URL('../../test/support/a-stdio-server.mjs', import.meta.url).pathname
const overStdio = { transport: 'stdio', url: undefined, command: process.execPath } as const

/** What no text can be made of. */
const ODD = { toString: null, valueOf: null }

const odd = [
  ['the id of a result', { id: ODD, result: {} }],
  ['the id of an error', { id: ODD, error: { code: 1, message: 'x' } }],
  ['a progress token', { method: 'notifications/progress', params: { progressToken: ODD } }],
  ['a cancelled id', { method: 'notifications/cancelled', params: { requestId: ODD } }],
] as const

test.each(odd)('%s that is no text harms nobody, over stdio', async (_, message) => {
  const { connections } = someConnections([])
  const line = JSON.stringify({ jsonrpc: '2.0', ...message })
  const call = { tool: 'write', arguments: { line } }
  const settings = settingsFor('', { ...overStdio, args: [program] })
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('written')
})

test.each(odd)('%s that is no text harms nobody, on an event stream', async (_, message) => {
  const server = await aServer({ isStateless: true, revision: '2024-11-05' })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.sseUrl, { transport: 'sse' })
  const call = (text: string) =>
    connections.callTool(settings, { tool: 'echo', arguments: { text } }, asAlice)
  expect(textOf(await call('before'))).toBe('before')
  for (const stream of server.sse.values()) say(stream, message)
  expect(textOf(await call('after'))).toBe('after')
  expect(server.sse.size).toBe(1)
})

test('what cannot be told without a secret is not told, and harms nobody', async () => {
  const { connections } = someConnections([])
  const env = { API_KEY: 'ntn_0123456789' }
  const { client, heard } = aClient()
  const settings = settingsFor('', { ...overStdio, args: [program], env })
  const relay = await connections.openRelay(settings, client)
  // Written as JSON, the secret begins with the second half of an escape.
  const message = { jsonrpc: '2.0', method: 'notifications/message', params: '\ntn_0123456789' }
  const call = { name: 'write', arguments: { line: JSON.stringify(message) } }
  expect(await resultOf(relay, 'tools/call', call)).toEqual(said('written'))
  expect(heard).toEqual([['notifications/message', undefined]])
})

test('a result that is no JSON without a secret is a failure', async () => {
  const server = await aServer({ run: () => ({ content: [], is: 1234567890 }) })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url, { headers: { 'X-Api-Key': '1234567890' } })
  const call = { tool: 'echo', arguments: {} }
  const failure = { kind: 'unanswered', reason: 'broken', dispatched: true }
  expect(await connections.callTool(settings, call, asAlice)).toMatchObject(failure)
  const relay = await connections.openRelay(settings, aClient().client)
  const { relayed, answer } = await relay.callTool({ name: 'echo' })
  expect(answer).toMatchObject(failure)
  for (const passed of [relayed, await relay.relay('tools/call', { name: 'echo' })]) {
    expect(passed).toMatchObject({ kind: 'error', error: { code: -32603 } })
  }
})

test('a stream of answers that nobody asked for is ended', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  connections.watch(settingsFor(server.url), () => {})
  await expect.poll(() => server.streams.size).toBe(1)
  const [stream] = server.streams as Set<ServerResponse>
  const closed = once(stream!, 'close')
  for (let i = 0; i <= 10_000; i++) say(stream!, { id: `souk-${i}`, result: {} })
  await closed
})

test('a server that renames its tools again and again is remembered with so many', () => {
  const kept = { paramHeaders: new Map() } as Pick<KeptServer, 'paramHeaders'> as KeptServer
  const inputSchema = { properties: { a: { 'x-mcp-header': 'A' } } }
  for (let i = 0; i < 12_000; i++) {
    learnParamHeaders(kept, [{ ...echoTool, name: `t${i}`, inputSchema }])
  }
  expect(kept.paramHeaders.size).toBe(10_000)
  expect(kept.paramHeaders.has('t11999')).toBe(true)
})

function say(stream: ServerResponse, message: object): void {
  stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
}
