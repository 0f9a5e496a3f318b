/** What both faces take and give for calls, prices and usage: one schema validates and documents. */
import { z } from 'zod'
import { problemFields } from '#core/problem-fields'

export const endpointIdSchema = z
  .string()
  .min(3)
  .max(140)
  .describe('<listing>.<endpoint>, as browse_apis gives it')

const version = z.int().min(1).max(2_147_483_647)
const args = z.record(z.string(), z.unknown())
const usdc = z.string().max(24)

export const callSchema = z.strictObject({
  endpoint_id: endpointIdSchema,
  arguments: args.default({}).describe('must fit the input_schema of describe_endpoint'),
  version: version.optional().describe('pins a version; default is the latest'),
  max_price: usdc.optional().describe('most USDC to pay, fee included, e.g. "0.01"'),
  quote_id: z.string().max(64).optional().describe('from get_pricing'),
  idempotency_key: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('unique per intended call; a retry with it is never charged twice'),
})

export const priceQuerySchema = z.strictObject({
  endpoint_id: endpointIdSchema,
  version: version.optional(),
  arguments: args.optional().describe('gives a signed quote for exactly this call'),
})

export const usageSchema = z.strictObject({
  from: z.string().max(40).optional().describe('RFC 3339'),
  to: z.string().max(40).optional(),
  endpoint_id: endpointIdSchema.optional(),
  key_id: z.string().max(64).optional().describe('what this key bought'),
  tag: z.string().max(100).optional(),
  within: z.string().max(64).optional().describe('a call: it and all that were made in its course'),
  limit: z.coerce.number().int().min(1).max(200).default(20),
  cursor: z.string().max(2000).optional(),
})

export const outcomeSchema = z.object({
  call_id: z.string(),
  endpoint_id: z.string(),
  version: z.int(),
  latest_version: z.int().optional().describe('when a newer one is on sale'),
  outcome: z.enum(['charged', 'free', 'refunded', 'failed']),
  status: z.int().nullable().describe("the upstream's status, null when it did not answer"),
  body: z.unknown().describe('parsed JSON, text, or {encoding, media_type, data}'),
  truncated: z.boolean().optional(),
  body_url: z.string().optional().describe('where the exact bytes are, while they are kept'),
  body_expired: z.boolean().optional().describe('there was a body, which is no longer kept'),
  charge: z.object({ amount: z.string(), fee: z.string(), total: z.string() }),
  balance: z.string().describe('what can be spent now'),
  receipt: z.string().nullable().describe('compact JWS, verifiable offline'),
  receipt_id: z.string().nullable(),
  idempotent_replay: z.boolean().optional(),
  ...problemFields,
})

export const priceSchema = z.object({
  price: z.looseObject({ model: z.string(), max_total: z.string() }),
  fee_bps: z.int(),
  quote: z
    .object({
      quote_id: z.string(),
      max_charge: z.string(),
      max_fee: z.string(),
      max_total: z.string(),
      expires_at: z.string(),
      signature: z.string().describe('compact JWS over the quote'),
    })
    .optional(),
})

export const usageResultSchema = z.object({
  calls: z.array(
    z.object({
      call_id: z.string(),
      endpoint_id: z.string(),
      key_id: z.string().describe('the key that bought it'),
      at: z.string(),
      outcome: z.string(),
      status: z.int().nullable(),
      latency_ms: z.int().nullable(),
      total: z.string(),
      receipt_id: z.string().nullable(),
      tag: z.string().optional(),
      parent_call_id: z.string().optional().describe('the call in whose course it was made'),
    }),
  ),
  totals: z.object({
    calls: z.int().describe('number of calls'),
    charged: z.string().describe('USDC paid, fees included'),
    refunded: z.string().describe('USDC that was held and given back'),
  }),
  next_cursor: z.string().optional(),
})

export const balanceSchema = z.object({
  currency: z.literal('USDC'),
  available: z.string(),
  held: z.string(),
  limits: z.array(
    z.object({
      scope: z.string(),
      limit: z.string(),
      spent: z.string(),
      resets_at: z.string().nullable(),
    }),
  ),
  top_up_url: z.string(),
})
