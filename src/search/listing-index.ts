/**
 * Listings as texts of their own: who they are, what they say, and what their endpoints are about.
 * An endpoint of a listing that is all about a query is likelier meant than a chance hit elsewhere.
 */
import { createNames, withRoom } from './columns.js'
import { createPostings, GONE, type Scores } from './postings.js'
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
  /** Each reading of a listing is an edition of its own in the postings; the latest counts. */
  let postings = createPostings()
  let listingOf: number[] = []
  let latest = new Map<number, number>()
  const countsRead: number[] = []
  const names = new Set<number>(stored?.provider.words)
  const found: Scores = { values: new Float32Array(0), touched: new Uint32Array(0), count: 0 }

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
      latest.delete(listing)
      if (endpoints.count === 0) return
      const edition = listingOf.push(listing) - 1
      latest.set(listing, edition)
      for (const [word, weight] of weightsOf(listing, endpoints)) {
        postings.add(word, edition, weight / (weight + SATURATION))
      }
    },
    scores,
    *fold() {
      yield* foldEditions()
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

  /** Editions that were replaced would take more and more room. */
  function* foldEditions(): Generator<void> {
    const editions = [...latest.values()].sort((a, b) => a - b)
    const numbers = new Uint32Array(listingOf.length).fill(GONE)
    for (const [number, edition] of editions.entries()) numbers[edition] = number
    postings = createPostings(yield* postings.fold(numbers))
    listingOf = editions.map((edition) => listingOf[edition]!)
    latest = new Map(listingOf.map((listing, edition) => [listing, edition]))
  }

  function weightsOf(listing: number, { named, described }: EndpointWords): Map<number, number> {
    const weights = new Map<number, number>()
    for (const field of OWN_FIELDS) {
      addCounts(weights, FIELDS[field], countsOf(own[field].of(listing)))
    }
    addCounts(weights, FIELDS.named, damped(named))
    addCounts(weights, FIELDS.described, damped(described))
    return weights
  }

  function scores(terms: readonly QueryTerm[]): Float32Array {
    found.values = withRoom(found.values, listingOf.length)
    found.touched = withRoom(found.touched, listingOf.length)
    for (const { words } of terms) {
      for (const [word, worth] of words) postings.score(word, worth * rarityOf(word), found)
    }
    const byListing = new Float32Array(slugs.list.length)
    for (const edition of found.touched.subarray(0, found.count)) {
      const listing = listingOf[edition]!
      if (latest.get(listing) === edition) byListing[listing] = found.values[edition]!
      found.values[edition] = 0
    }
    found.count = 0
    return byListing
  }

  function rarityOf(word: number): number {
    const frequency = Math.min(latest.size, postings.frequencyOf(word))
    return Math.log(1 + (latest.size - frequency + 0.5) / (frequency + 0.5))
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
