/** Whether the stored index says what was published when it was stored. It only reads. */
import { readStoredIndex } from '#search'
import { int, type Reader, settingOn } from '#store'
import { CATALOGUE } from './revision.js'

/**
 * What is wrong with the index in `file`, `undefined` for nothing. None is no fault, the next start
 * makes it; nor is one that is behind: it is stored some time after a change, and a start puts what
 * it lacks.
 */
export async function searchFault(reader: Reader, file: string): Promise<string | undefined> {
  const stored = await readStoredIndex(file)
  if (stored === 'none') return undefined
  if (stored === 'unreadable') return 'the search index cannot be read'
  // Emptied, to be made anew: it is as behind as one can be.
  if (stored.revision === undefined) return undefined
  const indexed = int(stored.revision)
  if (indexed > (await revisionNow(reader))) return 'the search index is ahead of the catalogue'
  const published = new Set(await publishedEndpoints(reader))
  if (indexed < (await revisionNow(reader))) return undefined
  const missing = [...published].filter((id) => !stored.endpointIds.has(id))
  const stray = [...stored.endpointIds].filter((id) => !published.has(id))
  if (missing.length > 0) return `search does not find ${named(missing)}`
  return stray.length > 0 ? `search finds ${named(stray)}, not for sale` : undefined
}

async function revisionNow(reader: Reader): Promise<number> {
  return int(await settingOn(reader, CATALOGUE))
}

/**
 * The endpoints that search finds: on sale, to everybody, by a seller whom nobody stopped. What
 * indexing decides listing by listing is asked here at once.
 */
export const FOUND_BY_SEARCH = `endpoints
  join listings on listings.id = endpoints.listing_id
  join accounts on accounts.id = listings.seller_id
  left join accounts above on above.id = accounts.parent_id
  where listings.status = 'published' and endpoints.status = 'active'
    and listings.visibility = 'public' and listings.suspension is null
    and accounts.status = 'active' and (above.id is null or above.status = 'active')`

async function publishedEndpoints({ all }: Reader): Promise<string[]> {
  const rows = await all<{ endpoint_id: string }>(`select endpoint_id from ${FOUND_BY_SEARCH}`)
  return rows.map(({ endpoint_id }) => endpoint_id)
}

function named(endpointIds: readonly string[]): string {
  const others = endpointIds.length - 1
  return endpointIds[0]! + (others === 0 ? '' : ` and ${others} more`)
}
