/**
 * How the catalogue lies in a Meilisearch index: the index's settings, a row for each endpoint, and
 * filters over rows. Raise `LAYOUT` with every change of the rows or of how words are cut; indexes
 * of another layout are built anew.
 *
 * Words are cut and stemmed here, on both sides, so that Meilisearch finds what the embedded index
 * finds: identifiers by their parts, plurals by their stem.
 */
import { sha256Hex } from '#core/canonical-json'
import type { Nanos } from '#core/money'
import type { Settings } from './meilisearch-client.js'
import { qualityOf } from './quality.js'
import type { Lesson, SearchDocument, SearchQuery, Standing } from './search.js'
import { stemOf, stemsOf, wholesOf } from './words.js'

export const LAYOUT = 2

/** The name under which an operator's embedder is known to the index. */
export const EMBEDDER = 'souk'

/** The row that says which state of the catalogue an index holds. No endpoint has its key. */
export const STATE_KEY = 'state'

/** Characters of a description that are indexed; the rest would bury the words that matter. */
const MAX_DESCRIPTION = 2_000
const MAX_EMBEDDED_TEXT = 600
const MAX_PARAMETERS = 60
/** Words that were learned for an endpoint, the strongest first. */
const MAX_LEARNED = 32
const NANOS_PER_USDC = 1_000_000_000n
/** Pages end long before it; counts of hits are cut off at it. */
const MAX_COUNTED = 10_000_000

export type Row = Record<string, unknown> & { id: string }

/** What belongs to an endpoint's id, whether there is a document or not. */
export const KEPT_FIELDS = ['endpoint_id', 'quality', 'score', 'uptime', 'learned'] as const

/**
 * Each query is a single word, so `proximity` has nothing to rank; it is left out. A word counts by
 * how it was met (`typo`), where (`attribute`, in the order of the searchable attributes) and
 * whether whole (`exactness`). Between equals the better endpoint comes first, which also decides
 * what is left away of a word that very many endpoints have. The id makes the order total.
 *
 * There are no stop words and synonyms, since queries are cut and widened before they are sent.
 */
export function settingsWith(embedder: Record<string, unknown> | undefined): Settings {
  return {
    searchableAttributes: [
      ...['title', 'name', 'listing', 'learned', 'subject'],
      ...['description', 'path', 'parameters'],
    ],
    displayedAttributes: ['*'],
    filterableAttributes: [
      ...['id', 'is_shown', 'endpoint_id', 'category', 'category_key', 'seller_keys'],
      ...['price_usdc', 'price_nanos', 'score', 'uptime', 'quality', 'listing_key'],
    ],
    sortableAttributes: [],
    rankingRules: ['words', 'typo', 'attribute', 'exactness', 'quality:desc', 'endpoint_id:asc'],
    stopWords: [],
    synonyms: {},
    separatorTokens: [],
    typoTolerance: {
      enabled: true,
      // Stems are shorter than words: the usual 5 and 9 would be too long.
      minWordSizeForTypos: { oneTypo: 5, twoTypos: 8 },
      // A path that is nearly right is another path.
      disableOnAttributes: ['path'],
      disableOnNumbers: true,
    },
    pagination: { maxTotalHits: MAX_COUNTED },
    faceting: { maxValuesPerFacet: 10_000 },
    ...(embedder && {
      embedders: { [EMBEDDER]: { documentTemplate: '{{doc.text}}', ...embedder } as never },
    }),
  }
}

/** Names the settings and the rows of an index, whatever secrets the embedder's settings hold. */
export function layoutOf(settings: Settings): string {
  return `${LAYOUT}-${sha256Hex(JSON.stringify(settings)).slice(0, 16)}`
}

/** Meilisearch takes no dots in a key and compares without regard to case: hexadecimal it is. */
export function keyOf(endpointId: string): string {
  return sha256Hex(endpointId).slice(0, 32)
}

