/**
 * A search among few documents that are in no index. So nobody else can find them, nor tell from the
 * order of other results, where it counts how rare a word is, that they are there.
 */
import { isAmong, reaches } from './documents.js'
import { readDocument } from './reading.js'
import type { SearchDocument, SearchQuery, Standing } from './search.js'
import { meantStems, readPart, stemsOf } from './words.js'

/** The least part of the words asked for that a document must have. */
const LEAST_SHARE = 0.5

/** What is kept of a document to search it. */
export type FewDocument = Pick<
  SearchDocument,
  'endpointId' | 'category' | 'sellerId' | 'sellerName' | 'sellerSlug' | 'maxTotal'
> & {
  /** Its words by their stems, and how strongly each stands for it, 0 to 1. */
  strengths: ReadonlyMap<string, number>
}

type StandingOf = (endpointId: string) => Standing | undefined

export function readFew(document: SearchDocument): FewDocument {
  const { endpointId, category, sellerId, sellerName, sellerSlug, maxTotal } = document
  const { strengths } = readDocument(document)
  return { endpointId, category, sellerId, sellerName, sellerSlug, maxTotal, strengths }
}

/**
 * Those that pass every filter and have at least half of the words asked for, the best
 * first; without a word all that pass.
 *
 * @param standingOf what `minRating` and `minUptime` compare.
 */
export function findAmongFew(
  documents: readonly FewDocument[],
  query: SearchQuery,
  standingOf: StandingOf = () => undefined,
): FewDocument[] {
  const asked = [...new Set(stemsOf(readPart(query.query ?? '')))]
  return documents
    .filter((document) => passes(document, query, standingOf))
    .map((document) => ({ document, score: scoreOf(asked, document.strengths) }))
    .filter((found): found is { document: FewDocument; score: number } => found.score !== undefined)
    .sort((a, b) => b.score - a.score || (a.document.endpointId < b.document.endpointId ? -1 : 1))
    .map(({ document }) => document)
}

/** The strengths of the words asked for, or of what they mean; `undefined` where too few are there. */
function scoreOf(
  asked: readonly string[],
  strengths: FewDocument['strengths'],
): number | undefined {
  const found = asked
    .map((stem) => Math.max(...[stem, ...meantStems(stem)].map((it) => strengths.get(it) ?? 0)))
    .filter((strength) => strength > 0)
  if (found.length < LEAST_SHARE * asked.length) return undefined
  return found.reduce((sum, strength) => sum + strength, 0)
}

function passes(
  { endpointId, category, sellerId, sellerName, sellerSlug, maxTotal }: FewDocument,
  query: SearchQuery,
  standingOf: StandingOf,
): boolean {
  const { seller, maxPrice, minRating, minUptime, only } = query
  if (query.category !== undefined && query.category !== category) return false
  if (seller !== undefined && ![sellerId, sellerName, sellerSlug].includes(seller)) return false
  if (maxPrice !== undefined && maxTotal > maxPrice) return false
  if (minRating !== undefined && !reaches(standingOf(endpointId)?.score, minRating)) return false
  if (minUptime !== undefined && !reaches(standingOf(endpointId)?.uptime, minUptime)) return false
  return isAmong(only, endpointId)
}
