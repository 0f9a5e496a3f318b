/** A gateway, its operator, an MCP server to register, and a buyer of what it sells. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'vitest'
import { aMcpServer, echoTool, type McpServer, said, type ToolRun } from './an-mcp-server.js'
import { type Answered, aWorld, type Json, OPERATOR_KEY, type Party, type World } from './world.js'

const PATH = '/v1/admin/mcp-servers'
/** Far beyond the two seconds that are promised, for a machine that has much else to do. */
const PATIENCE_MS = 15_000

export type AnOperator = Awaited<ReturnType<typeof anOperator>>

/** @param settings beside those of every world. */
export async function anOperator(settings: Record<string, string> = {}) {
  const world = await aWorld(settings)
  let names = 0
  const echo = (call: ToolRun): unknown => said(String(call.arguments.text))
  let run = echo
  const upstream = await aMcpServer({ pageSize: 2, run: (call) => run(call) })
  allow(world, upstream)
  const buyer = await world.account('Buyer', '1')
  const admin = (method: string, path: string, body?: unknown): Promise<Answered> =>
    world.rest(method, PATH + path, OPERATOR_KEY, body)
  return {
    world,
    upstream,
    buyer,
    admin,
    /** How tools are run until `calm`. */
    runWith(script: (call: ToolRun) => unknown) {
      run = script
    },
    /** The server has one tool again, which says what it is told. */
    calm() {
      run = echo
      upstream.setTools([echoTool])
    },
    /** Registers a server of a name of its own. */
    async register(changes: Json = {}): Promise<{ id: string; name: string; json: Json }> {
      const name = `tools-${++names}`
      const body = { name, transport: 'streamable_http', url: upstream.url, ...changes }
      const made = await admin('POST', '', body)
      expect(made.status, made.text).toBe(201)
      return { id: made.json.id as string, name, json: made.json }
    },
    async toolsOf(id: string): Promise<{ tools: Json[]; refused: Json[] }> {
      const answer = await admin('GET', `/${id}/tools`)
      expect(answer.status, answer.text).toBe(200)
      return answer.json as { tools: Json[]; refused: Json[] }
    },
    buy: (endpointId: string, args: Json, more: Json = {}): Promise<Answered> =>
      buyAt(world, buyer, endpointId, args, more),
    async close() {
      await world.close()
      await upstream.close()
    },
  }
}

/** Lets the gateway reach a server of this machine. */
export function allow(world: World, { hostPort }: Pick<McpServer, 'hostPort'>): void {
  world.started.gateway.deps.upstreams.allowHost(hostPort)
}

export function buyAt(
  world: Pick<World, 'rest'>,
  buyer: Party,
  endpointId: string,
  args: Json,
  more: Json = {},
): Promise<Answered> {
  const order = { endpoint_id: endpointId, arguments: args, ...more }
  return world.rest('POST', '/v1/calls', buyer.key, order)
}

export async function eventually(check: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await wait(50)
    }
  }
}
