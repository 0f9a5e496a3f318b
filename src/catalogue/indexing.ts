/**
 * Brings the search up to the catalogue. The index is derived: it remembers the revision that it
 * holds, and what changed since then is indexed in the order of the changes. The revision is set
 * after the documents are in, so that after a crash they are put again rather than missed.
 */

import type { Search } from '#search'
import { currentRevision, int, type Store } from '#store'
import { type ListingRow, toListing } from './listing.js'
import { endpointsOf, type ListingWithEndpoints } from './listings.js'
import { CATALOGUE } from './revision.js'
import { type Seller, toDocuments } from './shelf.js'
import type { Standings } from './standing.js'

/** Listings that are indexed in one go. */
const PORTION = 200

type Deps = { store: Store; search: Search; standings: Pick<Standings, 'of'> }

/**
 * Indexes every listing that changed since the index was last brought up; all of them where it is
 * new, or ahead of the catalogue, as after a restore.
 *
 * @param beforePortion runs before each portion, of which a large change has many.
 */
export async function indexChanged(deps: Deps, beforePortion: () => Promise<void>): Promise<void> {
  const { store, search } = deps
  const current = await currentRevision(store.db, CATALOGUE)
  for (let indexed = await indexedRevision(search, current); indexed < current; ) {
    await beforePortion()
    const rows = await store
      .db<ListingRow>('listings')
      .where('revision', '>', indexed)
      .orderBy('revision')
      .limit(PORTION)
    const listings = rows.map(async (row) => ({
      listing: toListing(row),
      endpoints: await endpointsOf(store.db, row.id),
    }))
    await index(deps, await Promise.all(listings))
    const last = int(rows.at(-1)?.revision ?? current)
    // The last revisions may be on no listing: a listing that changed twice has only its latest.
    indexed = rows.length < PORTION && last < current ? current : last
    await search.setRevision(String(indexed))
  }
}

/** The revision that the index holds; one that cannot be of this catalogue is emptied first. */
async function indexedRevision(search: Search, current: number): Promise<number> {
  // Not a number, and so not within the catalogue, where there is none or one of another kind.
  const revision = int(await search.revision())
  if (revision <= current) return revision
  await search.clear()
  await search.setRevision('0')
  return 0
}

async function index(
  { store, search, standings }: Deps,
  listings: readonly ListingWithEndpoints[],
): Promise<void> {
  const sellerIds = [...new Set(listings.map(({ listing }) => listing.sellerId))]
  const rows: Seller[] = await store
    .db('accounts')
    .whereIn('id', sellerIds)
    .select('id', 'name', 'slug')
  const sellers = new Map(rows.map((row) => [row.id, row]))
  const shown = listings
    .filter(({ listing }) => listing.status === 'published')
    .flatMap(({ listing, endpoints }) =>
      toDocuments(listing, endpoints, sellers.get(listing.sellerId)!),
    )
  const shownIds = new Set(shown.map((document) => document.endpointId))
  const all = listings.flatMap(({ endpoints }) => endpoints.map(({ endpointId }) => endpointId))
  await search.remove(all.filter((id) => !shownIds.has(id)))
  await search.put(shown)
  await search.putStanding([...(await standings.of([...shownIds])).values()])
}
