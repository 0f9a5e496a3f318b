/**
 * Bug class 7 of gateways.md 1.4: no process of an MCP server outlives its use, however clients and
 * gateways end. What is ended inside the gateway: src/connections/stdio.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type AnOperator, anOperator, eventually } from '../support/an-operator.js'
import { aSocket, clientOf } from '../support/mcp-clients.js'
import { type Json, OPERATOR_KEY } from '../support/world.js'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  killTheRest,
  startGateway,
} from './gateway-process.js'

const program = fileURLToPath(new URL('../support/a-stdio-server.mjs', import.meta.url))
const CLIENTS = 12

let operator: AnOperator
let marks = 0

beforeAll(async () => {
  await build()
  operator = await anOperator({ SOUK_STDIO: 'api' })
}, 120_000)
afterAll(async () => {
  await killTheRest()
  await operator.close()
})

/** A stdio server, and how many of its processes run; its mark tells them from all others. */
function aProgram(modes: string[] = []) {
  const mark = `souk-proof-${process.pid}-${++marks}`
  const settings = {
    transport: 'stdio',
    command: process.execPath,
    args: [program, mark, ...modes],
  }
  const running = () =>
    execFileSync('ps', ['-e', '-o', 'stat=,args='])
      .toString()
      .split('\n')
      .filter((line) => line.includes(mark) && !line.startsWith('Z')).length
  return { settings, running }
}

const INITIALIZE = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: {
    ...{ protocolVersion: '2025-11-25', capabilities: {} },
    clientInfo: { name: 'rude', version: '1' },
  },
}

/** Begins a session and a stream, calls a tool that takes long, and is gone without a word. */
async function comeAndVanish(url: string, tool: string): Promise<void> {
  const headers = {
    ...{ authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
    accept: 'application/json, text/event-stream',
  }
  const begun = await fetch(url, { method: 'POST', headers, body: JSON.stringify(INITIALIZE) })
  const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' }
  await begun.text()
  const params = { name: tool, arguments: { ms: 60_000 } }
  const call = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params })
  await new Promise<void>((resolve) => {
    const sent = request(url, { method: 'POST', headers: { ...headers, ...session } })
    sent.on('error', () => resolve())
    sent.end(call)
    const stream = request(url, { method: 'GET', headers: { ...headers, ...session } })
    stream.on('error', () => {})
    stream.end()
    setTimeout(() => {
      sent.destroy()
      stream.destroy()
      resolve()
    }, 100)
  })
}

/** A gateway of this configuration, in front of a program that is its own. */
async function aGateway(endpoint: string, of: (name: string) => Json) {
  const { settings, running } = aProgram()
  const { id, name } = await operator.register({ url: undefined, ...settings })
  const made = await operator.world.rest('POST', '/v1/gateways', OPERATOR_KEY, {
    ...{ name: endpoint, type: 'mcp', endpoint, configuration: of(name) },
  })
  expect(made.status, made.text).toBe(201)
  return { id, name, running, url: String(made.json.url) }
}

test('clients of a composed gateway that vanish leave no process behind: one serves all', async () => {
  const { id, name, running, url } = await aGateway('composed', (one) => ({ servers: [one] }))
  const gone = Array.from({ length: CLIENTS }, () => comeAndVanish(url, `${name}__echo`))
  await Promise.all(gone)
  expect(running()).toBe(1)
  await operator.admin('DELETE', `/${id}`)
  await eventually(async () => expect(running()).toBe(0))
})

test('of a relayed server each session has a process, which ends with it, and all with the server', async () => {
  const { id, running, url } = await aGateway('relayed', (relay) => ({ relay }))
  await eventually(async () => expect(running()).toBe(1))
  const headers = { authorization: `Bearer ${OPERATOR_KEY}` }
  const sockets = await Promise.all([1, 2, 3].map(() => aSocket(`${url}/ws`, headers)))
  for (const socket of sockets) await socket.ask(INITIALIZE)
  const client = await clientOf({ url, headers })
  await eventually(async () => expect(running()).toBe(1 + sockets.length + 1))
  for (const socket of sockets) socket.breakOff()
  await (client.transport as StreamableHTTPClientTransport).terminateSession()
  await client.close()
  await eventually(async () => expect(running()).toBe(1))
  // Nobody can tell a client of HTTP that is gone from one that thinks: its session ends when idle.
  await Promise.all(Array.from({ length: CLIENTS }, () => comeAndVanish(url, 'slow')))
  expect(running()).toBeLessThanOrEqual(1 + CLIENTS)
  await operator.admin('DELETE', `/${id}`)
  await eventually(async () => expect(running()).toBe(0))
})

test.each<[NodeJS.Signals, string[]]>([
  ['SIGTERM', ['stubborn']],
  ['SIGTERM', []],
  ['SIGKILL', []],
])('a gateway that ends by %s leaves no process behind (server: %j)', async (signal, modes) => {
  const { settings, running } = aProgram(modes)
  const folder = emptyFolder()
  const mcp_servers = { one: settings, two: settings }
  writeFileSync(join(folder.path, 'souk.yaml'), stringify({ mcp_servers }))
  const gateway: GatewayProcess = await startGateway(folder.path, { SOUK_STDIO: 'file' })
  await eventually(async () => expect(running()).toBe(2))
  gateway.kill(signal)
  await gateway.ended
  await eventually(async () => expect(running()).toBe(0))
  folder.remove()
})
