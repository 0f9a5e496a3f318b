/**
 * What is private: found by its own account and by those below it, and by nobody else. It is in no
 * index; what an account has of it is read once and searched here until something of it changes.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Principal } from '#accounts'
import type { Id } from '#core/ids'
import { type FewDocument, readFew } from '#search'
import type { Db } from '#store'
import { type Seller, toDocuments } from './documents.js'
import { ENDPOINT_COLUMNS, type EndpointRow, type ListingRow, toEndpoint } from './listing.js'

/** Endpoints that are read in one go: some ten milliseconds of work. */
const PORTION = 50
/** The most that one account finds of its own, the first by their ids. */
const MAX_OF_ONE = 5_000
/** The most accounts and endpoints that are kept; at one more, all are let go and read anew. */
const MAX_KEPT = 20_000

export type OwnThings = {
  /** What its account, and the one above, have of their own for sale. */
  of(looker: Principal): Promise<FewDocument[]>
  /** What these accounts have is read anew. */
  forget(ownerIds: Iterable<string>): void
}

export function createOwnThings(db: Db): OwnThings {
  // A reading is known from its start on: one that a change overtakes is forgotten, too.
  const known = new Map<string, Promise<FewDocument[]>>()
  let kept = 0

  return {
    async of({ account: { id, parentId } }) {
      const owners = parentId === null ? [id] : [id, parentId]
      return (await Promise.all(owners.map(ofOwner))).flat()
    },
    forget(ownerIds) {
      for (const id of ownerIds) known.delete(id)
    },
  }

  function ofOwner(ownerId: Id<'account'>): Promise<FewDocument[]> {
    const ready = known.get(ownerId)
    if (ready) return ready
    const reading = readOwn(db, ownerId)
    known.set(ownerId, reading)
    reading.then(
      ({ length }) => count(1 + length),
      () => known.delete(ownerId),
    )
    return reading
  }

  function count(more: number): void {
    kept += more
    if (kept <= MAX_KEPT) return
    known.clear()
    kept = 0
  }
}

type Row = EndpointRow & Pick<ListingRow, 'title' | 'description' | 'category'>

async function readOwn(db: Db, sellerId: Id<'account'>): Promise<FewDocument[]> {
  const seller: Seller = await db('accounts').where({ id: sellerId }).first('id', 'name', 'slug')
  const documents: FewDocument[] = []
  for (let after = '', isMore = true; isMore && documents.length < MAX_OF_ONE; ) {
    const rows = await privateEndpoints(db, sellerId, after)
    for (const row of rows) {
      documents.push(...toDocuments({ ...row, sellerId }, [toEndpoint(row)], seller).map(readFew))
    }
    isMore = rows.length === PORTION
    after = rows.at(-1)?.endpoint_id ?? after
    // Calls must not wait for all of a large account.
    if (isMore) await turn()
  }
  return documents
}

function privateEndpoints(db: Db, sellerId: string, after: string): Promise<Row[]> {
  return db('listings')
    .join('endpoints', 'endpoints.listing_id', 'listings.id')
    .join('endpoint_versions', (join) =>
      join
        .on('endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
        .andOn('endpoints.latest_version', 'endpoint_versions.version'),
    )
    .where({ 'listings.seller_id': sellerId, 'listings.visibility': 'private' })
    .where({ 'listings.status': 'published', 'endpoints.status': 'active' })
    .where('endpoints.endpoint_id', '>', after)
    .orderBy('endpoints.endpoint_id')
    .limit(PORTION)
    .select(...ENDPOINT_COLUMNS, 'listings.title', 'listings.description', 'listings.category')
}
