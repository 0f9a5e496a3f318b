/** The second look: what speaks for each candidate, compared with the others, and how much it counts. */
import { type Ask, mostOf } from './ask.js'
import type { Candidates } from './candidates.js'
import type { Facts } from './facts.js'

/** Each is about 0 to 1 and speaks for the candidate, where its weight is positive. */
export type Signals = {
  /** Its score by all words, as a part of the best candidate's. */
  text: number
  /** How much its listing is about the request, as a part of the listing that is so most. */
  listing: number
  /** Its score by the words of the clause that it answers best, and by those of another clause. */
  clauseText: number
  otherClause: number
  /** The same as a logarithm of a part of all that the clause's words could give. */
  clauseShare: number
  /** How much of its clause it has at all, however weakly. */
  clauseMatched: number
  /** How much of its title, provider and description is asked for, and of its title by its clause. */
  title: number
  provider: number
  description: number
  titleByClause: number
  /** Whether its method fits the verb of its clause: 1, or down to -1. */
  method: number
  /** What the candidates of its listing score together. */
  listingHits: number
}

/**
 * What each signal counts: the logarithm of how much likelier it makes an endpoint the one that is
 * meant. Learned from labelled requests of six kinds, see docs/discovery.md.
 */
export const WEIGHTS: Signals = {
  text: 2.57,
  listing: 3.53,
  clauseText: 4.26,
  otherClause: 0.99,
  clauseShare: -1.81,
  clauseMatched: 2.92,
  title: 1.17,
  provider: 0.58,
  description: 0.49,
  titleByClause: 1.02,
  method: 0.62,
  listingHits: -2.2,
}

export type Judged = { document: number; clause: number; signals: Signals }

/** How much a listing that is about a clause counts when the clause is chosen. */
const LISTING_IN_CLAUSE = 0.3
/** Candidates of one listing that are counted together, each less than the one before. */
const HITS = 10
const HIT_DECAY = 0.7
/** Keeps the logarithm of nothing finite. */
const FLOOR = 0.05

export function judgeAll(ask: Ask, found: Candidates, facts: readonly Facts[]): Judged[] {
  const best = {
    text: mostOf(facts.map(({ text }) => text)),
    clauses: ask.clauses.map((_, clause) => mostOf(facts.map((it) => it.clauses[clause]!.text))),
    listing: mostOf(found.listings),
    clauseListings: found.clauseListings.map(mostOf),
  }
  const hits = hitsByListing(facts)
  const mostHits = mostOf([...hits.values()])

  return facts.map((fact) => {
    const { listing, text, title } = fact
    const ofClauses = fact.clauses.map((it, clause) => it.text / best.clauses[clause]!)
    const appeal = ofClauses.map(
      (own, clause) =>
        own +
        (LISTING_IN_CLAUSE * found.clauseListings[clause]![listing]!) /
          best.clauseListings[clause]!,
    )
    const clause = appeal.indexOf(Math.max(...appeal))
    const { weights, total, method } = ask.clauses[clause]!
    const own = fact.clauses[clause]!
    const byClause = title.terms.reduce((sum, term) => sum + weights[term]!, 0)
    const signals: Signals = {
      text: text / best.text,
      listing: found.listings[listing]! / best.listing,
      clauseText: ofClauses[clause]!,
      otherClause: Math.max(0, ...ofClauses.filter((_, other) => other !== clause)),
      clauseShare: Math.log(own.text / total + FLOOR),
      clauseMatched: own.matched / total,
      title: title.share,
      provider: fact.provider.share,
      description: fact.description.share,
      titleByClause: title.total === 0 ? 0 : byClause / title.total,
      method: agreement(fact.method, method),
      listingHits: hits.get(listing)! / mostHits,
    }
    return { document: fact.document, clause, signals }
  })
}

export function scoreOf(signals: Signals, weights: Signals): number {
  let score = 0
  for (const name of Object.keys(weights) as (keyof Signals)[]) {
    score += weights[name] * signals[name]
  }
  return score
}

function hitsByListing(facts: readonly Facts[]): Map<number, number> {
  const texts = new Map<number, number[]>()
  for (const { listing, text } of facts) {
    const others = texts.get(listing)
    if (others) others.push(text)
    else texts.set(listing, [text])
  }
  const hits = new Map<number, number>()
  for (const [listing, found] of texts) {
    const first = found.sort((a, b) => b - a).slice(0, HITS)
    hits.set(
      listing,
      first.reduce((sum, text, at) => sum + text * HIT_DECAY ** at, 0),
    )
  }
  return hits
}

/** Creating and changing are often mixed up; reading by POST is common, too. */
function agreement(method: string, wanted: string): number {
  const own = method === 'PATCH' ? 'PUT' : method
  if (wanted === '' || !['GET', 'POST', 'PUT', 'DELETE'].includes(own)) return 0
  if (own === wanted) return 1
  if (own === 'POST' && wanted === 'GET') return -0.3
  return own !== 'GET' && wanted !== 'GET' && own !== 'DELETE' && wanted !== 'DELETE' ? -0.2 : -1
}
