/** A gateway on which Acme declares tools, with handlers on two hosts, and a stranger looks on. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import {
  type Answered,
  answerJson,
  aWorld,
  type Json,
  type Party,
  type ScriptedUpstream,
  scriptedUpstream,
  type World,
} from '../support/world.js'

export const SECRET = 'wiki-secret-token'

export type ToolWorld = {
  world: World
  /** A second host. */
  other: ScriptedUpstream
  acme: Party
  stranger: Party
  /** The seed's tool, at the scripted handler. */
  wikiTool(changes?: Json): Json
  post(tool: Json, party?: Party): Promise<Answered>
  /** Declares a tool that nothing is wrong with. */
  declared(tool: Json, party?: Party): Promise<Json & { id: string }>
  invoke(id: unknown, args: Json, options?: InvokeOptions): Promise<Answered>
  /** Handlers answer well again, and what came in is forgotten. */
  calm(): void
  close(): Promise<void>
}

type InvokeOptions = { more?: Json; headers?: Record<string, string>; party?: Party }

/** One for a whole test file, calm again after each test. It is there once the tests begin. */
export function useToolWorld(): ToolWorld {
  const house = {} as ToolWorld
  beforeAll(async () => {
    Object.assign(house, await aToolWorld())
  })
  afterEach(() => house.calm())
  afterAll(() => house.close())
  return house
}

async function aToolWorld(): Promise<ToolWorld> {
  const other = await scriptedUpstream()
  const world = await aWorld({ SOUK_UPSTREAM_TIME_MS: '2000' })
  world.started.gateway.deps.upstreams.allowHost(new URL(other.baseUrl).host)
  const acme = await world.account('Acme', '1')
  const stranger = await world.account('Stranger', '1')
  const post = (tool: Json, party = acme) => world.rest('POST', '/v1/mcp/tools', party.key, tool)
  return {
    ...{ world, other, acme, stranger, post },
    wikiTool: (changes = {}) => ({ ...wikiToolAt(world.upstream.baseUrl), ...changes }),
    async declared(tool, party) {
      const answer = await post(tool, party)
      expect(answer.status, answer.text).toBeLessThan(202)
      return answer.json as Json & { id: string }
    },
    invoke(id, args, { more = {}, headers = {}, party = acme } = {}) {
      const body = { arguments: args, ...more }
      return world.rest('POST', `/v1/mcp/tools/${id}/invoke`, party.key, body, headers)
    },
    calm() {
      world.upstream.answerWith(answerJson(200, { results: [] }))
      world.upstream.requests.length = 0
      other.requests.length = 0
    },
    async close() {
      await world.close()
      await other.close()
    },
  }
}

function wikiToolAt(baseUrl: string): Json {
  return {
    name: 'search_wiki',
    description: 'Search the internal company wiki and return the top 5 matches.',
    input_schema: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'Natural-language search query' },
        k: { type: 'integer', default: 5, minimum: 1, maximum: 20 },
      },
      required: ['query'],
    },
    handler_url: `${baseUrl}/api/mcp-search?space=main`,
    handler_auth: `Bearer ${SECRET}`,
  }
}
