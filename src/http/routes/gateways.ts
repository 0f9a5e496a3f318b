/** Gateways: endpoints that an account composes into native MCP tools. */
import { z } from 'zod'
import { toRfc3339 } from '#core/clock'
import { configurationSchema, type Gateway, gatewayPatchSchema, gatewaySchema } from '#gateways'
import { audited } from '../audited.js'
import { Reply, type RouteDeps, route } from '../route.js'

const shownGateway = z.object({
  id: z.string(),
  name: z.string(),
  type: z.literal('mcp'),
  endpoint: z.string(),
  url: z.string().describe('Streamable HTTP; /sse and /ws behind it are the other transports'),
  configuration: configurationSchema,
  created_at: z.string(),
  updated_at: z.string(),
})

export const mcpGatewayRoutes = [
  route({
    method: 'post',
    path: '/v1/gateways',
    tag: 'gateways',
    summary: 'Composes endpoints into MCP tools, at an address of the account.',
    who: 'key',
    scopes: ['manage'],
    body: gatewaySchema,
    status: 201,
    result: shownGateway,
    run: async (deps, { principal, body }) =>
      show(
        deps,
        await deps.gateways.create(
          principal!,
          body,
          audited(deps, principal, 'gateway.create', body),
        ),
      ),
  }),
  route({
    method: 'get',
    path: '/v1/gateways',
    tag: 'gateways',
    summary:
      "The account's gateways, besides the one of all its own tools at /mcp/{account}/tools.",
    who: 'key',
    result: z.object({ gateways: z.array(shownGateway) }),
    run: async (deps, { principal }) => {
      const gateways = await deps.gateways.list(principal!)
      return { gateways: gateways.map((gateway) => show(deps, gateway)) }
    },
  }),
  route({
    method: 'get',
    path: '/v1/gateways/{id}',
    tag: 'gateways',
    summary: 'One gateway.',
    who: 'key',
    result: shownGateway,
    run: async (deps, { principal, params }) =>
      show(deps, await deps.gateways.get(principal!, params.id!)),
  }),
  route({
    method: 'patch',
    path: '/v1/gateways/{id}',
    tag: 'gateways',
    summary: 'Changes a gateway; clients that listen are told when its tools changed.',
    who: 'key',
    scopes: ['manage'],
    body: gatewayPatchSchema,
    result: shownGateway,
    run: async (deps, { principal, params, body }) =>
      show(
        deps,
        await deps.gateways.change(
          principal!,
          params.id!,
          body,
          audited(deps, principal, 'gateway.update', body),
        ),
      ),
  }),
  route({
    method: 'delete',
    path: '/v1/gateways/{id}',
    tag: 'gateways',
    summary: 'Removes a gateway.',
    who: 'key',
    scopes: ['manage'],
    status: 204,
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'gateway.delete')
      await deps.gateways.remove(principal!, params.id!, along)
      return new Reply(204, '')
    },
  }),
]

function show({ publicUrl }: RouteDeps, gateway: Gateway) {
  const { id, name, accountSlug, endpoint, configuration, createdAtMs, updatedAtMs } = gateway
  return {
    ...{ id, name, type: 'mcp' as const, endpoint: `/${endpoint}` },
    url: `${publicUrl}/mcp/${accountSlug}/${endpoint}`,
    configuration,
    created_at: toRfc3339(createdAtMs),
    updated_at: toRfc3339(updatedAtMs),
  }
}
