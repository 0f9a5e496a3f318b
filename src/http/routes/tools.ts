/** Tools that an account declares with a handler of its own, and what signs the calls to them. */
import { z } from 'zod'
import { callSchema, outcomeSchema } from '#calls'
import { toRfc3339 } from '#core/clock'
import { decodeCursor, encodeCursor } from '#core/page'
import { toolSchema } from '#tools'
import { audited } from '../audited.js'
import { Reply, route } from '../route.js'
import { buy, CALL_HEADERS } from './calls.js'

const pageSchema = z.strictObject({ cursor: z.string().max(500).optional() })

const invokeSchema = callSchema.omit({ endpoint_id: true })

const madeTool = z.object({
  id: z.string(),
  name: z.string(),
  version: z.int(),
  mcp_url: z.string().describe('where MCP clients of the account find it'),
  endpoint_id: z.string().describe('for call_api and POST /v1/calls'),
  signing_secret: z
    .string()
    .describe('signs what the handler is sent, as Standard Webhooks has it'),
})

const priceSchema = z.looseObject({ model: z.string(), max_total: z.string() })

const shownTool = madeTool.omit({ signing_secret: true }).extend({
  title: z.string(),
  source: z.enum(['code', 'file', 'declared']),
  visibility: z.enum(['private', 'public']),
  status: z.enum(['draft', 'published', 'paused', 'retired']),
  handler_url: z.string().optional(),
  price: priceSchema,
  require_human_approval: z.boolean(),
  created_at: z.string(),
  changed_at: z.string(),
})

const toolInFull = shownTool.extend({
  description: z.string(),
  input_schema: z.looseObject({}),
  output_schema: z.looseObject({}).optional(),
  annotations: z.looseObject({}).optional(),
  tags: z.array(z.string()).optional(),
  versions: z
    .array(
      z.object({
        version: z.int(),
        handler_url: z.string().optional(),
        handler_auth: z.object({ type: z.string(), name: z.string().optional() }),
        price: priceSchema,
        created_at: z.string(),
      }),
    )
    .describe('the latest first, at most 100'),
})

const secretSchema = z.object({
  signing_secret: z.string(),
  former_signs_until: z.string().nullable().describe('until when the one before signs beside it'),
})

export const toolRoutes = [
  route({
    method: 'post',
    path: '/v1/mcp/tools',
    tag: 'tools',
    summary:
      'Declares a tool, or its next version: 201. The same again is the version that is there: 200.',
    who: 'key',
    scopes: ['sell'],
    body: toolSchema,
    status: 201,
    result: madeTool,
    async run(deps, { principal, body }) {
      const along = audited(deps, principal, 'tool.create')
      const { shown, isNewVersion } = await deps.tools.declare(principal!.account, body, along)
      return new Reply(isNewVersion ? 201 : 200, shown)
    },
  }),
  route({
    method: 'get',
    path: '/v1/mcp/tools',
    tag: 'tools',
    summary: 'The tools of this account.',
    who: 'key',
    scopes: ['sell', 'read'],
    query: pageSchema,
    result: z.object({ tools: z.array(shownTool), next_cursor: z.string().optional() }),
    async run({ tools }, { principal, query: { cursor } }) {
      const after = cursor && decodeCursor(cursor, (place) => typeof place === 'string')
      const { tools: shown, next } = await tools.list(principal!.account, after)
      return { tools: shown, ...(next !== undefined && { next_cursor: encodeCursor(next) }) }
    },
  }),
  route({
    method: 'get',
    path: '/v1/mcp/tools/{id}',
    tag: 'tools',
    summary: 'A tool of this account with its versions; of its secret only the type.',
    who: 'key',
    scopes: ['sell', 'read'],
    result: toolInFull,
    run: ({ tools }, { principal, params }) => tools.get(principal!.account, params.id!),
  }),
  route({
    method: 'delete',
    path: '/v1/mcp/tools/{id}',
    tag: 'tools',
    summary: 'Gives a tool up: its next call is refused. Declared again, it goes on.',
    who: 'key',
    scopes: ['sell'],
    status: 204,
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'tool.retire')
      await deps.tools.retire(principal!.account, params.id!, along)
      return new Reply(204, '')
    },
  }),
  route({
    method: 'post',
    path: '/v1/mcp/tools/{id}/invoke',
    tag: 'tools',
    summary:
      'Calls a tool of this account, or of the one above it, as POST /v1/calls does. A handler sends x-souk-trace back.',
    who: 'key',
    scopes: ['call'],
    headers: CALL_HEADERS,
    body: invokeSchema,
    result: outcomeSchema,
    failures: [409, 502, 504],
    async run(deps, asked) {
      const { principal, params } = asked
      const { endpointId } = await deps.tools.callable(principal!.account, params.id!)
      return buy(deps, endpointId, asked)
    },
  }),
  route({
    method: 'get',
    path: '/v1/mcp/signing-secret',
    tag: 'tools',
    summary: 'What signs the calls to the handlers of this account.',
    who: 'key',
    scopes: ['manage'],
    result: secretSchema,
    run: async ({ tools }, { principal }) =>
      showSecret(await tools.signingSecret(principal!.account.id)),
  }),
  route({
    method: 'post',
    path: '/v1/mcp/signing-secret/rotate',
    tag: 'tools',
    summary: 'Signs with a new secret from now on, and for 24 hours with the one before, too.',
    who: 'key',
    scopes: ['manage'],
    result: secretSchema,
    async run(deps, { principal }) {
      const along = audited(deps, principal, 'signing_secret.rotate')
      return showSecret(await deps.tools.rotateSigningSecret(principal!.account.id, along))
    },
  }),
]

function showSecret({ secret, formerUntilMs }: { secret: string; formerUntilMs: number | null }) {
  const former_signs_until = formerUntilMs === null ? null : toRfc3339(formerUntilMs)
  return { signing_secret: secret, former_signs_until }
}
