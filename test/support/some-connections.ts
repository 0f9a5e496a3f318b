/** Connections to scripted MCP servers, with a clock by hand and nothing left behind. */
import { afterEach } from 'vitest'
import {
  type CallOptions,
  type ClientSide,
  type ConnectionEvent,
  type ConnectionsOptions,
  createConnections,
  type Relay,
  rpcError,
  type ServerSettings,
} from '#connections'
import { handClock } from '#core/clock'
import { type Answer, createUpstreams } from '#upstreams'
import { aMcpServer, type McpServer, type McpServerOptions } from './an-mcp-server.js'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A scripted server that ends with the test. */
export async function aServer(options: McpServerOptions = {}): Promise<McpServer> {
  const server = await aMcpServer(options)
  cleanups.push(() => server.close())
  return server
}

/** @param allow `host:port` of the servers. */
export function someConnections(
  allow: readonly string[],
  options: Partial<ConnectionsOptions> = {},
) {
  const clock = handClock()
  const events: ConnectionEvent[] = []
  const upstreams = createUpstreams({
    allow,
    timeoutMs: 5000,
    maxBodyBytes: 1024 * 1024,
    userAgent: 'Souk/1 (test)',
    clock,
  })
  const connections = createConnections({
    upstreams,
    clock,
    userAgent: 'Souk/1 (test)',
    stdio: 'on',
    environment: { PATH: process.env.PATH, HOME: '/tmp', SOUK_MASTER_KEY: 'never-for-children' },
    maxBodyBytes: 10 * 1024 * 1024,
    report: (event) => events.push(event),
    ...options,
  })
  cleanups.push(() => upstreams.close())
  cleanups.push(() => connections.close())
  return { connections, upstreams, clock, events }
}

/** A client to relay for, and the notifications that it heard. */
export function aClient(more: Partial<ClientSide> = {}) {
  const heard: [string, unknown][] = []
  const client: ClientSide = {
    capabilities: { sampling: {} },
    clientInfo: { name: 'agent', version: '2' },
    protocolVersion: '2025-11-25',
    onRequest: async () => ({ answered: true }),
    onNotification: (method, params) => void heard.push([method, params]),
    ...more,
  }
  return { client, heard }
}

/** The result that a relay passes on. @throws RpcError. */
export async function resultOf(
  relay: Relay,
  ...asked: Parameters<Relay['relay']>
): Promise<unknown> {
  const relayed = await relay.relay(...asked)
  if (relayed.kind === 'result') return JSON.parse(relayed.text)
  const { code, message, data } = relayed.error
  throw rpcError(code, message, data)
}

let lastServer = 0

export function settingsFor(url: string, more: Partial<ServerSettings> = {}): ServerSettings {
  return { id: `srv_${++lastServer}`, name: 'scripted', transport: 'streamable_http', url, ...more }
}

/** A scripted server, connections to it, and what they take to reach it. */
export async function aConnected(
  options: McpServerOptions = {},
  more: Partial<ServerSettings> = {},
) {
  const server = await aServer(options)
  const settings = settingsFor(server.url, more)
  return { ...someConnections([server.hostPort]), server, settings }
}

export const asAlice: CallOptions = { holder: 'acct_alice' }
export const asBob: CallOptions = { holder: 'acct_bob' }

/** The answer, if there is one; its body read as JSON. */
export function answered(answer: Answer) {
  if (answer.kind !== 'answered') throw new Error(`${answer.reason}: ${answer.detail}`)
  return { ...answer, json: JSON.parse(answer.body.toString()) }
}

/** The text of a result. */
export function textOf(answer: Answer): string {
  return answered(answer).json.content[0].text
}
