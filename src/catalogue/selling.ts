/** The seller's side of the catalogue: every function acts only on listings of `sellerId`. */

import { defined } from '#core/defined'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { importOpenApi } from '#openapi'
import type { PriceTerms } from '#pricing'
import type { Validator } from '#schemas'
import type { Credential } from '#upstreams'
import type { Listing } from './listing.js'
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
} from './listings.js'
import { type ProbeResult, probeListing } from './probe.js'
import { loadShipped, shippedSlugs } from './shipped.js'

/** The largest document that an import reads, in bytes. */
const MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
const DOCUMENT_TIMEOUT_MS = 15_000

type Deps = ListingDeps & {
  catalogFolder: string
  /** Makes what was changed visible on this gateway. */
  follow(): Promise<void>
  validatorFor(schema: Record<string, unknown>): Validator
}

export type ImportInput = {
  document?: unknown
  url?: string | undefined
  slug?: string | undefined
  title?: string | undefined
  price: PriceTerms
}

export type Selling = Awaited<ReturnType<typeof createSelling>>

export async function createSelling(deps: Deps) {
  const reserved = await shippedSlugs(deps.catalogFolder)
  return {
    /** @throws Problem `slug_taken`, `invalid_request`. */
    create: async (
      sellerId: Id<'account'>,
      input: ListingInput,
      slot?: CredentialSlot,
    ): Promise<ListingWithEndpoints> => {
      refuseReserved(reserved, input.slug)
      return createListing(deps, sellerId, input, slot)
    },
    draftFrom: (input: ImportInput) => draftFrom(deps, input),
    /** @throws Problem `listing_not_found`, also for a listing of someone else. */
    own: (sellerId: string, id: string) => own(deps, sellerId, id),
    listOwn: async (sellerId: string): Promise<ListingWithEndpoints[]> => {
      const { db } = deps.store
      const rows = await db('listings').where({ seller_id: sellerId }).orderBy('id').select('id')
      return Promise.all(rows.map((row) => getListing(db, row.id)))
    },
    change: async (sellerId: string, id: string, patch: ListingPatch) => {
      await own(deps, sellerId, id)
      await changeListing(deps, id, patch)
      return afterChange(deps, id)
    },
    setCredential: async (sellerId: string, id: string, credential: Credential) => {
      await own(deps, sellerId, id)
      await setCredential(deps, id, credential)
      return afterChange(deps, id)
    },
    publish: (sellerId: string, id: string) => moveTo(deps, sellerId, id, 'published'),
    pause: (sellerId: string, id: string) => moveTo(deps, sellerId, id, 'paused'),
    retire: (sellerId: string, id: string) => moveTo(deps, sellerId, id, 'retired'),
    /** Calls the seller's endpoints for real; see `probe.ts`. */
    probe: async (
      sellerId: string,
      id: string,
      only: { endpoint?: string | undefined; arguments?: Record<string, unknown> | undefined },
    ): Promise<ProbeResult[]> => probeListing(deps, await own(deps, sellerId, id), only),
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
  }
}

async function own(deps: Deps, sellerId: string, id: string): Promise<ListingWithEndpoints> {
  const found = await getListing(deps.store.db, id)
  if (found.listing.sellerId !== sellerId) throw listingNotFound()
  return found
}

async function moveTo(deps: Deps, sellerId: string, id: string, status: Listing['status']) {
  await own(deps, sellerId, id)
  await setStatus(deps, id, status)
  return afterChange(deps, id)
}

async function afterChange(deps: Deps, id: string): Promise<ListingWithEndpoints> {
  await deps.follow()
  return getListing(deps.store.db, id)
}

/**
 * A listing made from an OpenAPI document, not stored yet.
 *
 * @throws Problem `invalid_request` saying where the document is wrong.
 */
async function draftFrom(deps: Deps, input: ImportInput) {
  const document = input.url === undefined ? input.document : await fetchText(deps, input.url)
  const listing = defined({ slug: input.slug, title: input.title, base_url: input.url })
  return importOpenApi(document, { listing, price: input.price })
}

async function fetchText({ upstreams }: Deps, url: string): Promise<string> {
  const limits = { maxBytes: MAX_DOCUMENT_BYTES, timeoutMs: DOCUMENT_TIMEOUT_MS }
  return (await upstreams.fetchDocument(url, limits)).toString('utf8')
}

function refuseReserved(reserved: ReadonlySet<string>, slug: string): void {
  if (reserved.has(slug)) {
    throw new Problem(
      'slug_taken',
      `The slug "${slug}" belongs to a provider that ships with Souk.`,
    )
  }
}
