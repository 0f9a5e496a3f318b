/**
 * What is for sale: listings, their endpoints and versions, found by search and described for
 * buyers, managed by their sellers.
 */
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { toRfc3339 } from '#core/clock'
import { FEE_BPS, readPrice, showPrice } from '#pricing'
import { createValidators } from '#schemas'
import type { Search } from '#search'
import { createFollower } from './following.js'
import type { EndpointDefinition } from './listing.js'
import type { ListingDeps, ListingWithEndpoints } from './listings.js'
import { createOffers, type Offer, requireForSale } from './offers.js'
import { createSelling } from './selling.js'
import { type BrowsePage, type BrowseQuery, browse, describe, describeSeller } from './shelf.js'
import { createStandings, type Observation, type Standings } from './standing.js'

export { checkListings } from './check-listings.js'
export { isDelivered } from './delivered.js'
export type { Listing } from './listing.js'
export {
  credentialSchema,
  type ListingInput,
  listingPatchSchema,
  listingSchema,
} from './listing-schema.js'
export type { ListingWithEndpoints } from './listings.js'
export type { Offer } from './offers.js'
export { browseResultSchema, browseSchema, describeSchema, descriptionSchema } from './wire.js'

type Deps = ListingDeps & { search: Search; catalogFolder: string }

export type Catalogue = Awaited<ReturnType<typeof createCatalogue>>

export async function createCatalogue(deps: Deps) {
  const { db } = deps.store
  const offers = createOffers({ db, vault: deps.vault })
  const standings = createStandings(deps)
  const validators = createValidators()
  const follow = await createFollower({ ...deps, offers, standings })
  const shelf = { db, search: deps.search, offers, standings }
  const validatorFor = (schema: Record<string, unknown>) =>
    validators.for(schema, sha256Hex(canonicalJson(schema)))

  return {
    ...(await createSelling({ ...deps, follow, validatorFor })),
    browse: (query: BrowseQuery): Promise<BrowsePage> => browse(shelf, query),
    /** @throws Problem `endpoint_not_found`. */
    describe: (endpointId: string, version?: number) => describe(shelf, endpointId, version),
    describeSeller: (sellerId: string) => describeSeller(db, sellerId),
    /** @throws Problem `endpoint_not_found`, `listing_changed`. */
    offer: async (endpointId: string, version?: number): Promise<Offer> =>
      requireForSale(await offers.find(endpointId, version), endpointId),
    /** Checks arguments against an offer's schema; at most 20 failing paths. */
    validate: (offer: Offer, args: unknown) =>
      validators.for(offer.inputSchema, offer.schemaHash)(args),
    observe: (observation: Observation): void => standings.observe(observation),
    /** See {@link Standings.setRatings}; browsing on this gateway shows them when it is done. */
    setRatings: async (...ratings: Parameters<Standings['setRatings']>): Promise<void> => {
      await standings.setRatings(...ratings)
      await follow()
    },
    /** Stores what was observed; browsing on this gateway ranks by it when it is done. */
    flushStandings: async (): Promise<void> => {
      await standings.flush()
      await follow()
    },
    /**
     * Takes over what any gateway changed: listings, prices, standings. For each second, and for
     * the start, when it brings up or makes the index.
     */
    follow,
    ready: () => deps.search.ready(),
  }
}

/** A listing as its seller sees it: everything but the value of its credential. */
export function showListing({ listing, endpoints }: ListingWithEndpoints) {
  return {
    id: listing.id,
    slug: listing.slug,
    title: listing.title,
    description: listing.description,
    category: listing.category,
    status: listing.status,
    backend: listing.backend,
    credential: {
      type: listing.credential.type,
      ...(listing.credential.name !== null && { name: listing.credential.name }),
      set: listing.credential.type === 'none' || listing.credential.sealed !== null,
    },
    limits: listing.limits,
    provider: listing.provider,
    ...(listing.operatorMust !== null && { operator_must: listing.operatorMust }),
    created_at: toRfc3339(listing.createdAtMs),
    updated_at: toRfc3339(listing.updatedAtMs),
    endpoints: endpoints.map(({ endpointId, slug, status, version, definition }) => ({
      endpoint_id: endpointId,
      slug,
      status,
      version,
      ...withoutBackend(definition),
      price: { ...definition.price, ...showPrice(readPrice(definition.price), FEE_BPS) },
    })),
  }
}

function withoutBackend({ base_url, ...definition }: EndpointDefinition) {
  return definition
}
