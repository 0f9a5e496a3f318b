/**
 * Keeps the search in step with the catalogue. The index is derived: each change of the catalogue
 * has a revision, and an index that is behind, as after a crash, is brought up at start.
 */
import { readSetting, type Store, writeSetting } from '#store'
import { getListing, type ListingWithEndpoints } from './listings.js'
import type { Search } from './search.js'
import { toDocuments } from './shelf.js'

/** Listings that are indexed in one go. */
const BATCH = 200

type Deps = { store: Store; search: Search }

/** Counts one more change of the catalogue. */
export async function bumpRevision({ store }: Deps): Promise<string> {
  const revision = String(Number((await readSetting(store.db, 'catalogue_revision')) ?? '0') + 1)
  await writeSetting(store.db, 'catalogue_revision', revision)
  return revision
}

/** Indexes one listing after a change. */
export async function indexChange(deps: Deps, changed: ListingWithEndpoints): Promise<void> {
  const revision = await bumpRevision(deps)
  await index(deps, [changed])
  await deps.search.setRevision(revision)
}

/** Indexes everything anew when the index is not at the catalogue's revision. */
export async function reindex(deps: Deps): Promise<void> {
  const { db } = deps.store
  const revision = (await readSetting(db, 'catalogue_revision')) ?? '0'
  if ((await deps.search.revision()) === revision) return
  for (let after = ''; ; ) {
    const rows = await db('listings')
      .where('id', '>', after)
      .orderBy('id')
      .limit(BATCH)
      .select('id')
    if (rows.length === 0) break
    await index(deps, await Promise.all(rows.map((row) => getListing(db, row.id))))
    after = rows.at(-1)!.id
  }
  await deps.search.setRevision(revision)
}

async function index(
  { store, search }: Deps,
  listings: readonly ListingWithEndpoints[],
): Promise<void> {
  const sellerIds = [...new Set(listings.map(({ listing }) => listing.sellerId))]
  const sellers = await store.db('accounts').whereIn('id', sellerIds).select('id', 'name')
  const names = new Map(sellers.map((row) => [row.id as string, row.name as string]))
  const shown = listings
    .filter(({ listing }) => listing.status === 'published')
    .flatMap(({ listing, endpoints }) =>
      toDocuments(listing, endpoints, names.get(listing.sellerId) ?? ''),
    )
  const shownIds = new Set(shown.map((document) => document.endpointId))
  const all = listings.flatMap(({ endpoints }) => endpoints.map(({ endpointId }) => endpointId))
  await search.remove(all.filter((id) => !shownIds.has(id)))
  await search.put(shown)
}
