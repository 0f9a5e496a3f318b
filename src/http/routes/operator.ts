/** Running the market: accounts and listings of everybody, and the record of what was done. */
import { z } from 'zod'
import { SUSPENSION_CATEGORIES, showAccountToOperator } from '#accounts'
import { showOverseen } from '#catalogue'
import { decodeCursor, encodeCursor } from '#core/page'
import { storedText } from '#core/stored-text'
import { accountResult } from '../account-schema.js'
import { audited } from '../audited.js'
import { type RouteDeps, route } from '../route.js'

const page = {
  query: z
    .string()
    .min(1)
    .max(120)
    .regex(/^[^\u0000]*$/)
    .optional()
    .describe('a part of the name, or an id'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
}

const whySchema = z.strictObject({
  reason: storedText({ min: 1, max: 500 }).describe('for the record; nobody else reads it'),
  category: z.enum(SUSPENSION_CATEGORIES).default('other').describe('what those it concerns read'),
})

const suspended = z
  .object({ category: z.string(), reason: z.string(), since: z.string() })
  .optional()

const overseenAccount = accountResult.extend({ suspended })

const overseenListing = z.object({
  id: z.string(),
  slug: z.string(),
  title: z.string(),
  seller_id: z.string(),
  status: z.string().describe('as its seller left it'),
  suspended,
})

const OPERATOR = { tag: 'operator', who: 'operator' } as const

export const operatorRoutes = [
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/accounts',
    summary: 'All accounts, sub-accounts among them, oldest first.',
    query: z.strictObject({
      ...page,
      status: z.enum(['active', 'suspended', 'closed']).optional(),
    }),
    result: z.object({ accounts: z.array(overseenAccount), next_cursor: z.string().optional() }),
    async run({ accounts }, { query: { cursor, ...query } }) {
      const found = await accounts.list({ ...query, after: placeOf(cursor) })
      return { accounts: found.accounts.map(showAccountToOperator), ...nextCursor(found.next) }
    },
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/accounts/{id}/suspend',
    summary:
      'Stops an account and those below it: nothing new is bought, sold or paid out; running calls conclude.',
    body: whySchema,
    result: overseenAccount,
    async run(deps, { principal, params, body }) {
      const along = alsoItsListings(deps, audited(deps, principal, 'account.suspend', body))
      const account = await deps.accounts.suspend(params.id!, body, along)
      await deps.catalogue.follow()
      return showAccountToOperator(account)
    },
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/accounts/{id}/resume',
    summary: 'Lets a suspended account go on.',
    body: whySchema.pick({ reason: true }).partial(),
    result: overseenAccount,
    async run(deps, { principal, params, body }) {
      const along = alsoItsListings(deps, audited(deps, principal, 'account.resume', body))
      const account = await deps.accounts.resume(params.id!, along)
      await deps.catalogue.follow()
      return showAccountToOperator(account)
    },
  }),
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/operator/listings',
    summary: 'Listings of all sellers, oldest first.',
    query: z.strictObject({
      ...page,
      status: z.enum(['draft', 'published', 'paused', 'retired', 'suspended']).optional(),
      seller: z.string().max(64).optional().describe('id of its account'),
    }),
    result: z.object({ listings: z.array(overseenListing), next_cursor: z.string().optional() }),
    async run({ catalogue }, { query: { cursor, ...query } }) {
      const found = await catalogue.listings({ ...query, after: placeOf(cursor) })
      return { listings: found.listings.map(showOverseen), ...nextCursor(found.next) }
    },
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/operator/listings/{id}/suspend',
    summary: 'Takes a listing off sale; its seller cannot bring it back.',
    body: whySchema,
    result: overseenListing,
    async run(deps, { principal, params, body }) {
      const along = audited(deps, principal, 'listing.suspend', body)
      return showOverseen(await deps.catalogue.suspendListing(params.id!, body, along))
    },
  }),
  route({
    ...OPERATOR,
    method: 'post',
    path: '/v1/operator/listings/{id}/resume',
    summary: 'Lets a suspended listing be as its seller left it.',
    body: whySchema.pick({ reason: true }).partial(),
    result: overseenListing,
    async run(deps, { principal, params, body }) {
      const along = audited(deps, principal, 'listing.resume', body)
      return showOverseen(await deps.catalogue.resumeListing(params.id!, along))
    },
  }),
  route({
    ...OPERATOR,
    method: 'get',
    path: '/v1/operator/audit',
    summary: 'What was done to run this market, oldest first, each entry bound to the one before.',
    query: z.strictObject({
      after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    result: z.object({
      entries: z.array(
        z.object({
          seq: z.int(),
          at: z.string(),
          act: z.string(),
          by: z.looseObject({}),
          target: z.string(),
          facts: z.looseObject({}),
          prev: z.string(),
          hash: z.string(),
        }),
      ),
    }),
    run: async ({ audit }, { query }) => ({ entries: await audit.list(query) }),
  }),
]

/** Whoever sells is stopped on every gateway in the same transaction; the audit comes last. */
function alsoItsListings(
  { catalogue }: RouteDeps,
  record: ReturnType<typeof audited>,
): ReturnType<typeof audited> {
  return async (tx, id) => {
    await catalogue.sellerChanged(tx, id)
    await record(tx, id)
  }
}

function placeOf(cursor: string | undefined): string | undefined {
  return cursor === undefined
    ? undefined
    : decodeCursor(cursor, (it): it is string => typeof it === 'string')
}

function nextCursor(after: string | undefined): { next_cursor?: string } {
  return after === undefined ? {} : { next_cursor: encodeCursor(after) }
}
