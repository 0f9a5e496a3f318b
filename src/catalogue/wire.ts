/** What both faces take and give for looking: one schema validates and documents. */
import { z } from 'zod'

export const browseSchema = z.strictObject({
  query: z.string().max(1000).optional().describe('what the endpoint does'),
  category: z.string().max(64).optional(),
  max_price: z.string().max(24).optional().describe('most USDC per call, fee included'),
  min_rating: z.coerce.number().min(0).max(5).optional(),
  min_uptime: z.coerce.number().min(0).max(1).optional(),
  seller: z.string().max(140).optional(),
  limit: z.coerce.number().int().min(1).max(20).default(5),
  cursor: z.string().max(2000).optional(),
})

export const describeSchema = z.strictObject({
  endpoint_id: z.string().min(3).max(140),
  version: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
})

const price = z.looseObject({ model: z.string(), max_total: z.string() })

export const browseResultSchema = z.object({
  results: z.array(
    z.object({
      endpoint_id: z.string(),
      title: z.string(),
      summary: z.string(),
      seller: z.string(),
      category: z.string(),
      price,
      rating: z.number().nullable(),
      ratings: z.int(),
      uptime: z
        .number()
        .nullable()
        .describe('share of calls and probes that were delivered over the last 7 days, 0–1'),
      latency_ms: z.number().nullable(),
    }),
  ),
  categories: z.array(z.object({ name: z.string(), count: z.int() })).optional(),
  next_cursor: z.string().optional(),
  search: z
    .object({ engine: z.string(), fallback: z.boolean() })
    .optional()
    .describe('only while the chosen search engine is away and another one answers'),
})

export const sellerSchema = z.object({
  id: z.string(),
  name: z.string(),
  rating: z.number().nullable(),
  ratings: z.int(),
})

export const descriptionSchema = z.object({
  endpoint_id: z.string(),
  version: z.int(),
  latest_version: z.int().optional().describe('when it is another one than that asked for'),
  changed_at: z.string().describe('when this version was made'),
  changes: z
    .array(z.string())
    .optional()
    .describe('what differs from the version before, such as price or input_schema'),
  title: z.string(),
  description: z.string(),
  status: z
    .string()
    .optional()
    .describe('paused, retired or suspended, when it cannot be bought now'),
  input_schema: z.looseObject({}),
  output_schema: z.looseObject({}),
  example: z.looseObject({}).optional(),
  price,
  success_rule: z.looseObject({}),
  requires_approval: z.boolean(),
  seller: sellerSchema,
  health: z.object({
    uptime: z.number().nullable(),
    latency_ms_p50: z.number().nullable(),
    latency_ms_p95: z.number().nullable(),
    checked_at: z.string().nullable(),
  }),
  provider: z.looseObject({}).optional(),
})
