/**
 * What an index holds of the past: words that nothing says any more, listings without endpoints.
 * A fold keeps them, since their numbers are everywhere; when they are most of it, they are left out.
 */
import { GONE } from './postings.js'
import { createSequences, type StoredSequences } from './sequences.js'
import type { StoredIndex } from './word-index.js'

type Folded = Omit<StoredIndex, 'revision'>

/** Fewer words than this are not worth it. */
const MIN_WASTE = 10_000

/** Whether most of the words are in no document. */
export function isWasteful({ words, postings }: Folded): boolean {
  let unused = 0
  for (let word = 0; word < words.length; word++) if (!isUsed(postings, word)) unused++
  return unused > Math.max(MIN_WASTE, words.length / 2)
}

/** The same without what is of the past; it yields between steps. */
export function* compacted(stored: Folded): Generator<void, Folded> {
  const { words, documents, postings, texts, listings } = stored
  const listing = numbered(listings.slugs.length, new Set(documents.listing))
  const own = {
    provider: createSequences(listings.provider).fold(listing.numbers),
    description: createSequences(listings.description).fold(listing.numbers),
    category: createSequences(listings.category).fold(listing.numbers),
  }
  yield
  const said = new Set(Object.values(own).flatMap(({ words }) => [...words]))
  for (let word = 0; word < words.length; word++) if (isUsed(postings, word)) said.add(word)
  const word = numbered(words.length, said)
  const renamed = (sequences: StoredSequences): StoredSequences => ({
    ...sequences,
    words: sequences.words.map((it) => word.numbers[it]!),
  })
  yield
  return {
    words: Array.from(word.kept, (it) => words[it]!),
    documents: { ...documents, listing: documents.listing.map((it) => listing.numbers[it]!) },
    postings: { begins: beginsOf(word.kept, postings), entries: postings.entries },
    texts: {
      title: renamed(texts.title),
      description: renamed(texts.description),
      path: renamed(texts.path),
      subject: renamed(texts.subject),
    },
    listings: {
      slugs: Array.from(listing.kept, (it) => listings.slugs[it]!),
      provider: renamed(own.provider),
      description: renamed(own.description),
      category: renamed(own.category),
    },
  }
}

/** Words that are left out have no entries, so those of the others stay where they are. */
function beginsOf(kept: Uint32Array, { begins, entries }: Folded['postings']): Uint32Array {
  const left = new Uint32Array(kept.length + 1).fill(entries.length)
  for (let number = 0; number < kept.length; number++) {
    left[number] = begins[kept[number]!] ?? entries.length
  }
  return left
}

function isUsed({ begins }: Folded['postings'], word: number): boolean {
  return begins[word + 1]! > begins[word]!
}

/** Those of `count` that are wanted, in their order, and the new number of each. */
function numbered(count: number, wanted: ReadonlySet<number>) {
  const kept = Uint32Array.from(wanted).sort()
  const numbers = new Uint32Array(count).fill(GONE)
  for (let number = 0; number < kept.length; number++) numbers[kept[number]!] = number
  return { kept, numbers }
}
