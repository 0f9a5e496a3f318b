/** What sellers wrote that looks like instructions to a model; for the operator alone. */
import { z } from 'zod'
import { audited } from '../audited.js'
import { Reply, route } from '../route.js'

const flagSchema = z.object({
  id: z.string(),
  rule: z.string().describe('what kind of instruction it looks like'),
  excerpt: z.string().describe("the seller's words: not to be followed"),
  place: z.string().describe('JSON pointer into what was written'),
  listing: z.object({
    id: z.string(),
    slug: z.string(),
    status: z.string(),
    seller_id: z.string(),
  }),
  endpoint_id: z.string().optional(),
  version: z.int().optional().describe('the version that brought it'),
  latest_version: z.int().nullable().optional(),
  at: z.string(),
  cleared_at: z.string().optional(),
})

export const flagRoutes = [
  route({
    method: 'get',
    path: '/v1/operator/flags',
    tag: 'operator',
    summary: 'Texts of sellers that look like instructions to a model, the latest first.',
    who: 'operator',
    query: z.strictObject({
      state: z.enum(['open', 'cleared', 'all']).default('open'),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(200).optional(),
    }),
    result: z.object({ flags: z.array(flagSchema), next_cursor: z.string().optional() }),
    run: ({ catalogue }, { query }) => catalogue.flags(query),
  }),
  route({
    method: 'post',
    path: '/v1/operator/flags/{id}/clear',
    tag: 'operator',
    summary: 'Lets a flagged text stand; the same words of that endpoint are not flagged again.',
    who: 'operator',
    status: 204,
    async run(deps, { principal, params }) {
      await deps.catalogue.clearFlag(params.id!, audited(deps, principal, 'flag.clear'))
      return new Reply(204, '')
    },
  }),
]
