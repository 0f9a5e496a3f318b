/** The index itself: documents, listings and their words. It lives in the search's thread. */
import { crc32 } from 'node:zlib'
import { createDocuments, type Documents, type StoredDocuments } from './documents.js'
import { createListingIndex, type ListingIndex, type StoredListings } from './listing-index.js'
import { createPostings, type FoldedPostings, type Postings } from './postings.js'
import { createRarities } from './rarities.js'
import { readDocument, readListing } from './reading.js'
import type { SearchDocument, Standing } from './search.js'
import { createSequences, type Sequences, type StoredSequences } from './sequences.js'
import { createVocabulary, type Vocabulary } from './vocabulary.js'
import { stemsOf } from './words.js'

/** What a document says, word by word. */
const TEXTS = ['title', 'description', 'path', 'subject'] as const

type Text = (typeof TEXTS)[number]

/** Everything that a restart needs. What is known of endpoints is told anew after each start. */
export type StoredIndex = {
  revision: string | undefined
  words: string[]
  documents: StoredDocuments
  postings: FoldedPostings
  texts: Record<Text, StoredSequences>
  listings: StoredListings
}

export type WordIndex = {
  documents: Documents
  vocabulary: Vocabulary
  postings: Postings
  texts: Record<Text, Sequences>
  listings: ListingIndex
  put(document: SearchDocument): void
  remove(endpointId: string): void
  /** How much a word tells: less, the more documents have it. */
  rarityOf(word: number): number
  /** Brings the listings up to their endpoints; before each search. */
  refresh(): void
  /** What is worth storing; it yields between steps, while nothing may be put or removed. */
  fold(): Generator<void, Omit<StoredIndex, 'revision'>>
}

/** What a fold leaves as it is: it may be large, and does not depend on the numbers of documents. */
export type Kept = Pick<WordIndex, 'vocabulary' | 'listings'>

/**
 * @param standings what is known of endpoints, by id; the index reads it at all times.
 * @param kept of the index that was folded into `stored`; without it, it is made from `stored`.
 */
export function openIndex(
  standings: Map<string, Standing>,
  stored?: Omit<StoredIndex, 'revision'>,
  kept?: Kept,
): WordIndex {
  const documents = createDocuments(standings, stored?.documents)
  const vocabulary = kept?.vocabulary ?? createVocabulary(stored?.words)
  const listings = kept?.listings ?? createListingIndex(stored?.listings)
  const postings = createPostings(stored?.postings)
  const texts = {
    title: createSequences(stored?.texts.title),
    description: createSequences(stored?.texts.description),
    path: createSequences(stored?.texts.path),
    subject: createSequences(stored?.texts.subject),
  }
  /** Listings whose endpoints changed since they were read. */
  const touched = new Set<number>(kept ? [] : Array.from({ length: listings.count() }, (_, n) => n))
  const rarities = createRarities(documents, postings)
  const numbersOf = (words: readonly string[]) => words.map(vocabulary.numberOf)

  return {
    documents,
    vocabulary,
    postings,
    texts,
    listings,
    put(document) {
      const listing = listings.numberOf(listingSlugOf(document.endpointId))
      const own = readListing(document)
      listings.put(listing, {
        provider: numbersOf(own.provider),
        description: numbersOf(own.description),
        category: numbersOf(own.category),
      })
      touched.add(listing)
      const reading = readDocument(document)
      const number = documents.put(document, { listing, likeness: likenessOf(document) })
      for (const text of TEXTS) texts[text].set(number, numbersOf(reading[text]))
      for (const [word, strength] of reading.strengths) {
        postings.add(vocabulary.numberOf(word), number, strength)
      }
    },
    remove(endpointId) {
      if (documents.numberOf(endpointId) === undefined) return
      touched.add(listings.numberOf(listingSlugOf(endpointId)))
      documents.remove(endpointId)
    },
    rarityOf: rarities.of,
    refresh,
    *fold() {
      refresh()
      const { stored: left, numbers } = documents.fold()
      yield
      const folded = {
        title: texts.title.fold(numbers),
        description: texts.description.fold(numbers),
        path: texts.path.fold(numbers),
        subject: texts.subject.fold(numbers),
      }
      yield
      return {
        words: [...vocabulary.list],
        documents: left,
        texts: folded,
        listings: listings.store(),
        postings: yield* postings.fold(numbers),
      }
    },
  }

  function refresh(): void {
    if (touched.size === 0) return
    for (const [listing, words] of endpointWords(touched, documents, texts)) {
      listings.read(listing, words)
    }
    touched.clear()
    rarities.clear()
  }
}

/** What the endpoints of these listings say. */
function endpointWords(
  wanted: ReadonlySet<number>,
  documents: Documents,
  texts: WordIndex['texts'],
): Map<number, { named: Counts; described: Counts }> {
  const found = new Map<number, { named: Counts; described: Counts }>()
  for (const listing of wanted) found.set(listing, { named: new Map(), described: new Map() })
  for (let document = 0; document < documents.count(); document++) {
    const counts = found.get(documents.listingOf(document))
    if (counts === undefined || documents.isGone(document)) continue
    const named = new Set([...texts.title.of(document), ...texts.subject.of(document)])
    for (const word of named) count(counts.named, word)
    for (const word of new Set(texts.description.of(document))) {
      if (!named.has(word)) count(counts.described, word)
    }
  }
  return found
}

type Counts = Map<number, number>

function count(counts: Counts, word: number): void {
  counts.set(word, (counts.get(word) ?? 0) + 1)
}

function listingSlugOf(endpointId: string): string {
  return endpointId.slice(0, endpointId.indexOf('.'))
}

/**
 * The same number for endpoints of one provider that differ by their version only: the same title,
 * and the same path without versions and names of variables.
 */
function likenessOf({ host, title, path }: SearchDocument): number {
  const place = path.replace(/\{[^}]*\}/g, '{}').replace(/\/v?\d[\w.-]*(?=\/|$)/gi, '')
  return crc32(`${host} ${stemsOf(title).sort().join(' ')} ${place}`)
}
