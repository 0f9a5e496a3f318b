/**
 * The operator's side of the catalogue: every listing of every seller, stopped and let go again. What
 * a seller may say of its listing, published or paused, stays beside it and counts when it is let go.
 */
import type { Along, Suspension } from '#accounts'
import { type Clock, toRfc3339 } from '#core/clock'
import { type Db, int, nextRevision, type Store, type Tx } from '#store'
import { type Listing, type ListingRow, type ListingStatus, toListing } from './listing.js'
import { findListing } from './listings.js'
import { CATALOGUE } from './revision.js'

export type ListingQuery = {
  /** A part of a title or of a slug, or a whole id. */
  query?: string | undefined
  status?: ListingStatus | 'suspended' | undefined
  seller?: string | undefined
  /** The id after which the page begins. */
  after?: string | undefined
  limit: number
}

type Deps = { store: Store; clock: Clock; follow(): Promise<void> }

export function createOversight({ store, clock, follow }: Deps) {
  return {
    listings: (query: ListingQuery) => listListings(store.db, query),
    /** @throws Problem `listing_not_found`. */
    suspendListing: (id: string, why: Omit<Suspension, 'atMs'>, along?: Along) =>
      setSuspension(id, JSON.stringify({ ...why, atMs: clock.now() }), along),
    /** @throws Problem `listing_not_found`. */
    resumeListing: (id: string, along?: Along) => setSuspension(id, null, along),
    /**
     * Has every gateway look again at what an account and those below it sell. Call `follow` once
     * the transaction is over.
     */
    sellerChanged: async (tx: Tx, accountId: string): Promise<void> => {
      const first = await nextRevision(tx, CATALOGUE)
      const sellers = tx('accounts').where({ id: accountId }).orWhere({ parent_id: accountId })
      const sold = tx('listings').whereIn('seller_id', sellers.select('id'))
      const { count } = (await sold.clone().count({ count: '*' }).first())!
      if (int(count) > 1) await nextRevision(tx, CATALOGUE, int(count) - 1)
      // Each listing has a revision of its own: whoever follows takes them up a portion at a time.
      const placed = sold.select('id', tx.raw('row_number() over (order by id) - 1 as place'))
      await tx.raw(
        `update listings set revision = ? + placed.place from (?) as placed
         where listings.id = placed.id`,
        [first, placed],
      )
    },
  }

  async function setSuspension(
    id: string,
    suspension: string | null,
    along?: Along,
  ): Promise<Listing> {
    await findListing(store.db, id)
    await store.inTransaction(async (tx) => {
      const revision = await nextRevision(tx, CATALOGUE)
      await tx('listings').where({ id }).update({ suspension, revision })
      await along?.(tx, id)
    })
    await follow()
    return findListing(store.db, id)
  }
}

async function listListings(
  db: Db,
  { query, status, seller, after, limit }: ListingQuery,
): Promise<{ listings: Listing[]; next?: string }> {
  const found = db<ListingRow>('listings')
    .orderBy('id')
    .limit(limit + 1)
  if (after !== undefined) found.where('id', '>', after)
  if (seller !== undefined) found.where({ seller_id: seller })
  if (status === 'suspended') found.whereNotNull('suspension')
  else if (status !== undefined) found.where({ status })
  if (query !== undefined) {
    const part = `%${query.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
    found.where((either) =>
      either
        .where({ id: query })
        .orWhereRaw("lower(title) like ? escape '\\'", [part])
        .orWhereRaw("slug like ? escape '\\'", [part]),
    )
  }
  const rows = await found
  const listings = rows.slice(0, limit).map(toListing)
  return { listings, ...(rows.length > limit && { next: listings.at(-1)!.id }) }
}

/** A listing as the operator sees it among all others. */
export function showOverseen({ id, slug, title, sellerId, status, suspension }: Listing) {
  return {
    ...{ id, slug, title, seller_id: sellerId, status },
    ...(suspension && {
      suspended: {
        category: suspension.category,
        reason: suspension.reason,
        since: toRfc3339(suspension.atMs),
      },
    }),
  }
}
