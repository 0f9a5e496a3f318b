/** What buyers see: search results, an endpoint in full, its price. */
import type { Principal } from '#accounts'
import { toRfc3339 } from '#core/clock'
import { defined } from '#core/defined'
import { parseUsdc } from '#core/money'
import type { Page } from '#core/page'
import { plainLine, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { FEE_BPS, maxCharge, readPrice, showPrice, totalOf } from '#pricing'
import type { JsonSchema } from '#schemas'
import type { Search, SearchDocument, Standing } from '#search'
import type { Db } from '#store'
import { allowedSlugs } from './allowed-slugs.js'
import type { Card, Cards } from './cards.js'
import type { Learning } from './learning.js'
import { type Endpoint, type EndpointDefinition, isHttp, type Listing, urlOf } from './listing.js'
import { endpointNotFound, isVisible, type Offer, type Offers } from './offers.js'
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
}

/** @throws Problem `invalid_request` for a price or a cursor that is none. */
export async function browse(
  deps: Deps,
  query: BrowseQuery,
  looker?: Principal,
): Promise<BrowsePage> {
  const { query: text, category, seller, cursor, limit, max_price } = query
  const maxPrice = max_price === undefined ? undefined : parseUsdc(max_price, 'max_price')
  const filters = { minRating: query.min_rating, minUptime: query.min_uptime, maxPrice }
  const only = await allowedSlugs(deps.db, looker)
  const found = await deps.search.find({
    limit,
    ...defined({ query: text, category, seller, cursor, only, ...filters }),
  })
  const results = await showAll(deps, found)
  if (looker && text !== undefined) {
    const shown = results.map(({ endpoint_id }) => endpoint_id)
    deps.learning.searched(looker, text, shown)
  }
  const isOverview = (query.query ?? '').trim() === '' && query.cursor === undefined
  return {
    results,
    ...(isOverview && { categories: await deps.search.categories(only) }),
    ...(found.nextCursor !== undefined && { next_cursor: found.nextCursor }),
    ...(found.isFallback && { search: { engine: found.engine, fallback: true as const } }),
  }
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
  if (looker) deps.learning.opened(looker, endpointId)
  const definition = plainDefinition(offer.definition)
  const standing = (await deps.standings.of([endpointId])).get(endpointId)!
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

/** A seller as search results name it. */
export type Seller = { id: string; name: string; slug: string }

/** What the search knows about each endpoint of a listing that can be bought now. */
export function toDocuments(
  listing: Listing,
  endpoints: readonly Endpoint[],
  seller: Seller,
): SearchDocument[] {
  return endpoints
    .filter((endpoint) => endpoint.status === 'active')
    .map(({ endpointId, definition, changedAtMs }) => {
      const price = readPrice(definition.price)
      return {
        endpointId,
        title: definition.title,
        description: definition.description,
        ...placeOf(definition),
        listingTitle: listing.title,
        listingDescription: listing.description,
        category: listing.category,
        sellerId: listing.sellerId,
        sellerName: seller.name,
        sellerSlug: seller.slug,
        parameters: parametersOf(definition.input_schema),
        tags: definition.tags ?? [],
        changedAtMs,
        maxTotal: totalOf(maxCharge(price), FEE_BPS),
      }
    })
}

/** What a search knows of where an endpoint is called; a tool is found by its name. */
function placeOf(definition: EndpointDefinition): Pick<SearchDocument, 'method' | 'path' | 'host'> {
  const host = urlOf(definition)?.hostname ?? ''
  if (isHttp(definition)) return { method: definition.method, path: definition.path, host }
  return { method: 'POST', path: `/${definition.name}`, host }
}

function parametersOf(schema: JsonSchema): SearchDocument['parameters'] {
  return Object.entries(Object(schema.properties)).map(([name, argument]) => {
    const { description } = Object(argument)
    return { name, description: typeof description === 'string' ? description : '' }
  })
}

async function showAll(deps: Deps, { items }: Page<string>): Promise<BrowseResult[]> {
  const [standings, cards] = await Promise.all([deps.standings.of(items), deps.cards.of(items)])
  return items.flatMap((endpointId) => {
    const card = cards.get(endpointId)
    return card?.isForSale ? [show(endpointId, card, standings.get(endpointId)!)] : []
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
