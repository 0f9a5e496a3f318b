/**
 * Brings the search up to the catalogue. The index is derived: it remembers the revision that it
 * holds, and what changed since then is indexed in the order of the changes. The revision is set
 * after the documents are in, so that after a crash they are put again rather than missed.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { stoppedSellers } from '#accounts'
import type { Search, SearchDocument } from '#search'
import { currentRevision, int, type Store } from '#store'
import { type Seller, toDocuments } from './documents.js'
import type { Learning } from './learning.js'
import { type ListingRow, toListing } from './listing.js'
import { CATALOGUE } from './revision.js'
import type { Standings } from './standing.js'
import { endpointsIn } from './versions.js'

/** Listings after which the index remembers how far it is. */
const PORTION = 200
/** Endpoints that are indexed in one go. A listing may have very many. */
const ENDPOINTS = 200

type Deps = {
  store: Store
  search: Search
  standings: Pick<Standings, 'of'>
  learning: Pick<Learning, 'of'>
}

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
    await index(deps, rows)
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

async function index(deps: Deps, rows: readonly ListingRow[]): Promise<void> {
  const sellers = await sellersOf(deps.store, rows)
  const stopped = await stoppedSellers(deps.store.db, [...sellers.keys()])
  let shown: SearchDocument[] = []
  let hidden: string[] = []
  for (const row of rows) {
    const listing = toListing(row)
    const isShown =
      listing.status === 'published' &&
      listing.visibility === 'public' &&
      listing.suspension === null &&
      !stopped.has(listing.sellerId)
    const seller = sellers.get(listing.sellerId)!
    for await (const endpoint of endpointsIn(deps.store.db, row.id)) {
      const documents = isShown ? toDocuments(listing, [endpoint], seller) : []
      if (documents.length === 0) hidden.push(endpoint.endpointId)
      shown.push(...documents)
      if (shown.length + hidden.length < ENDPOINTS) continue
      await tell(deps, shown, hidden)
      shown = []
      hidden = []
      // Calls must not wait for the whole of a large listing.
      await turn()
    }
  }
  await tell(deps, shown, hidden)
}

async function sellersOf({ db }: Store, listings: readonly ListingRow[]) {
  const ids = [...new Set(listings.map(({ seller_id }) => seller_id))]
  const rows: Seller[] = await db('accounts').whereIn('id', ids).select('id', 'name', 'slug')
  return new Map(rows.map((row) => [row.id, row]))
}

async function tell(
  { search, standings, learning }: Deps,
  shown: readonly SearchDocument[],
  hidden: readonly string[],
): Promise<void> {
  await search.remove(hidden)
  await search.put(shown)
  const ids = shown.map(({ endpointId }) => endpointId)
  await search.putStanding([...(await standings.of(ids)).values()])
  await search.putLessons(await learning.of(ids))
}