export function rowOf(document: SearchDocument, isEmbedded: boolean): Row {
  const { endpointId, title, description, listingTitle, category, host, tags } = document
  const [listingSlug = '', slug = ''] = endpointId.split('.')
  const parameters = document.parameters.slice(0, MAX_PARAMETERS)
  const domain = host.split('.').slice(0, -1).join(' ')
  return {
    id: keyOf(endpointId),
    endpoint_id: endpointId,
    is_shown: true,
    title: cut(title),
    name: `${cut(slug)} ${whole(slug)}`,
    listing: cut(`${listingSlug} ${listingTitle} ${document.sellerName} ${domain}`),
    subject: cut([...tags, category].join(' ')),
    description: cut(description.slice(0, MAX_DESCRIPTION)),
    path: `${cut(document.path)} ${whole(document.path)}`,
    parameters: cut(parameters.map((it) => `${it.name} ${it.description}`).join(' ')),
    category,
    category_key: exactly(category),
    listing_key: exactly(listingSlug),
    seller_keys: [document.sellerId, document.sellerName, document.sellerSlug].map(exactly),
    ...priceFields(document.maxTotal),
    quality: 0,
    ...(isEmbedded && { text: wellFormed(`${title}. ${description.slice(0, MAX_EMBEDDED_TEXT)}`) }),
  }
}

export function standingFields(standing: Standing): Row {
  const { endpointId, score, uptime } = standing
  // The embedded index holds it in four bytes, too: a cursor of the one goes on in the other.
  const quality = Math.fround(qualityOf(standing))
  return { id: keyOf(endpointId), endpoint_id: endpointId, score, uptime, quality }
}

export function lessonFields({ endpointId, words }: Lesson): Row {
  const strongest = Object.entries(words)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_LEARNED)
    .map(([word]) => stemOf(word))
  return { id: keyOf(endpointId), endpoint_id: endpointId, learned: strongest.join(' ') }
}

/** All filters of a query as one expression, in which nothing of a user's is syntax. */
export function filterOf(query: SearchQuery): string {
  const { category, maxPrice, minRating, minUptime, seller, only } = query
  return [
    'is_shown = true',
    category !== undefined && `category_key = ${exactly(category)}`,
    seller !== undefined && `seller_keys = ${exactly(seller)}`,
    only !== undefined && isOfOneOf(only),
    maxPrice !== undefined && atMost(maxPrice),
    minRating !== undefined && `score >= ${minRating}`,
    minUptime !== undefined && `uptime >= ${minUptime}`,
  ]
    .filter((part) => part !== false)
    .map((part) => `(${part})`)
    .join(' AND ')
}

/** Of one of these listings, by their slugs; nothing is of none. */
export function isOfOneOf(only: ReadonlySet<string>): string {
  return `listing_key IN [${[...only].map(exactly).join(', ')}]`
}

export function isOneOf(keys: readonly string[]): string {
  return `id IN [${keys.join(', ')}]`
}

/** Behind an endpoint in the order without words: better ones first, equal ones by their ids. */
export function isBehind(last: { quality: number; endpointId: string }): string {
  const { quality } = last
  // Cursors are not secret: somebody may have written anything into one.
  const id = `"${wellFormed(last.endpointId).replace(/["\\]/g, '\\$&')}"`
  return `quality < ${quality} OR (quality = ${quality} AND endpoint_id > ${id})`
}

/** Text that JSON can carry: half characters, which a cut may leave, are replaced. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** Meilisearch's numbers are floats, exact up to 2^53: whole USDC and the nanos beside them are. */
function priceFields(price: Nanos) {
  return {
    price_usdc: Number(price / NANOS_PER_USDC),
    price_nanos: Number(price % NANOS_PER_USDC),
  }
}

function atMost(price: Nanos): string {
  const { price_usdc, price_nanos } = priceFields(price)
  return `price_usdc < ${price_usdc} OR (price_usdc = ${price_usdc} AND price_nanos <= ${price_nanos})`
}

/** Filters over text disregard case and cut long values off; over hashes they are exact. */
function exactly(text: string): string {
  return sha256Hex(text).slice(0, 32)
}

function cut(text: string): string {
  return stemsOf(text).join(' ')
}

/** Identifiers also as they are, without what joins their parts. */
function whole(text: string): string {
  return wholesOf(text).join(' ')
}
