/**
 * Cards: what a search result shows of an endpoint. A page of them is one question to the database,
 * and they are small enough to be kept for very many endpoints, which offers are not.
 */
import { stoppedSellers, type Thing } from '#accounts'
import { clip, plainLine } from '#core/plain-text'
import { FEE_BPS, readPrice, showPrice } from '#pricing'
import type { Store } from '#store'
import { createKept } from './kept.js'
import { type EndpointDefinition, isForOtherHost } from './listing.js'

export type Card = {
  listingId: string
  title: string
  /** The first sentence of the description that says more than the title; empty where none does. */
  summary: string
  seller: string
  category: string
  price: ReturnType<typeof showPrice>
  /** Whether it can be bought: the index may be behind the catalogue. */
  isForSale: boolean
  /** What decides who may know of it. */
  thing: Thing
}

export type Cards = {
  /** Those of the latest versions, by id; none where there is no such endpoint. */
  of(endpointIds: readonly string[]): Promise<Map<string, Card>>
  /** Cards of these listings are read anew. */
  forget(listingIds: ReadonlySet<string>): void
}

type Row = {
  endpoint_id: string
  endpoint_status: string
  definition: string
  listing_id: string
  listing_status: string
  listing_slug: string
  server: string | null
  visibility: string
  category: string
  credential_origin: string | null
  suspension: string | null
  seller_id: string
  seller: string
}

/** The most cards that are kept, some 700 bytes each. */
const MAX_CARDS = 50_000
const SUMMARY_LENGTH = 160

export function createCards(store: Store): Cards {
  const kept = createKept<Card>(MAX_CARDS)
  return {
    async of(endpointIds) {
      const cards = new Map<string, Card>()
      for (const id of endpointIds) {
        const card = kept.get(id)
        if (card) cards.set(id, card)
      }
      const keep = kept.reading()
      const rows = await read(
        store,
        endpointIds.filter((id) => !cards.has(id)),
      )
      const sellers = [...new Set(rows.map(({ seller_id }) => seller_id))]
      const stopped = sellers.length === 0 ? undefined : await stoppedSellers(store.db, sellers)
      for (const row of rows) {
        const isStopped = row.suspension !== null || stopped?.has(row.seller_id) === true
        const card = toCard(row, isStopped)
        cards.set(row.endpoint_id, card)
        keep(row.endpoint_id, card)
      }
      return cards
    },
    forget: kept.forget,
  }
}

async function read(store: Store, endpointIds: readonly string[]): Promise<Row[]> {
  if (endpointIds.length === 0) return []
  const places = endpointIds.map(() => '?').join(', ')
  return store.query<Row>(
    `select endpoints.endpoint_id, endpoints.status as endpoint_status,
            endpoint_versions.definition, listings.id as listing_id,
            listings.status as listing_status, listings.slug as listing_slug, listings.server,
            listings.visibility, listings.category, listings.credential_origin,
            listings.suspension, listings.seller_id, accounts.name as seller
     from endpoints
     join endpoint_versions on endpoint_versions.endpoint_id = endpoints.endpoint_id
       and endpoint_versions.version = endpoints.latest_version
     join listings on listings.id = endpoints.listing_id
     join accounts on accounts.id = listings.seller_id
     where endpoints.endpoint_id in (${places})`,
    [...endpointIds],
  )
}

function toCard(row: Row, isStopped: boolean): Card {
  const definition: EndpointDefinition = JSON.parse(row.definition)
  const isOtherHost = isForOtherHost(row.credential_origin, definition)
  const isActive = row.endpoint_status === 'active' && row.listing_status === 'published'
  const title = plainLine(definition.title)
  return {
    listingId: row.listing_id,
    title,
    summary: summaryOf(title, plainLine(definition.description)),
    seller: plainLine(row.seller),
    category: row.category,
    price: showPrice(readPrice(definition.price), FEE_BPS),
    isForSale: isActive && !isOtherHost && !isStopped,
    thing: {
      listing: row.listing_slug,
      server: row.server ?? undefined,
      ownerId: row.seller_id,
      isPrivate: row.visibility === 'private',
    },
  }
}

/** Many descriptions begin with the title, or are the title: what is read twice is paid for twice. */
function summaryOf(title: string, description: string): string {
  const first = firstSentence(description)
  const isTitle = lettersOf(first) === lettersOf(title)
  const text = isTitle ? firstSentence(description.slice(first.length).trimStart()) : first
  return clip(text, SUMMARY_LENGTH)
}

function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}
