/** Many calls of two accounts at the same time, by every way in: each gets its own answers alone. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aMcpServer, type McpServer, said } from '../support/an-mcp-server.js'
import { allow } from '../support/an-operator.js'
import { aSocket, clientOf, type Socket } from '../support/mcp-clients.js'
import {
  answerJson,
  aWorld,
  type Json,
  OPERATOR_KEY,
  type Party,
  type World,
} from '../support/world.js'

const PER_KEY = 100

let world: World
let server: McpServer
let endpointId: string
const parties: (Party & { gateway: string; client: Client; socket: Socket })[] = []

beforeAll(async () => {
  world = await aWorld({ SOUK_MAX_IN_FLIGHT_PER_KEY: '500' })
  // Answers come back in another order than they were asked for.
  world.upstream.answerWith((req, res) => {
    const q = new URL(req.url!, 'http://x').searchParams.get('q')
    setTimeout(() => answerJson(200, { echo: q })(req, res), Math.random() * 30)
  })
  server = await aMcpServer({
    async run({ arguments: args }) {
      await wait(Math.random() * 30)
      return { ...said(String(args.text)), structuredContent: { echo: args.text } }
    },
  })
  allow(world, server)
  await world.rest('POST', '/v1/admin/mcp-servers', OPERATOR_KEY, {
    ...{ name: 'echoes', transport: 'streamable_http', url: server.url },
    default_price: { model: 'per_call', amount: '0.0001' },
  })
  endpointId = (await world.listing(await world.account('Seller'))).endpointId
  for (const name of ['Ada', 'Bob']) {
    const party = await world.account(name, '5')
    const tools = [{ endpoint_id: endpointId, name: 'search' }, 'mcp-echoes.echo']
    const { json } = await world.rest('POST', '/v1/gateways', party.key, {
      ...{ name, type: 'mcp', endpoint: 'all', configuration: { tools } },
    })
    const gateway = String(json.url)
    const client = await clientOf({ url: gateway, apiKey: party.key })
    const socket = await aSocket(`${gateway}/ws`, { authorization: `Bearer ${party.key}` })
    parties.push({ ...party, gateway, client, socket })
  }
})

afterAll(async () => {
  for (const { client, socket } of parties) {
    await client.close()
    socket.close()
  }
  await server.close()
  await world.close()
})

type Asker = (party: (typeof parties)[number], text: string, id: number) => Promise<unknown>

const http = (text: string) => ({ space: 'main', q: text })
const rest = async (party: Party, endpoint_id: string, args: Json) => {
  const order = { endpoint_id, arguments: args }
  return (await world.rest('POST', '/v1/calls', party.key, order)).json.body
}
const native = async (result: unknown) => (result as Json).structuredContent

/** Each asks for `text`, and gives what of the answer has it. The ids of both parties are the same. */
const WAYS: Record<string, Asker> = {
  'REST, an API': (party, text) => rest(party, endpointId, http(text)),
  'REST, an MCP server': async (party, text) =>
    ((await rest(party, 'mcp-echoes.echo', { text })) as Json).structuredContent,
  'call_api, an API': async (party, text) =>
    (await world.tool(party.key, 'call_api', { endpoint_id: endpointId, arguments: http(text) }))
      .body,
  'a client, an API': async ({ client }, text) =>
    native(await client.callTool({ name: 'search', arguments: http(text) })),
  'a client, an MCP server': async ({ client }, text) =>
    native(await client.callTool({ name: 'echo', arguments: { text } })),
  'a WebSocket, an API': async ({ socket }, text, id) => {
    const params = { name: 'search', arguments: http(text) }
    return native((await socket.ask({ id, method: 'tools/call', params })).result)
  },
  'a WebSocket, an MCP server': async ({ socket }, text, id) => {
    const params = { name: 'echo', arguments: { text } }
    return native((await socket.ask({ id, method: 'tools/call', params })).result)
  },
  'plain JSON-RPC, an MCP server': async ({ gateway, key }, text, id) => {
    const params = { name: 'echo', arguments: { text } }
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params }
    const { json } = await world.rest('POST', new URL(gateway).pathname, key, message)
    expect(json.id).toBe(id)
    return native(json.result)
  },
}

test('200 calls of two keys at once, by every way in, never see a result of one another', async () => {
  const ways = Object.entries(WAYS)
  const asked = parties.flatMap((party) =>
    Array.from({ length: PER_KEY }, async (_, id) => {
      const [way, ask] = ways[id % ways.length]!
      const text = `${party.slug}-${id}`
      expect(await ask(party, text, id), way).toEqual({ echo: text })
    }),
  )
  expect(asked).toHaveLength(200)
  await Promise.all(asked)
  for (const { slug, key, socket } of parties) {
    const [other] = parties.filter((party) => party.slug !== slug)
    expect(JSON.stringify(socket.heard)).not.toContain(other!.slug)
    const { json } = await world.rest('GET', '/v1/usage?limit=200', key)
    expect(json.totals).toMatchObject({ calls: PER_KEY })
  }
})

test('an MCP server that keeps sessions is spoken to in one for each account', async () => {
  const owners = new Map<string, Set<string>>()
  for (const { session, arguments: args } of server.calls) {
    const owner = String(args.text).replace(/-\d+$/, '')
    owners.set(session!, (owners.get(session!) ?? new Set()).add(owner))
  }
  expect(owners.size).toBeGreaterThanOrEqual(2)
  for (const of of owners.values()) expect(of.size).toBe(1)
})
