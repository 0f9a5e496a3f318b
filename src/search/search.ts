/** The port of the catalogue's search: what it is told, what it is asked, what it answers. */
import type { Nanos } from '#core/money'
import type { Page } from '#core/page'

export { createBreaker, type Watch } from './breaker.js'
export { cursorBehindFew, fewPlaceOf } from './cursor.js'
export { embeddedSearch } from './embedded-search.js'
export { fallbackSearch } from './fallback-search.js'
export { type FewDocument, findAmongFew, readFew } from './few-documents.js'
export {
  type MeilisearchHealth,
  type MeilisearchSettings,
  meilisearch,
  type RemoteSearch,
} from './meilisearch.js'
export { readStoredIndex } from './stored-index.js'
export { queryWords } from './words.js'

/** What can be found: one published endpoint. */
export type SearchDocument = {
  endpointId: string
  title: string
  description: string
  method: string
  path: string
  listingTitle: string
  listingDescription: string
  category: string
  sellerId: string
  sellerName: string
  sellerSlug: string
  /** Its arguments; the description is empty where there is none. */
  parameters: readonly { name: string; description: string }[]
  /** Words that its seller files it under. */
  tags: readonly string[]
  /** Where it is called: the host of its base URL. */
  host: string
  /** When its latest version was made. */
  changedAtMs: number
  /** The most that one call costs, fee included, in nano-USDC. */
  maxTotal: Nanos
}

/** What buyers said and calls measured; null where nobody did. */
export type Standing = {
  endpointId: string
  /**
   * What buyers think of it, 1 to 5, weighted by what they spent and near the mean of all while few
   * have said anything; null without a rating. `minRating` compares it; the plain mean is for people.
   */
  score: number | null
  /**
   * How far the score is above or below the mean of all, -1 to 1: what ranking uses. 0 where nobody
   * who paid has said anything, so that a mark that cost nothing lifts nothing.
   */
  liking: number
  /** Plain mean of the ratings, 1 to 5. */
  rating: number | null
  ratings: number
  /** Share of the latest calls that were delivered, 0 to 1. */
  uptime: number | null
  latencyMs: number | null
  calls: number
}

/** What past searches taught of an endpoint: it was bought after queries with these words. */
export type Lesson = {
  endpointId: string
  /** How strongly it belongs to a word as `wordsOf` gives it, more than 0, at most 1. */
  words: Readonly<Record<string, number>>
}

/** Filters are exact: a result passes every one of them. */
export type SearchQuery = {
  /** Words in any order, as a person or an agent says them. Without a word, the best come first. */
  query?: string
  category?: string
  /** Nano-USDC: the most that one call may cost, fee included. */
  maxPrice?: Nanos
  /** Leaves out what has no rating yet. */
  minRating?: number
  /** Leaves out what has not been called yet. */
  minUptime?: number
  /** The seller's id, exact name or slug. */
  seller?: string
  /** Slugs of the only listings whose endpoints may be found; all when absent. */
  only?: ReadonlySet<string>
  /** Results a page, at least 1. */
  limit: number
  cursor?: string
}

/** Endpoint ids, and which engine found them. */
export type Found = Page<string> & {
  engine: 'embedded' | 'meilisearch'
  /** Set where the chosen engine was away and the embedded index answered in its place. */
  isFallback?: true
}

export type Search = {
  /** Makes the documents findable; one with a known id replaces the old, and of two the last counts. */
  put(documents: readonly SearchDocument[]): Promise<void>
  /** Unknown ids are fine. */
  remove(endpointIds: readonly string[]): Promise<void>
  /**
   * Replaces what is known of the endpoints. A standing belongs to the id, not to the document: it
   * may arrive first, and it is still there when a removed document is put again.
   */
  putStanding(standings: readonly Standing[]): Promise<void>
  /** Replaces what was learned of the endpoints; like a standing, a lesson belongs to the id. */
  putLessons(lessons: readonly Lesson[]): Promise<void>
  /**
   * Endpoint ids, best first.
   *
   * @throws Problem `invalid_request` for a cursor that was not given for this query.
   */
  find(query: SearchQuery): Promise<Found>
  /**
   * The categories that have something to find, the largest first.
   *
   * @param only as for {@link SearchQuery}.
   */
  categories(only?: ReadonlySet<string>): Promise<{ name: string; count: number }[]>
  /** Forgets everything: documents, standings and revision. */
  clear(): Promise<void>
  ready(): Promise<boolean>
  close(): Promise<void>
  /** What `setRevision` last stored, undefined for an index that starts empty. */
  revision(): Promise<string | undefined>
  /** Remembers which state of the catalogue the index holds, so that a restart need not rebuild it. */
  setRevision(revision: string): Promise<void>
}
