/** The port of the catalogue's search: what it is told, what it is asked, what it answers. */
import type { Nanos } from '#core/money'
import type { Page } from '#core/page'

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
  /** Names of the arguments. */
  parameters: readonly string[]
  free: boolean
  /** The most that one call costs, fee included, in nano-USDC. */
  maxTotal: Nanos
}

/** What buyers said and calls measured; null where nobody did. */
export type Standing = {
  endpointId: string
  /** Mean of the ratings, 1 to 5. */
  rating: number | null
  ratings: number
  /** Share of the latest calls that were delivered, 0 to 1. */
  uptime: number | null
  latencyMs: number | null
  calls: number
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
  /** Results a page, at least 1. */
  limit: number
  cursor?: string
}

export type Search = {
  /** Makes the documents findable at once, all or none; one with a known id replaces the old. */
  put(documents: readonly SearchDocument[]): Promise<void>
  /** Unknown ids are fine. */
  remove(endpointIds: readonly string[]): Promise<void>
  /**
   * Replaces what is known of the endpoints. A standing belongs to the id, not to the document: it
   * may arrive first, and it is still there when a removed document is put again.
   */
  putStanding(standings: readonly Standing[]): Promise<void>
  /**
   * Endpoint ids, best first.
   *
   * @throws Problem `invalid_request` for a cursor that was not given for this query.
   */
  find(query: SearchQuery): Promise<Page<string>>
  /** The categories that have something to find, the largest first. */
  categories(): Promise<{ name: string; count: number }[]>
  /** Forgets everything: documents, standings and revision. */
  clear(): Promise<void>
  ready(): Promise<boolean>
  close(): Promise<void>
  /** What `setRevision` last stored, undefined for an index that starts empty. */
  revision(): Promise<string | undefined>
  /** Remembers which state of the catalogue the index holds, so that a restart need not rebuild it. */
  setRevision(revision: string): Promise<void>
}
