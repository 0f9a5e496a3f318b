/** Selling: listings of the account that asks. */
import { z } from 'zod'
import { credentialSchema, listingPatchSchema, listingSchema, showListing } from '#catalogue'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import { priceSchema } from '#pricing'
import { Reply, route } from '../route.js'

const shownListing = z.looseObject({
  id: z.string(),
  slug: z.string(),
  title: z.string(),
  status: z.enum(['draft', 'published', 'paused', 'retired']),
  endpoints: z.array(z.looseObject({ endpoint_id: z.string(), version: z.int() })),
})

const importSchema = z.strictObject({
  document: z.unknown().optional().describe('an OpenAPI 3 document, as JSON or as text'),
  url: z.string().max(2048).optional().describe('where to fetch it instead'),
  slug: z.string().max(64).optional(),
  title: z.string().max(120).optional(),
  price: priceSchema.describe('the price of each endpoint'),
  credential: credentialSchema.optional(),
})

const testSchema = z.strictObject({
  endpoint: z.string().max(64).optional().describe('slug of the one endpoint to try'),
  arguments: z.record(z.string(), z.unknown()).optional().describe('instead of its example'),
})

export const listingRoutes = [
  route({
    method: 'post',
    path: '/v1/listings',
    tag: 'listings',
    summary: 'Creates a listing, as a draft.',
    who: 'key',
    scopes: ['sell'],
    body: listingSchema,
    status: 201,
    result: shownListing,
    run: async ({ catalogue }, { principal, body }) =>
      showListing(await catalogue.create(principal!.account.id, body)),
  }),
  route({
    method: 'post',
    path: '/v1/listings/import',
    tag: 'listings',
    summary: 'Creates a draft from an OpenAPI document; each operation becomes an endpoint.',
    who: 'key',
    scopes: ['sell'],
    body: importSchema,
    status: 201,
    result: shownListing.extend({
      warnings: z.array(z.object({ at: z.string(), message: z.string() })),
    }),
    async run({ catalogue }, { principal, body }) {
      if ((body.document === undefined) === (body.url === undefined)) {
        throw new Problem('invalid_request', 'Send either document or url.')
      }
      const { listing, warnings } = await catalogue.draftFrom(body)
      const { credential: slot, ...rest } = listing
      const input = parseInput(
        listingSchema,
        { ...rest, credential: body.credential },
        'The document',
      )
      const created = await catalogue.create(principal!.account.id, input, slot)
      return { ...showListing(created), warnings }
    },
  }),
  route({
    method: 'get',
    path: '/v1/listings',
    tag: 'listings',
    summary: 'All listings of this account.',
    who: 'key',
    scopes: ['sell', 'read'],
    result: z.object({ listings: z.array(shownListing) }),
    run: async ({ catalogue }, { principal }) => ({
      listings: (await catalogue.listOwn(principal!.account.id)).map(showListing),
    }),
  }),
  route({
    method: 'get',
    path: '/v1/listings/{id}',
    tag: 'listings',
    summary: 'A listing of this account; of its credential only type and name.',
    who: 'key',
    scopes: ['sell', 'read'],
    result: shownListing,
    run: async ({ catalogue }, { principal, params }) =>
      showListing(await catalogue.own(principal!.account.id, params.id!)),
  }),
  route({
    method: 'patch',
    path: '/v1/listings/{id}',
    tag: 'listings',
    summary:
      'Changes a listing. Endpoints are merged by slug; each that changes gets a new version. Those in retire are no longer sold.',
    who: 'key',
    scopes: ['sell'],
    body: listingPatchSchema,
    result: shownListing,
    run: async ({ catalogue }, { principal, params, body }) =>
      showListing(await catalogue.change(principal!.account.id, params.id!, body)),
  }),
  route({
    method: 'delete',
    path: '/v1/listings/{id}',
    tag: 'listings',
    summary: 'Retires a listing for good; what was sold stays on record.',
    who: 'key',
    scopes: ['sell'],
    status: 204,
    async run({ catalogue }, { principal, params }) {
      await catalogue.retire(principal!.account.id, params.id!)
      return new Reply(204, '')
    },
  }),
  route({
    method: 'post',
    path: '/v1/listings/{id}/test',
    tag: 'listings',
    summary: 'Calls the upstream for real, with the examples, and says what to mend.',
    who: 'key',
    scopes: ['sell'],
    body: testSchema,
    result: z.object({
      ok: z.boolean(),
      results: z.array(
        z.object({
          endpoint_id: z.string(),
          ok: z.boolean(),
          status: z.int().nullable(),
          latency_ms: z.int().nullable(),
          hint: z.string(),
        }),
      ),
    }),
    async run({ catalogue }, { principal, params, body }) {
      const results = await catalogue.probe(principal!.account.id, params.id!, body)
      return { ok: results.every((result) => result.ok), results }
    },
  }),
  route({
    method: 'post',
    path: '/v1/listings/{id}/publish',
    tag: 'listings',
    summary: 'Puts a listing on sale; browse_apis finds it as soon as this answers.',
    who: 'key',
    scopes: ['sell'],
    result: shownListing,
    run: async ({ catalogue }, { principal, params }) =>
      showListing(await catalogue.publish(principal!.account.id, params.id!)),
  }),
  route({
    method: 'post',
    path: '/v1/listings/{id}/pause',
    tag: 'listings',
    summary: 'Takes a listing off sale, until it is published again.',
    who: 'key',
    scopes: ['sell'],
    result: shownListing,
    run: async ({ catalogue }, { principal, params }) =>
      showListing(await catalogue.pause(principal!.account.id, params.id!)),
  }),
  route({
    method: 'put',
    path: '/v1/listings/{id}/credential',
    tag: 'listings',
    summary: 'Replaces the credential. It is sealed on arrival and never comes back.',
    who: 'key',
    scopes: ['sell'],
    body: credentialSchema,
    result: shownListing,
    run: async ({ catalogue }, { principal, params, body }) =>
      showListing(await catalogue.setCredential(principal!.account.id, params.id!, body)),
  }),
]
