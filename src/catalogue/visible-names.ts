/** Which of many things a principal may know of: all are asked for at once, as gateways name hundreds. */
import { mayUse, type Principal } from '#accounts'
import type { Db } from '#store'
import { isAlias } from './tool-aliases.js'

export type Names = {
  /** Ids of endpoints, or the names of tools of the operator. */
  endpoints: readonly string[]
  /** Slugs. */
  listings: readonly string[]
  /** MCP servers. */
  servers: readonly string[]
}

/** Those that are there and may be known of. */
export type VisibleNames = {
  /** Each with its latest version. */
  endpoints: ReadonlyMap<string, number>
  /** Of which something is sold. */
  listings: ReadonlySet<string>
  servers: ReadonlySet<string>
}

/** What slugs and ids are made of; PostgreSQL takes no text with a NUL, not even to find nothing. */
const PLAIN = /^[\w.-]+$/

type Row = { listing: string; server: string | null; seller_id: string; visibility: string }

const LISTING = ['listings.slug as listing', 'server', 'seller_id', 'visibility'] as const

export async function visibleNames(
  db: Db,
  looker: Principal,
  { endpoints, listings, servers }: Names,
): Promise<VisibleNames> {
  const isVisible = ({ listing, server, seller_id: ownerId, visibility }: Row) =>
    mayUse(looker, {
      ...{ listing, ownerId, isPrivate: visibility === 'private' },
      server: server ?? undefined,
    })
  const named = (await namedRows(db, endpoints)).filter(isVisible)
  const sold = (await soldRows(db, listings, servers)).filter(isVisible)
  return {
    endpoints: new Map(named.map(({ name, latest_version }) => [name, Number(latest_version)])),
    listings: new Set(sold.map(({ listing }) => listing)),
    servers: new Set(sold.flatMap(({ server }) => server ?? [])),
  }
}

type NamedRow = Row & { name: string; latest_version: bigint | number }

async function namedRows(db: Db, names: readonly string[]): Promise<NamedRow[]> {
  const plain = names.filter((name) => PLAIN.test(name))
  const ids = plain.filter((name) => !isAlias(name))
  const known = db('endpoints')
    .join('listings', 'listings.id', 'endpoints.listing_id')
    .whereNot('listings.status', 'draft')
    .select('latest_version', ...LISTING)
  const byId = await known.clone().whereIn('endpoint_id', ids).select('endpoint_id as name')
  if (ids.length === plain.length) return byId
  const byAlias = await known
    .clone()
    .join('accounts', 'accounts.id', 'listings.seller_id')
    .where({ 'endpoints.status': 'active', 'accounts.kind': 'operator' })
    .whereNot('listings.status', 'retired')
    .whereIn('tool_name', plain.filter(isAlias))
    .select('tool_name as name')
  return [...byId, ...byAlias]
}

async function soldRows(
  db: Db,
  listings: readonly string[],
  servers: readonly string[],
): Promise<Row[]> {
  const among = (names: readonly string[]) => names.filter((name) => PLAIN.test(name))
  return db('listings')
    .where('listings.status', 'published')
    .where((is) => is.whereIn('slug', among(listings)).orWhereIn('server', among(servers)))
    .whereExists((endpoints) =>
      endpoints
        .from('endpoints')
        .whereRaw('endpoints.listing_id = listings.id')
        .where('endpoints.status', 'active')
        .select(db.raw('1')),
    )
    .select(...LISTING)
}
