/** The index itself: documents, listings and their words. It lives in the search's thread. */
import { crc32 } from 'node:zlib'
import { createDocuments, type Documents, type StoredDocuments } from './documents.js'
import { createListingIndex, type ListingIndex, type StoredListings } from './listing-index.js'
import { createListingReadings } from './listing-readings.js'
import { createPostings, type FoldedPostings, type Postings } from './postings.js'
import { createRarities } from './rarities.js'
import { readDocument } from './reading.js'
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
  /** Reads the listings whose endpoints changed enough to tell; before each search. */
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
  const numbersOf = (words: readonly string[]) => words.map(vocabulary.numberOf)
  const readings = createListingReadings({ listings, documents, texts, numbersOf })
  if (!kept) for (let listing = 0; listing < listings.count(); listing++) readings.changed(listing)
  const rarities = createRarities(documents, postings)
  /** Whether rarities may be other ones now. */
  let hasChanged = false

  return {
    documents,
    vocabulary,
    postings,
    texts,
    listings,
    put(document) {
      const listing = listings.numberOf(listingSlugOf(document.endpointId))
      readings.put(listing, document)
      const reading = readDocument(document)
      const number = documents.put(document, { listing, likeness: likenessOf(document) })
      readings.changed(listing)
      hasChanged = true
      for (const text of TEXTS) texts[text].set(number, numbersOf(reading[text]))
      for (const [word, strength] of reading.strengths) {
        postings.add(vocabulary.numberOf(word), number, strength)
      }
    },
    remove(endpointId) {
      const number = documents.numberOf(endpointId)
      if (number === undefined) return
      documents.remove(endpointId)
      readings.changed(documents.listingOf(number))
      hasChanged = true
    },
    rarityOf: rarities.of,
    refresh() {
      readings.readStale()
      if (hasChanged) rarities.clear()
      hasChanged = false
    },
    *fold() {
      yield* readings.readAll()
      const { stored: left, numbers } = yield* documents.fold()
      const folded = {} as StoredIndex['texts']
      for (const text of TEXTS) {
        yield
        folded[text] = texts[text].fold(numbers)
      }
      yield
      return {
        words: [...vocabulary.list],
        documents: left,
        texts: folded,
        listings: yield* listings.fold(),
        postings: yield* postings.fold(numbers),
      }
    },
  }
}

function listingSlugOf(endpointId: string): string {
  return endpointId.split('.')[0]!
}

/**
 * The same number for endpoints of one provider that differ by their version only: the same title,
 * and the same path without versions and names of variables.
 */
function likenessOf({ host, title, path }: SearchDocument): number {
  const place = path.replace(/\{[^}]*\}/g, '{}').replace(/\/v?\d[\w.-]*(?=\/|$)/gi, '')
  return crc32(`${host} ${stemsOf(title).sort().join(' ')} ${place}`)
}
