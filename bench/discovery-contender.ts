/** What answers the queries: Souk, or an engine that it is compared with. */
import type { Row } from './discovery-rows.js'

export const ENGINES = ['souk', 'bm25', 'bm25f', 'fts5', 'minisearch'] as const
export type EngineName = (typeof ENGINES)[number]

/** These take so long that they are asked a sample. */
export const SLOW_ENGINES: readonly EngineName[] = ['fts5', 'minisearch']

/** Results that are asked for, as many as count. */
export const RESULTS = 10

/** An engine that holds the rows. */
export type Contender = {
  /** Ids of rows, best first. */
  find(query: string): Promise<string[]> | string[]
  /** What its index takes on disk, where it has one. */
  indexBytes?: number
}

/** @param folder for files, which are deleted afterwards. */
export type OpenContender = (rows: readonly Row[], folder: string) => Contender
