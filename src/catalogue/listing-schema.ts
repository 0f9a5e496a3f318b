/** What a seller may write: the shapes of a listing and its endpoints, as they arrive. */
import { z } from 'zod'
import { priceSchema } from '#pricing'

const slug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')
  .max(64)

const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    // Control, zero-width and bidirectional characters hide text from people but not from models.
    .regex(
      /^[^\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]*$/,
      'must not contain control or invisible characters',
    )

const pointer = z
  .string()
  .max(512)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON pointer such as /data/id')

const jsonObject = z.record(z.string(), z.unknown())

const successSchema = z
  .strictObject({
    status: z
      .union([
        z.literal('2xx'),
        z.int().min(200).max(599),
        z.array(z.int().min(200).max(599)).min(1),
      ])
      .default('2xx')
      .describe('statuses that count as delivered'),
    must_exist: pointer.optional().describe('JSON pointer that the answer must have'),
    must_not_exist: pointer.optional().describe('JSON pointer that it must not have, e.g. /errors'),
  })
  .describe('when an answer counts as delivered and is charged')

export type SuccessRule = z.infer<typeof successSchema>

export const backendSchema = z.strictObject({
  type: z.literal('http'),
  base_url: z.string().min(8).max(2048),
})

export const credentialSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('bearer'), token: z.string().max(16_384) }),
  z.strictObject({
    type: z.literal('header'),
    name: z.string().min(1).max(128),
    value: z.string().max(16_384),
  }),
  z.strictObject({
    type: z.literal('query'),
    name: z.string().min(1).max(128),
    value: z.string().max(16_384),
  }),
  z.strictObject({
    type: z.literal('basic'),
    username: z.string().max(1024),
    password: z.string().max(16_384),
  }),
])

export const limitsSchema = z
  .strictObject({
    per_second: z.int().min(1).max(1_000_000).optional(),
    per_minute: z.int().min(1).max(10_000_000).optional(),
    per_day: z.int().min(1).max(1_000_000_000).optional(),
    concurrency: z.int().min(1).max(100_000).optional(),
  })
  .describe('calls that the upstream takes, over all buyers')

export type ListingLimits = z.infer<typeof limitsSchema>

const endpointSchema = z.strictObject({
  slug,
  title: text(120),
  description: text(4000),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().min(1).max(2048),
  input_schema: jsonObject.describe('JSON Schema of the arguments; x-in places each of them'),
  output_schema: jsonObject.optional(),
  tags: z.array(text(64)).max(20).optional().describe('what it is filed under, for search'),
  example: z.strictObject({ arguments: jsonObject, answer: z.unknown().optional() }).optional(),
  price: priceSchema,
  success: successSchema.optional(),
  requires_approval: z.boolean().optional(),
})

export type EndpointInput = z.infer<typeof endpointSchema>

const providerSchema = z
  .strictObject({
    homepage: z.url().optional(),
    docs_url: z.url().optional(),
    terms_url: z.url().optional(),
    licence: text(300).optional(),
    attribution: text(500).optional(),
  })
  .describe('where the data comes from and under which terms')

export type Provider = z.infer<typeof providerSchema>

export const listingSchema = z.strictObject({
  slug,
  title: text(120),
  description: text(4000),
  category: slug,
  backend: backendSchema,
  credential: credentialSchema.optional(),
  limits: limitsSchema.optional(),
  provider: providerSchema.optional(),
  endpoints: z.array(endpointSchema).min(1).max(500),
})

export type ListingInput = z.infer<typeof listingSchema>

/** A change to a listing: endpoints are merged by slug, and only what changed makes a new version. */
export const listingPatchSchema = z
  .strictObject({
    title: text(120),
    description: text(4000),
    category: slug,
    backend: backendSchema,
    limits: limitsSchema,
    provider: providerSchema,
    endpoints: z.array(endpointSchema.partial().required({ slug: true })).max(500),
    retire: z.array(slug).max(500).describe('endpoints that are no longer sold'),
  })
  .partial()

export type ListingPatch = z.infer<typeof listingPatchSchema>

/** A file of `catalog/`: a listing that ships with the gateway, its credential without a value. */
export const shippedListingSchema = listingSchema.omit({ credential: true }).extend({
  status: z.enum(['live', 'draft']),
  operator_must: text(1000).optional(),
  provider: providerSchema.required({ homepage: true, terms_url: true }),
  credential: z.strictObject({
    type: z.enum(['none', 'bearer', 'header', 'query', 'basic']),
    name: z.string().min(1).max(128).optional(),
  }),
})

export type ShippedListing = z.infer<typeof shippedListingSchema>
