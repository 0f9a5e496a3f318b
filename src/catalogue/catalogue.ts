/**
 * What is for sale: listings, their endpoints and versions, found by search and described for
 * buyers, managed by their sellers.
 */
import type { Along, Principal, Suspension } from '#accounts'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { toRfc3339 } from '#core/clock'
import { FEE_BPS, readPrice, showPrice } from '#pricing'
import { createValidators } from '#schemas'
import type { RemoteSearch, Search, Watch } from '#search'
import { createBuying } from './buying.js'
import { createCards } from './cards.js'
import { createFollower } from './following.js'
import { createLearning, type Purchase } from './learning.js'
import type { Fence } from './lessons.js'
import { type EndpointDefinition, isHttp, type Notice } from './listing.js'
import type { ListingDeps, ListingWithEndpoints } from './listings.js'
import { createOffers } from './offers.js'
import { createOversight } from './oversight.js'
import { createOwnThings } from './own-things.js'
import { createHealthRounds } from './probing.js'
import { createPusher } from './pushing.js'
import { createSelling } from './selling.js'
import { type BrowsePage, type BrowseQuery, browse, describe, describeSeller } from './shelf.js'
import { createStandings, type Observation, type Standings } from './standing.js'
import { createStreaks } from './streaks.js'
import { clearFlag, countOpenFlags, type FlagQuery, listFlags } from './text-flags.js'
import {
  type Alongside,
  type PutTools,
  putToolListing,
  type ToolListing,
  toolsOf,
} from './tool-listings.js'
import { toolsNow, toolVersions } from './tool-versions.js'

export type { EndpointsOf } from './active-endpoints.js'
export { checkListings } from './check-listings.js'
export { checkRemoteSearch } from './check-remote-search.js'
export { isDelivered } from './delivered.js'
export { importedSchema, importSchema, MAX_IMPORT_BYTES } from './import-wire.js'
export type {
  Backend,
  EndpointDefinition,
  Listing,
  ToolBackend,
  ToolDefinition,
} from './listing.js'
export {
  credentialSchema,
  type ListingInput,
  listingPatchSchema,
  listingSchema,
  toolTermsSchema,
} from './listing-schema.js'
export type { ListingWithEndpoints } from './listings.js'
export { isForSale, type Offer } from './offers.js'
export { showOverseen } from './oversight.js'
export { CATALOGUE_NAME, catalogueName } from './revision.js'
export type { ImportOutcome } from './store-draft.js'
export { MAX_TOOL_ANSWER_BYTES } from './target.js'
export { isAlias } from './tool-aliases.js'
export { type PutTools, slugOfTool } from './tool-listings.js'
export type { ToolNow, ToolVersion } from './tool-versions.js'
export { browseResultSchema, browseSchema, describeSchema, descriptionSchema } from './wire.js'

type Deps = ListingDeps & {
  search: Search
  /** A server that is kept in step, and who is told when that fails. */
  remote?: { remote: RemoteSearch; watch: Watch } | undefined
  catalogFolder: string
  /** Whether purchases teach the search; see {@link createLearning}. */
  learns: boolean
}

export type Catalogue = Awaited<ReturnType<typeof createCatalogue>>

