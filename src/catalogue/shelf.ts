/** What buyers see: search results, an endpoint in full, its price. */
import { mayUse, type Principal } from '#accounts'
import { toRfc3339 } from '#core/clock'
import { defined } from '#core/defined'
import { parseUsdc } from '#core/money'
import type { Page } from '#core/page'
import { plainLine, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { FEE_BPS, showPrice } from '#pricing'
import {
  cursorBehindFew,
  fewPlaceOf,
  findAmongFew,
  type Search,
  type SearchQuery,
  type Standing,
} from '#search'
import type { Db } from '#store'
import { allowedSlugs } from './allowed-slugs.js'
import type { Card, Cards } from './cards.js'
import type { Learning } from './learning.js'
import type { EndpointDefinition } from './listing.js'
import { endpointNotFound, isVisible, type Offer, type Offers } from './offers.js'
import type { OwnThings } from './own-things.js'
import { plainSchema } from './schema-text.js'
import type { Standings } from './standing.js'
import { changesBetween } from './version-changes.js'

export type BrowseQuery = {
  query?: string | undefined
  category?: string | undefined
  max_price?: string | undefined
  min_rating?: number | undefined
  min_uptime?: number | undefined
  seller?: string | undefined
  limit: number
  cursor?: string | undefined
}

/** A search result, in few tokens. `price.max_total` is the most that one call costs, fee included. */
export type BrowseResult = {
  endpoint_id: string
  title: string
  summary: string
  seller: string
  category: string
  price: ReturnType<typeof showPrice>
  rating: number | null
  ratings: number
  uptime: number | null
  latency_ms: number | null
}

export type BrowsePage = {
  results: BrowseResult[]
  categories?: { name: string; count: number }[]
  next_cursor?: string
  /** Only where the chosen engine was away and another one answered. */
  search?: { engine: string; fallback: true }
}

type Deps = {
  db: Db
  search: Search
  offers: Offers
  cards: Cards
  standings: Standings
  learning: Pick<Learning, 'searched' | 'opened'>
  own: OwnThings
}

/**
 * A page of results: what the looker alone may find comes first, then what the search finds.
 *
 * @throws Problem `invalid_request` for a price or a cursor that is none.
 */
export async function browse(
  deps: Deps,
  query: BrowseQuery,
  looker?: Principal,
): Promise<BrowsePage> {
  const { query: text, category, seller, cursor, limit, max_price } = query
  const maxPrice = max_price === undefined ? undefined : parseUsdc(max_price, 'max_price')
  const filters = { minRating: query.min_rating, minUptime: query.min_uptime, maxPrice }
  const only = await allowedSlugs(deps.db, looker)
  const asked: SearchQuery = {
    limit,
    ...defined({ query: text, category, seller, cursor, only, ...filters }),
  }
  const own = await findOwn(deps, asked, looker)
  const found = own.left && (await deps.search.find(own.left))
  // The search may still have what has just become private.
  const items = new Set([...own.items, ...(found?.items ?? [])])
  const results = await showAll(deps, [...items], looker)
  // What nobody else finds teaches nobody anything.
  if (looker && text !== undefined) deps.learning.searched(looker, text, found?.items ?? [])
  const isOverview = (text ?? '').trim() === '' && cursor === undefined
  const nextCursor = found ? found.nextCursor : own.nextCursor
  return {
    results,
    ...(isOverview && { categories: await categoriesFor(deps, only, looker) }),
    ...(nextCursor !== undefined && { next_cursor: nextCursor }),
    ...(found?.isFallback && { search: { engine: found.engine, fallback: true as const } }),
  }
}

/** What is private to the looker of a page; `left` asks for the rest of it, where there is room. */
async function findOwn(
  { own, standings }: Deps,
  query: SearchQuery,
  looker: Principal | undefined,
): Promise<Page<string> & { left?: SearchQuery }> {
  const after = fewPlaceOf(query)
  if (!looker || after === undefined) return { items: [], left: query }
  const things = await own.of(looker)
  const isMeasured = query.minRating !== undefined || query.minUptime !== undefined
  const known = isMeasured ? await standings.of(things.map((it) => it.endpointId)) : undefined
  const found = findAmongFew(things, query, (id) => known?.get(id))
  const ids = found.map(({ endpointId }) => endpointId)
  const items = ids.slice(ids.indexOf(after) + 1).slice(0, query.limit)
  const last = items.at(-1)
  if (last !== undefined && items.length === query.limit) {
    return { items, nextCursor: cursorBehindFew(query, last) }
  }
  const { cursor, ...question } = query
  return { items, left: { ...question, limit: query.limit - items.length } }
}

/** The categories that have something to find for the looker, the largest first. */
async function categoriesFor(
  { search, own }: Deps,
  only: ReadonlySet<string> | undefined,
  looker: Principal | undefined,
) {
  const shared = await search.categories(only)
  const things = looker ? await own.of(looker) : []
  if (things.length === 0) return shared
  const counts = new Map(shared.map(({ name, count }) => [name, count]))
  for (const { category } of findAmongFew(things, { limit: 1, ...defined({ only }) })) {
    counts.set(category, (counts.get(category) ?? 0) + 1)
  }
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
}

/**
 * An endpoint in full.
 *
 * @throws Problem `endpoint_not_found`.
 */
export async function describe(
  deps: Deps,
  endpointId: string,
  version?: number,
  looker?: Principal,
) {
  const offer = await deps.offers.find(endpointId, version)
  if (!offer || !isVisible(offer, looker)) throw describeMiss(endpointId, version)
  if (looker) deps.learning.opened(looker, offer.endpointId)
  const definition = plainDefinition(offer.definition)
  const standing = (await deps.standings.of([offer.endpointId])).get(offer.endpointId)!
  return {
    endpoint_id: offer.endpointId,
    version: offer.version,
    ...(await describeChange(deps.db, offer)),
    title: definition.title,
    description: definition.description,
    ...(offer.status !== 'published' && { status: offer.status }),
    ...(offer.suspended !== null && { status: 'suspended' }),
    input_schema: definition.input_schema,
    output_schema: definition.output_schema ?? {},
    ...(definition.example && { example: definition.example }),
    price: showPrice(offer.price, FEE_BPS),
    success_rule: definition.success,
    requires_approval: definition.requires_approval,
    seller: await describeSeller(deps.db, offer.sellerId),
    health: {
      uptime: standing.uptime,
      latency_ms_p50: standing.latencyMs,
      latency_ms_p95: standing.latencyP95Ms,
      checked_at: standing.checkedAtMs === null ? null : toRfc3339(standing.checkedAtMs),
    },
    ...(await describeProvider(deps.db, offer)),
  }
}

/** A seller as buyers see it; `rating` is the plain mean of all that its buyers gave. */
export async function describeSeller(db: Db, sellerId: string) {
  const row = await db('accounts').where({ id: sellerId }).first('name')
  const { sum, count } = await db('endpoint_standings')
    .join('endpoints', 'endpoints.endpoint_id', 'endpoint_standings.endpoint_id')
    .join('listings', 'listings.id', 'endpoints.listing_id')
    .where('listings.seller_id', sellerId)
    .first(db.raw('sum(rating_sum) as sum'), db.raw('sum(ratings) as count'))
  const ratings = Number(count ?? 0)
  const rating = ratings === 0 ? null : Math.round((Number(sum) / ratings) * 100) / 100
  return { id: sellerId, name: plainLine(row?.name ?? ''), rating, ratings }
}

async function showAll(
  deps: Deps,
  items: readonly string[],
  looker: Principal | undefined,
): Promise<BrowseResult[]> {
  const [standings, cards] = await Promise.all([deps.standings.of(items), deps.cards.of(items)])
  return items.flatMap((endpointId) => {
    const card = cards.get(endpointId)
    const isShown = card?.isForSale && mayUse(looker, card.thing)
    return isShown ? [show(endpointId, card, standings.get(endpointId)!)] : []
  })
}

function show(endpointId: string, card: Card, standing: Standing): BrowseResult {
  const { title, summary, seller, category, price } = card
  const { rating, ratings, uptime, latencyMs } = standing
  return {
    endpoint_id: endpointId,
    ...{ title, summary, seller, category, price },
    ...{ rating, ratings, uptime, latency_ms: latencyMs },
  }
}

function describeMiss(endpointId: string, version: number | undefined): Problem {
  if (version === undefined) return endpointNotFound(endpointId)
  return new Problem('endpoint_not_found', `There is no version ${version} of "${endpointId}".`, {
    action: 'Describe it without a version to see the latest.',
  })
}

/** Since when it is as it is, what changed then, and whether it changed again since. */
async function describeChange(db: Db, offer: Offer) {
  const { endpointId, version, latestVersion, definition, changedAtMs } = offer
  const before = await db('endpoint_versions')
    .where({ endpoint_id: endpointId, version: version - 1 })
    .first('definition')
  const changes = before ? changesBetween(JSON.parse(before.definition), definition) : []
  return {
    ...(latestVersion !== version && { latest_version: latestVersion }),
    changed_at: toRfc3339(changedAtMs),
    ...(changes.length > 0 && { changes }),
  }
}

/** Versions are kept as they were written, also those from before texts were made plain. */
function plainDefinition(definition: EndpointDefinition): EndpointDefinition {
  const { title, description, input_schema, output_schema } = definition
  return {
    ...definition,
    title: plainLine(title),
    description: plainText(description),
    input_schema: plainSchema(input_schema),
    ...(output_schema && { output_schema: plainSchema(output_schema) }),
  }
}

async function describeProvider(db: Db, offer: Offer) {
  const row = await db('listings').where({ id: offer.listingId }).first('provider')
  const provider = JSON.parse(row?.provider ?? '{}')
  if (Object.keys(provider).length === 0) return {}
  const plain = Object.entries<string>(provider).map(([name, text]) => [name, plainText(text)])
  return { provider: Object.fromEntries(plain) }
}
