/** Calls that wait for a person. A key can look; only a person decides, on the page. */
import { z } from 'zod'
import type { Approvals } from '#approvals'
import { type RouteDeps, route } from '../route.js'

const shownApproval = z.object({
  id: z.string(),
  state: z.enum(['open', 'approved', 'declined', 'used', 'expired']),
  endpoint_id: z.string(),
  title: z.string(),
  arguments: z.unknown(),
  max_total: z.string().describe('USDC, fee included'),
  key_name: z.string().describe('of the key that asked'),
  expires_at: z.string(),
  approval_url: z.string(),
})

export const approvalRoutes = [
  route({
    method: 'get',
    path: '/v1/approvals',
    tag: 'approvals',
    summary: 'Calls of this account that wait for a person, the latest first.',
    who: 'key',
    scopes: ['read', 'manage'],
    result: z.object({ approvals: z.array(shownApproval) }),
    run: async (deps, { principal }) => {
      const approvals = await deps.approvals.open(principal!.account.id)
      return { approvals: approvals.map((approval) => show(deps, approval)) }
    },
  }),
  route({
    method: 'get',
    path: '/v1/approvals/{id}',
    tag: 'approvals',
    summary: 'Whether a person approved a call.',
    who: 'key',
    scopes: ['call', 'read', 'manage'],
    result: shownApproval,
    run: async (deps, { principal, params }) =>
      show(deps, await deps.approvals.show(principal!.account.id, params.id!)),
  }),
]

type Shown = Awaited<ReturnType<Approvals['show']>>

function show({ publicUrl }: RouteDeps, approval: Shown) {
  const { id, state, endpointId, title, arguments: args, total, keyName, expiresAt } = approval
  return {
    ...{ id, state, endpoint_id: endpointId, title, arguments: args, max_total: total },
    ...{ key_name: keyName, expires_at: expiresAt, approval_url: `${publicUrl}/approvals/${id}` },
  }
}