export async function createCatalogue(deps: Deps) {
  const { db } = deps.store
  const offers = createOffers({ db, vault: deps.vault })
  const cards = createCards(deps.store)
  const standings = createStandings(deps)
  const streaks = createStreaks(deps)
  const validators = createValidators()
  const learning = createLearning({ ...deps, isOn: deps.learns })
  const own = createOwnThings(db)
  const follow = await createFollower({ ...deps, offers, cards, own, standings, learning })
  const shelf = { db, search: deps.search, offers, cards, own, standings, learning }
  const push = deps.remote && createPusher({ ...deps, standings, learning, ...deps.remote })
  const validatorFor = (schema: Record<string, unknown>) =>
    validators.for(schema, sha256Hex(canonicalJson(schema)))

  return {
    ...(await createSelling({ ...deps, follow, validatorFor })),
    ...createOversight({ ...deps, follow }),
    browse: (query: BrowseQuery, looker?: Principal): Promise<BrowsePage> =>
      browse(shelf, query, looker),
    /** @throws Problem `endpoint_not_found`. */
    describe: (endpointId: string, version?: number, looker?: Principal) =>
      describe(shelf, endpointId, version, looker),
    describeSeller: (sellerId: string) => describeSeller(db, sellerId),
    /** Texts that look like instructions to a model, for the operator. */
    flags: (query: FlagQuery) => listFlags(db, query),
    /** @throws Problem `not_found`. */
    clearFlag: (id: string, along?: Along) =>
      clearFlag(deps.store, { id, nowMs: deps.clock.now(), along }),
    openFlags: () => countOpenFlags(db),
    ...createBuying({ db, offers, validators }),
    /** See {@link putToolListing}; browsing on this gateway finds the tools when it is done. */
    putTools: async (listing: ToolListing, alongside?: Alongside): Promise<PutTools> => {
      const put = await putToolListing(deps, listing, alongside)
      await follow()
      return put
    },
    toolsOf: (sellerId: string, slug: string) => toolsOf(db, sellerId, slug),
    toolsNow: (endpointIds: readonly string[]) => toolsNow(db, endpointIds),
    toolVersions: (endpointId: string) => toolVersions(db, endpointId),
    /** Counts what a call found of its endpoint. */
    observe: (observation: Observation): void => {
      standings.observe(observation)
      streaks.observe(observation)
    },
    /** Takes note of a call that ended, and of a mark, for what they teach; see `flushStandings`. */
    learn: (purchase: Purchase): void => learning.concluded(purchase),
    learnMark: (mark: { endpointId: string; buyerId: string; score: number }): void =>
      learning.rated(mark),
    /** Works out what purchases teach and is due. One gateway at a time may do it. */
    workOutLessons: (fence: Fence): Promise<void> => learning.workOut(fence),
    forgetOldLessons: (fence: Fence): Promise<void> => learning.forgetOld(fence),
    /** See {@link Standings.setRatings}; browsing on this gateway shows them when it is done. */
    setRatings: async (...ratings: Parameters<Standings['setRatings']>): Promise<void> => {
      await standings.setRatings(...ratings)
      await follow()
    },
    /** Stores what was observed and learned; browsing on this gateway ranks by it when it is done. */
    flushStandings: async (): Promise<void> => {
      await standings.flush()
      await streaks.flush()
      await learning.flush()
      await follow()
    },
    /** Looks at the health of what is due, see {@link createHealthRounds}. */
    lookAtHealth: createHealthRounds({ ...deps, standings, follow, validatorFor }),
    /**
     * Takes over what any gateway changed: listings, prices, standings. For each second, and for
     * the start, when it brings up or makes the index.
     */
    follow,
    /** Where there is a search on a server, brings it up to date; see {@link createPusher}. */
    push,
    ready: () => deps.search.ready(),
  }
}

/** A listing as its seller sees it: everything but the value of its credential. */
export function showListing({ listing, endpoints, endpointCount }: ListingWithEndpoints) {
  return {
    id: listing.id,
    slug: listing.slug,
    title: listing.title,
    description: listing.description,
    category: listing.category,
    status: listing.status,
    backend: listing.backend,
    ...(listing.visibility === 'private' && { visibility: listing.visibility }),
    credential: {
      type: listing.credential.type,
      ...(listing.credential.name !== null && { name: listing.credential.name }),
      set: listing.credential.type === 'none' || listing.credential.sealed !== null,
    },
    limits: listing.limits,
    probe: listing.probe,
    provider: listing.provider,
    ...(listing.notice && { notice: showNotice(listing.notice) }),
    ...(listing.suspension && { suspended: showSuspension(listing.suspension) }),
    ...(listing.operatorMust !== null && { operator_must: listing.operatorMust }),
    created_at: toRfc3339(listing.createdAtMs),
    updated_at: toRfc3339(listing.updatedAtMs),
    endpoint_count: endpointCount,
    endpoints: endpoints.map(({ endpointId, slug, status, version, definition }) => ({
      endpoint_id: endpointId,
      slug,
      status,
      version,
      ...shownTerms(definition),
      price: { ...definition.price, ...showPrice(readPrice(definition.price), FEE_BPS) },
    })),
  }
}

/** Why the gateway keeps a listing paused, as its seller reads it. */
function showNotice({ code, atMs, detail }: Notice) {
  return { code, at: toRfc3339(atMs), detail }
}

/** What the operator wrote of it is not for its seller. */
function showSuspension({ category, atMs }: Suspension) {
  return { category, since: toRfc3339(atMs) }
}

/** What a seller reads of a definition: what answers it stands with the listing. */
function shownTerms(definition: EndpointDefinition) {
  if (!isHttp(definition)) return definition
  const { base_url, ...terms } = definition
  return terms
}
