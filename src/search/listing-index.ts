/**
 * Listings as texts of their own: who they are, what they say, and what their endpoints are about.
 * An endpoint of a listing that is all about a query is likelier meant than a chance hit elsewhere.
 */
import { createNames } from './columns.js'
import { createEditions } from './editions.js'
import type { QueryTerm } from './query-terms.js'
import { createSequences, type StoredSequences } from './sequences.js'

/** What a listing says of itself; words are numbers of the vocabulary. */
export type ListingWords = Record<OwnField, readonly number[]>

/** What a listing's endpoints say: in how many of them each word is a part of the name or subject. */
export type EndpointWords = {
  /** How many endpoints there are. */
  count: number
  /** Endpoints that have the word in title, slug or tags, by word. */
  named: ReadonlyMap<number, number>
  /** Endpoints that have it in the description only, by word. */
  described: ReadonlyMap<number, number>
}

/** What a restart needs; the rest follows from the endpoints. */
export type StoredListings = { slugs: string[] } & Record<OwnField, StoredSequences>

export type ListingIndex = {
  count(): number
  numberOf(slug: string): number
  /** The words of its name and of where it is called. */
  providerOf(listing: number): Uint32Array
  /** Notes what a listing says of itself; it counts from the next reading on. */
  put(listing: number, words: ListingWords): void
  /** How many endpoints it had when it was read. */
  countRead(listing: number): number
  /** Reads a listing anew, with what its endpoints say; without an endpoint it is not found. */
  read(listing: number, endpoints: EndpointWords): void
  /** Whether a word is a part of the name of a listing, or of where it is called. */
  isName(word: number): boolean
  /** How much each listing is about the terms, by its number; 0 for most. */
  scores(terms: readonly QueryTerm[]): Float32Array
  /** Forgets what was replaced, and gives what is worth storing; it yields between steps. */
  fold(): Generator<void, StoredListings>
}

const OWN_FIELDS = ['provider', 'description', 'category'] as const

type OwnField = (typeof OWN_FIELDS)[number]

type Field = { weight: number; lengthNorm: number; usualLength: number }

const FIELDS: Record<OwnField | 'named' | 'described', Field> = {
  provider: { weight: 2, lengthNorm: 0.5, usualLength: 5 },
  description: { weight: 1, lengthNorm: 0.6, usualLength: 25 },
  category: { weight: 0.7, lengthNorm: 0.5, usualLength: 1.2 },
  named: { weight: 0.6, lengthNorm: 0.75, usualLength: 130 },
  described: { weight: 0.3, lengthNorm: 0.75, usualLength: 150 },
}
const SATURATION = 1.2

export function createListingIndex(stored?: StoredListings): ListingIndex {
  const slugs = createNames(stored?.slugs)
  const own = {
    provider: createSequences(stored?.provider),
    description: createSequences(stored?.description),
    category: createSequences(stored?.category),
  }
  const readings = createEditions()
  const countsRead: number[] = []
  const names = new Set<number>(stored?.provider.words)

  return {
    count: () => slugs.list.length,
    numberOf: slugs.numberOf,
    providerOf: (listing) => own.provider.of(listing),
    isName: (word) => names.has(word),
    countRead: (listing) => countsRead[listing] ?? 0,
    put(listing, words) {
      for (const word of words.provider) names.add(word)
      for (const field of OWN_FIELDS) own[field].set(listing, words[field])
    },
    read(listing, endpoints) {
      countsRead[listing] = endpoints.count
      if (endpoints.count === 0) readings.remove(listing)
      else readings.put(listing, strengthsOf(listing, endpoints))
    },
    scores: (terms) => readings.scores(terms, slugs.list.length),
    *fold() {
      yield* readings.fold()
      const numbers = Uint32Array.from(slugs.list.keys())
      const folded = {
        provider: own.provider.fold(numbers),
        description: own.description.fold(numbers),
        category: own.category.fold(numbers),
      }
      for (const field of OWN_FIELDS) own[field] = createSequences(folded[field])
      return { slugs: [...slugs.list], ...folded }
    },
  }

  function strengthsOf(listing: number, { named, described }: EndpointWords): Map<number, number> {
    const weights = new Map<number, number>()
    for (const field of OWN_FIELDS) {
      addCounts(weights, FIELDS[field], countsOf(own[field].of(listing)))
    }
    addCounts(weights, FIELDS.named, damped(named))
    addCounts(weights, FIELDS.described, damped(described))
    for (const [word, weight] of weights) weights.set(word, weight / (weight + SATURATION))
    return weights
  }
}

function addCounts(
  weights: Map<number, number>,
  { weight, lengthNorm, usualLength }: Field,
  counts: ReadonlyMap<number, number>,
): void {
  let length = 0
  for (const count of counts.values()) length += count
  const each = weight / (1 - lengthNorm + (lengthNorm * length) / usualLength)
  for (const [word, count] of counts) weights.set(word, (weights.get(word) ?? 0) + count * each)
}

function countsOf(words: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** A word of a thousand endpoints says more than a word of one, but not a thousand times more. */
function damped(counts: ReadonlyMap<number, number>): Map<number, number> {
  return new Map([...counts].map(([word, count]) => [word, Math.log2(1 + count)]))
}
