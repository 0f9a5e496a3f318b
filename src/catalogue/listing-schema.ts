/** What a seller may write: the shapes of a listing and its endpoints, as they arrive. */
import { z } from 'zod'
import { hasInvisible, plainLine, plainText } from '#core/plain-text'
import { priceSchema } from '#pricing'
import { hiddenNameIn, plainSchema } from './schema-text.js'

/** What one listing written by hand, or one page of a larger one, holds at most. */
export const MAX_ENDPOINTS = 500

const slug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')
  .max(64)

/**
 * Sellers' texts are kept as plain text: what a client would render, and what nobody sees, is taken
 * out. The limit counts what is left; markup may be some times as long.
 */
const text = (max: number) =>
  z
    .string()
    .max(10 * max)
    .overwrite(plainText)
    .min(1)
    .max(max)
const line = (max: number) =>
  z
    .string()
    .max(10 * max)
    .overwrite(plainLine)
    .min(1)
    .max(max)

const pointer = z
  .string()
  .max(512)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON pointer such as /data/id')

const jsonObject = z.record(z.string(), z.unknown())

/** Examples and schemas of answers are read by whoever looks at the endpoint, so they have a length. */
const within = (bytes: number) => (value: unknown) =>
  Buffer.byteLength(JSON.stringify(value)) <= bytes

const KIB = 1024
const tooLong = (kib: number) => `must not be longer than ${kib} KiB as JSON`

/** Names of arguments are no prose: what is invisible in them is refused rather than taken out. */
const schemaOfSeller = jsonObject.overwrite(plainSchema).superRefine((schema, context) => {
  const place = hiddenNameIn(schema)
  if (place === undefined) return
  context.addIssue({ code: 'custom', message: `has invisible characters in a name, at ${place}` })
})

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
  z
    .strictObject({
      type: z.literal('oauth2_client_credentials'),
      token_url: z.string().min(8).max(2048),
      client_id: z.string().min(1).max(1024),
      client_secret: z.string().max(16_384),
      scopes: z.array(z.string().min(1).max(256)).max(100).optional(),
      extra_params: z.record(z.string().max(128), z.string().max(2048)).optional(),
    })
    .describe('a bearer token that is fetched at token_url and renewed before it ends'),
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

const probeSchema = z
  .union([
    z.literal('off'),
    z.strictObject({
      endpoint: slug.optional().describe('its slug; always this one, even where calls are metered'),
      every_minutes: z.int().min(5).max(1440).optional(),
    }),
  ])
  .describe('how Souk tries whether the upstream works')

export type ProbeTerms = z.infer<typeof probeSchema>

export const endpointSchema = z.strictObject({
  slug,
  title: line(120),
  description: text(4000),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z
    .string()
    .min(1)
    .max(2048)
    .refine((path) => !hasInvisible(path), 'must not contain control or invisible characters'),
  input_schema: schemaOfSeller.describe('JSON Schema of the arguments; x-in places each of them'),
  output_schema: schemaOfSeller.refine(within(64 * KIB), tooLong(64)).optional(),
  tags: z.array(line(64)).max(20).optional().describe('what it is filed under, for search'),
  example: z
    .strictObject({ arguments: jsonObject, answer: z.unknown().optional() })
    .refine(within(64 * KIB), tooLong(64))
    .optional(),
  price: priceSchema,
  success: successSchema.optional(),
  requires_approval: z.boolean().optional(),
})

export type EndpointInput = z.infer<typeof endpointSchema>

/** What is said of a tool as of any endpoint. */
export const toolTermsSchema = endpointSchema.pick({
  title: true,
  description: true,
  input_schema: true,
  output_schema: true,
  tags: true,
  price: true,
})

/** A page that buyers may be led to. */
const page = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((url) => !hasInvisible(url), 'must not contain control or invisible characters')

const providerSchema = z
  .strictObject({
    homepage: page.optional(),
    docs_url: page.optional(),
    terms_url: page.optional(),
    licence: line(300).optional(),
    attribution: text(500).optional(),
  })
  .describe('where the data comes from and under which terms')

export type Provider = z.infer<typeof providerSchema>

export const listingSchema = z.strictObject({
  slug,
  title: line(120),
  description: text(4000),
  category: slug,
  backend: backendSchema,
  credential: credentialSchema.optional(),
  limits: limitsSchema.optional(),
  probe: probeSchema.optional(),
  provider: providerSchema.optional(),
  endpoints: z.array(endpointSchema).min(1).max(MAX_ENDPOINTS),
})

export type ListingInput = z.infer<typeof listingSchema>

/** A change to a listing: endpoints are merged by slug, and only what changed makes a new version. */
export const listingPatchSchema = z
  .strictObject({
    title: line(120),
    description: text(4000),
    category: slug,
    backend: backendSchema,
    limits: limitsSchema,
    probe: probeSchema,
    provider: providerSchema,
    endpoints: z.array(endpointSchema.partial().required({ slug: true })).max(MAX_ENDPOINTS),
    retire: z.array(slug).max(MAX_ENDPOINTS).describe('endpoints that are no longer sold'),
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
