/**
 * Keeps the search in step with the catalogue. The index is derived: each change of the catalogue
 * has a revision, and an index that is behind, as after a crash, is brought up at start.
 */
import { readSetting, type Store } from '#store'
import { getListing, type ListingWithEndpoints } from './listings.js'
import type { Search } from './search.js'
import { type Seller, toDocuments } from './shelf.js'
import type { Standings } from './standing.js'

/** The setting that counts the catalogue's changes. */
export const REVISION = 'catalogue_revision'
/** Listings that are indexed in one go. */
const BATCH = 200

type Deps = { store: Store; search: Search; standings: Pick<Standings, 'of'> }

/** Counts one more change of the catalogue. */
export async function bumpRevision({ store }: Deps): Promise<number> {
  const [row] = await store
    .db('settings')
    .insert({ name: REVISION, value: '1' })
    .onConflict('name')
    .merge({ value: store.db.raw('cast(cast(settings.value as integer) + 1 as text)') })
    .returning('value')
  return Number(row.value)
}

/** Indexes one listing after a change. An index that was behind before stays marked as behind. */
export async function indexChange(deps: Deps, changed: ListingWithEndpoints): Promise<void> {
  const revision = await bumpRevision(deps)
  await index(deps, [changed])
  const isUpToDate = (await deps.search.revision()) === String(revision - 1)
  if (isUpToDate) await deps.search.setRevision(String(revision))
}

/** Indexes everything anew when the index is not at the catalogue's revision. */
export async function reindex(deps: Deps): Promise<void> {
  const { db } = deps.store
  const revision = (await readSetting(db, REVISION)) ?? '0'
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
  await search.putStanding(await Promise.all([...shownIds].map((id) => standings.of(id))))
}
