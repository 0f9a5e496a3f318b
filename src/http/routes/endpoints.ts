/** Looking: the same results as browse_apis and describe_endpoint. */
import { z } from 'zod'
import { browseResultSchema, browseSchema, describeSchema, descriptionSchema } from '#catalogue'
import { route } from '../route.js'

export const endpointRoutes = [
  route({
    method: 'get',
    path: '/v1/endpoints',
    tag: 'endpoints',
    summary: 'Finds endpoints by need or name; without a query it names the categories.',
    who: 'looker',
    // A program may page in larger steps than a model should read.
    query: browseSchema.extend({ limit: z.coerce.number().int().min(1).max(200).default(20) }),
    result: browseResultSchema,
    run: ({ catalogue }, { query, principal }) => catalogue.browse(query, principal),
  }),
  route({
    method: 'get',
    path: '/v1/endpoints/{endpoint_id}',
    tag: 'endpoints',
    summary: 'An endpoint in full.',
    who: 'looker',
    query: describeSchema.omit({ endpoint_id: true }),
    result: descriptionSchema,
    run: ({ catalogue }, { params, query, principal }) =>
      catalogue.describe(params.endpoint_id!, query.version, principal),
  }),
]
