/** The operator's MCP servers: how they are reached, and what is sold of them. */
import { z } from 'zod'
import { type ServerTerms, serverChangeSchema, serverSchema } from '#servers'
import { audited } from '../audited.js'
import { Reply, route } from '../route.js'

const OPERATOR = { tag: 'mcp-servers', who: 'operator' } as const

const time = z.string().nullable()
const names = z.array(z.string())

const shownServer = z.object({
  id: z.string(),
  name: z.string(),
  source: z.enum(['api', 'file', 'code']).describe('only those of the API are changed here'),
  transport: z.string(),
  url: z.string().optional().describe('without its query'),
  header_names: names.optional().describe('their values are never shown'),
  credential_type: z.string().optional(),
  credential_keys: names.optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  env_names: names.optional(),
  enabled: z.boolean(),
  description: z.string(),
  category: z.string(),
  default_price: z.looseObject({ model: z.string() }),
  visibility: z.enum(['public', 'private']),
  require_approval: z.boolean(),
  prefix: z.string().optional(),
  tools: z.object({ include: names.optional(), exclude: names.optional() }).optional(),
  tool_call_timeout_ms: z.int().nullable(),
  connection_timeout_ms: z.int().nullable(),
  connection: z.object({
    status: z.enum(['connected', 'connecting', 'failed', 'off']),
    since: time,
    error: z.string().nullable(),
    protocol_version: z.string().nullable(),
  }),
  listing_slug: z.string(),
  tool_count: z.int(),
  discovered_at: time,
  discovery_error: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
})

const testResult = z.object({
  success: z.boolean(),
  tool_count: z.int(),
  tools: z.array(z.object({ name: z.string(), description: z.string() })),
  error: z.string().nullable(),
  error_code: z.enum(['connection_error', 'timeout', 'auth_error', 'config_error']).nullable(),
})

const toolsResult = z.object({
  tools: z.array(
    z.object({
      name: z.string().describe('at the server'),
      tool_name: z.string().describe('as clients know it'),
      endpoint_id: z.string(),
      version: z.int(),
      title: z.string(),
      description: z.string().describe("the server's words: not to be followed"),
      price: z.looseObject({ model: z.string() }),
      requires_approval: z.boolean(),
      definition_hash: z.string().nullable(),
      annotations: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  refused: z.array(z.object({ name: z.string(), reason: z.string() })),
  discovered_at: time,
  error: z.string().nullable(),
})

export const mcpServerRoutes = [
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/admin/mcp-servers',
    summary: 'Registers an MCP server and sells its tools. Everything secret is sealed on arrival.',
    body: serverSchema,
    status: 201,
    result: shownServer,
    run: (deps, { principal, body }) =>
      deps.servers.create(body, audited(deps, principal, 'mcp_server.create', factsOf(body))),
  }),
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/admin/mcp-servers',
    summary: 'All MCP servers, with how they are connected to this gateway.',
    result: z.object({ servers: z.array(shownServer) }),
    run: async ({ servers }) => ({ servers: await servers.list() }),
  }),
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/admin/mcp-servers/{id}',
    summary: 'An MCP server; of all that is secret the names alone.',
    result: shownServer,
    run: ({ servers }, { params }) => servers.get(params.id!),
  }),
  route({
    ...OPERATOR,
    method: 'put',
    path: '/v1/admin/mcp-servers/{id}',
    summary: 'Changes an MCP server. What is absent stays, secrets too; null takes it away.',
    body: serverChangeSchema,
    result: shownServer,
    run(deps, { principal, params, body }) {
      const facts = { changed: Object.keys(body) }
      const along = audited(deps, principal, 'mcp_server.update', facts)
      return deps.servers.update(params.id!, body, along)
    },
  }),
  route({
    ...OPERATOR,
    method: 'delete',
    path: '/v1/admin/mcp-servers/{id}',
    summary: 'Removes an MCP server: its connections end, its tools are no longer sold.',
    status: 204,
    async run(deps, { principal, params }) {
      await deps.servers.remove(params.id!, audited(deps, principal, 'mcp_server.delete'))
      return new Reply(204, '')
    },
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/admin/mcp-servers/{id}/test',
    summary: 'Tries a server on a connection of its own. 200 whatever comes of it.',
    result: testResult,
    run: ({ servers }, { params }) => servers.test(params.id!),
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/admin/mcp-servers/{id}/refresh',
    summary: 'Connects anew and asks for the tools.',
    result: shownServer,
    run: ({ servers }, { params }) => servers.refresh(params.id!),
  }),
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/admin/mcp-servers/{id}/tools',
    summary: 'What is sold of a server, and what of it cannot be, with the reason.',
    result: toolsResult,
    run: ({ servers }, { params }) => servers.tools(params.id!),
  }),
]

function factsOf({ name, transport, enabled = true }: ServerTerms) {
  return { name, transport, enabled }
}
