/**
 * The first look: which documents may be meant. The best by all words of the request, and the best
 * for each of its clauses.
 */
import { mostOf } from './ask.js'
import { keepBest } from './best-of.js'
import { withRoom } from './columns.js'
import type { Scores } from './postings.js'
import type { QueryClause, QueryTerm, QueryTerms } from './query-terms.js'
import type { WordIndex } from './word-index.js'

/** How many of the best by all words are looked at closely, and how many for each clause. */
const OF_ALL = 100
const OF_CLAUSE = 40
/** How much a listing that is about the request lifts its endpoints here. */
const LISTING_SHARE = 0.15

type Passes = (document: number) => boolean

export type Candidates = {
  documents: number[]
  /** How much each listing is about the whole request, and about each clause. */
  listings: Float32Array
  clauseListings: Float32Array[]
}

/** Looks for candidates, one request after the other. */
export function createCandidates(index: WordIndex) {
  const { documents, listings, postings } = index
  const scores: Scores = { values: new Float32Array(0), touched: new Uint32Array(0), count: 0 }

  return ({ terms, clauses }: QueryTerms, passes: Passes): Candidates => {
    const found = new Set<number>()
    const ofAll = listings.scores(terms)
    addBest(terms, ofAll, OF_ALL)
    const ofClauses = clauses.length === 1 ? [ofAll] : clauses.map(addBestOfClause)
    return { documents: [...found], listings: ofAll, clauseListings: ofClauses }

    function addBestOfClause(clause: QueryClause): Float32Array {
      const ofClause = listings.scores(clause.terms)
      addBest(clause.terms, ofClause, OF_CLAUSE)
      return ofClause
    }

    function addBest(asked: readonly QueryTerm[], ofListings: Float32Array, most: number): void {
      scores.values = withRoom(scores.values, documents.count())
      scores.touched = withRoom(scores.touched, documents.count())
      for (const { weight, words } of asked) {
        for (const [word, worth] of words) postings.score(word, worth * weight, scores)
      }
      for (const document of bestOf(scores, ofListings, most, passes)) found.add(document)
      clear(scores)
    }
  }

  function bestOf(
    { values, touched, count }: Scores,
    ofListings: Float32Array,
    most: number,
    passes: Passes,
  ): number[] {
    const lift = LISTING_SHARE * mostOf(ofListings)
    const best = keepBest(most, (a, b) => {
      const [ofA, ofB] = [values[a]!, values[b]!]
      return ofA === ofB ? a < b : ofA > ofB
    })
    let least = 0
    for (let at = 0; at < count; at++) {
      const document = touched[at]!
      // Most are so far behind that nothing else has to be looked at.
      if (values[document]! + lift <= least) continue
      values[document]! += LISTING_SHARE * ofListings[documents.listingOf(document)]!
      if (values[document]! <= least || !passes(document)) continue
      best.add(document)
      const last = best.last()
      if (last !== undefined) least = values[last]!
    }
    return best.inOrder()
  }
}

function clear(scores: Scores): void {
  for (let at = 0; at < scores.count; at++) scores.values[scores.touched[at]!] = 0
  scores.count = 0
}
