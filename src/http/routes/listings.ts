/** Selling: listings of the account that asks. */
import { z } from 'zod'
import {
  credentialSchema,
  importedSchema,
  importSchema,
  listingPatchSchema,
  listingSchema,
  MAX_IMPORT_BYTES,
  showListing,
} from '#catalogue'
import { decodeCursor, encodeCursor } from '#core/page'
import { audited } from '../audited.js'
import { largeRoute, Reply, route } from '../route.js'

const pageSchema = z.strictObject({ cursor: z.string().max(500).optional() })

const shownListing = z.looseObject({
  id: z.string(),
  slug: z.string(),
  title: z.string(),
  status: z.enum(['draft', 'published', 'paused', 'retired']),
  endpoint_count: z.int().optional().describe('of the whole listing'),
  notice: z
    .object({ code: z.literal('health'), at: z.string(), detail: z.string() })
    .optional()
    .describe('why the gateway itself keeps it paused'),
  suspended: z
    .object({ category: z.string(), since: z.string() })
    .optional()
    .describe('while the operator keeps it off sale, whatever its status'),
  endpoints: z.array(z.looseObject({ endpoint_id: z.string(), version: z.int() })),
})

/** Of a listing that is only foreseen, slug and title. */
const importResult = z.looseObject({
  ...shownListing.partial().shape,
  ...importedSchema.shape,
  dry_run: z.literal(true).optional(),
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
    async run(deps, { principal, body }) {
      const along = audited(deps, principal, 'listing.create', { slug: body.slug })
      return showListing(await deps.catalogue.create(principal!.account.id, body, { along }))
    },
  }),
  largeRoute({
    method: 'post',
    path: '/v1/listings/import',
    tag: 'listings',
    summary:
      'Makes a listing from an OpenAPI document, or brings it up to the document: each operation is an endpoint. 201 for a new one, a draft unless published, else 200.',
    who: 'key',
    scopes: ['sell'],
    headers: { Prefer: 'return=minimal leaves the endpoints out of the answer' },
    body: importSchema,
    large: {
      maxBytes: MAX_IMPORT_BYTES,
      takeSeat: ({ catalogue }, principal) => catalogue.takeImportSeat(principal.account.id),
    },
    status: 201,
    result: importResult,
    async run(deps, { principal, body, headers }) {
      const { catalogue } = deps
      const sellerId = principal!.account.id
      const along = audited(deps, principal, 'listing.import')
      const outcome = await catalogue.importDocument(sellerId, body, along)
      const { listingId, isNew, isDryRun, imported, slug, title } = outcome
      const head = { ...(listingId && { id: listingId }), slug, title }
      if (isDryRun) return new Reply(200, { ...head, dry_run: true, ...imported })
      const { endpoints, ...listing } = showListing(await catalogue.own(sellerId, listingId!))
      const shown = isMinimal(headers.prefer) ? listing : { ...listing, endpoints }
      return new Reply(isNew ? 201 : 200, { ...shown, ...imported })
    },
  }),
  route({
    method: 'get',
    path: '/v1/listings',
    tag: 'listings',
    summary: 'The listings of this account, with at most 500 endpoints each.',
    who: 'key',
    scopes: ['sell', 'read'],
    query: pageSchema,
    result: z.object({ listings: z.array(shownListing), next_cursor: z.string().optional() }),
    async run({ catalogue }, { principal, query }) {
      const { listings, next } = await catalogue.listOwn(principal!.account.id, placeOf(query))
      return { listings: listings.map(showListing), ...nextCursor(next) }
    },
  }),
  route({
    method: 'get',
    path: '/v1/listings/{id}',
    tag: 'listings',
    summary:
      'A listing of this account, 500 endpoints at a time; of its credential only type and name.',
    who: 'key',
    scopes: ['sell', 'read'],
    query: pageSchema,
    result: shownListing.extend({ next_cursor: z.string().optional() }),
    async run({ catalogue }, { principal, params, query }) {
      const after = placeOf(query)
      const { next, ...found } = await catalogue.own(principal!.account.id, params.id!, after)
      return { ...showListing(found), ...nextCursor(next) }
    },
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
    async run(deps, { principal, params, body }) {
      const along = audited(deps, principal, 'listing.change', { fields: Object.keys(body) })
      const { catalogue } = deps
      return showListing(await catalogue.change(principal!.account.id, params.id!, body, along))
    },
  }),
  route({
    method: 'delete',
    path: '/v1/listings/{id}',
    tag: 'listings',
    summary: 'Retires a listing for good; what was sold stays on record.',
    who: 'key',
    scopes: ['sell'],
    status: 204,
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'listing.retire')
      await deps.catalogue.retire(principal!.account.id, params.id!, along)
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
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'listing.publish')
      return showListing(await deps.catalogue.publish(principal!.account.id, params.id!, along))
    },
  }),
  route({
    method: 'post',
    path: '/v1/listings/{id}/pause',
    tag: 'listings',
    summary: 'Takes a listing off sale, until it is published again.',
    who: 'key',
    scopes: ['sell'],
    result: shownListing,
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'listing.pause')
      return showListing(await deps.catalogue.pause(principal!.account.id, params.id!, along))
    },
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
    async run(deps, { principal, params, body }) {
      const along = audited(deps, principal, 'listing.credential', { type: body.type })
      const { catalogue } = deps
      const sellerId = principal!.account.id
      return showListing(await catalogue.setCredential(sellerId, params.id!, body, along))
    },
  }),
]

/** RFC 7240. */
function isMinimal(prefer: string | string[] | undefined): boolean {
  return [prefer].flat().some((text) => /(^|[,;\s])return=minimal([,;\s]|$)/i.test(text ?? ''))
}

/** The id after which a page begins. */
function placeOf({ cursor }: z.output<typeof pageSchema>): string {
  return cursor === undefined ? '' : decodeCursor(cursor, (it) => typeof it === 'string')
}

function nextCursor(after: string | undefined): { next_cursor?: string } {
  return after === undefined ? {} : { next_cursor: encodeCursor(after) }
}
