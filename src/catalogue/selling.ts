/** The seller's side of the catalogue: every function acts only on listings of `sellerId`. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Along } from '#accounts'
import { defined } from '#core/defined'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import type { Validator } from '#schemas'
import type { Credential } from '#upstreams'
import { createImporting } from './importing.js'
import { type Listing, type ListingRow, toListing } from './listing.js'
import type { ListingInput, ListingPatch } from './listing-schema.js'
import {
  type CredentialSlot,
  changeListing,
  createListing,
  getListing,
  type ListingDeps,
  type ListingWithEndpoints,
  listingNotFound,
  setCredential,
  setStatus,
  withEndpoints,
} from './listings.js'
import { type ProbeResult, probeListing } from './probe.js'
import { type ReservedSlugs, reservedSlugs } from './reserved-slugs.js'
import { loadShipped, shippedSlugs } from './shipped.js'
import type { ImportOutcome } from './store-draft.js'
import { endpointsIn } from './versions.js'

/** Endpoints that one page of listings shows, and then some: those of its last listing. */
const MAX_SHOWN = 2_000

type Deps = ListingDeps & {
  catalogFolder: string
  /** Makes what was changed visible on this gateway. */
  follow(): Promise<void>
  validatorFor(schema: Record<string, unknown>): Validator
}

export type Selling = Awaited<ReturnType<typeof createSelling>>

export async function createSelling(deps: Deps) {
  const reserved = reservedSlugs(await shippedSlugs(deps.catalogFolder))
  const importing = createImporting({ ...deps, reserved })
  return {
    /** @throws Problem `slug_taken`, `invalid_request`. */
    create: async (
      sellerId: Id<'account'>,
      input: ListingInput,
      { slot, along }: { slot?: CredentialSlot; along?: Along } = {},
    ): Promise<ListingWithEndpoints> => {
      refuseReserved(reserved, input.slug)
      return createListing({ ...deps, along }, sellerId, input, slot)
    },
    takeImportSeat: importing.takeSeat,
    /** See `Importing.importDocument`; search finds what is on sale when it is done. */
    importDocument: async (
      sellerId: Id<'account'>,
      body: Uint8Array,
      along?: Along,
    ): Promise<ImportOutcome> => {
      const outcome = await importing.importDocument(sellerId, body, along)
      if (!outcome.isDryRun) await deps.follow()
      return outcome
    },
    /**
     * @param after shows the endpoints after this id, where a page does not hold all of them.
     * @throws Problem `listing_not_found`, also for a listing of someone else.
     */
    own: (sellerId: string, id: string, after?: string) => own(deps, sellerId, id, after),
    /** The account's listings after the id `after`, as many as make a page; `next` where there are more. */
    listOwn: (sellerId: string, after = '') => listOwn(deps, sellerId, after),
    change: async (sellerId: string, id: string, patch: ListingPatch, along?: Along) => {
      await own(deps, sellerId, id)
      await changeListing({ ...deps, along }, id, patch)
      return afterChange(deps, id)
    },
    setCredential: async (sellerId: string, id: string, credential: Credential, along?: Along) => {
      await own(deps, sellerId, id)
      await setCredential({ ...deps, along }, id, credential)
      return afterChange(deps, id)
    },
    /** @throws Problem `forbidden` for one that the operator suspended. */
    publish: (sellerId: string, id: string, along?: Along) =>
      moveTo({ ...deps, along }, { sellerId, id, status: 'published' }),
    pause: (sellerId: string, id: string, along?: Along) =>
      moveTo({ ...deps, along }, { sellerId, id, status: 'paused' }),
    retire: (sellerId: string, id: string, along?: Along) =>
      moveTo({ ...deps, along }, { sellerId, id, status: 'retired' }),
    /** Calls the seller's endpoints for real; see `probe.ts`. */
    probe: async (
      sellerId: string,
      id: string,
      only: { endpoint?: string | undefined; arguments?: Record<string, unknown> | undefined },
    ): Promise<ProbeResult[]> => {
      const { listing, endpoints } = await own(deps, sellerId, id)
      const slugs = only.endpoint === undefined ? undefined : [only.endpoint]
      const named = slugs && (await listOf(endpointsIn(deps.store.db, id, slugs)))
      return probeListing(deps, { listing, endpoints: named ?? endpoints }, only)
    },
    /**
     * Applies the files of `catalog/` that are new or changed, as listings of `sellerId`. They are
     * found after the next `follow`.
     */
    loadShipped: async (
      sellerId: Id<'account'>,
      onProgress?: (done: number, all: number) => void,
    ): Promise<void> => {
      const options = { folder: deps.catalogFolder, sellerId, ...defined({ onProgress }) }
      await loadShipped(deps, options)
    },
    /** Ends imports that are on, at the next portion. */
    close: importing.close,
  }
}

async function own(
  deps: Deps,
  sellerId: string,
  id: string,
  after?: string,
): Promise<ListingWithEndpoints> {
  const found = await getListing(deps.store.db, id, after)
  if (found.listing.sellerId !== sellerId) throw listingNotFound()
  return found
}

async function moveTo(
  deps: Deps,
  { sellerId, id, status }: { sellerId: string; id: string; status: Listing['status'] },
) {
  const { listing } = await own(deps, sellerId, id)
  if (status === 'published') refuseSuspended(listing)
  await setStatus(deps, id, status)
  return afterChange(deps, id)
}

async function afterChange(deps: Deps, id: string): Promise<ListingWithEndpoints> {
  await deps.follow()
  return getListing(deps.store.db, id)
}

async function listOwn({ store: { db } }: Deps, sellerId: string, after: string) {
  const rows = await db<ListingRow>('listings')
    .where({ seller_id: sellerId })
    .where('id', '>', after)
    .orderBy('id')
    .limit(MAX_SHOWN)
  const listings: ListingWithEndpoints[] = []
  let shown = 0
  for (const row of rows) {
    if (shown >= MAX_SHOWN) break
    const listing = await withEndpoints(db, toListing(row))
    shown += 1 + listing.endpoints.length
    listings.push(listing)
    // An account may have a thousand tools, each a listing, and calls must not wait for all of them.
    await turn()
  }
  const last = listings.at(-1)?.listing.id
  const isMore = listings.length < rows.length || rows.length === MAX_SHOWN
  return { listings, next: isMore ? last : undefined }
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

function refuseSuspended({ suspension }: Listing): void {
  if (!suspension) return
  throw new Problem('forbidden', `The operator suspended this listing (${suspension.category}).`, {
    action: 'Ask the operator of this gateway.',
    facts: { reason: suspension.category },
  })
}

function refuseReserved(reserved: ReservedSlugs, slug: string): void {
  if (reserved.has(slug)) {
    const detail = `The slug "${slug}" is kept for providers and servers of the gateway itself.`
    throw new Problem('slug_taken', detail)
  }
}
