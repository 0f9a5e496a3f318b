/** The index as the arrays of its file, and back. */
import type { IndexFile } from './index-file.js'
import type { StoredSequences } from './sequences.js'
import type { StoredIndex } from './word-index.js'

const TEXTS = ['title', 'description', 'path', 'subject'] as const
const LISTING_TEXTS = ['provider', 'description', 'category'] as const

export function toFile({ revision, ...stored }: StoredIndex): IndexFile {
  const { ids, names, columns, ...numbers } = stored.documents
  const { slugs, ...listingTexts } = stored.listings
  const arrays: IndexFile['arrays'] = {
    words: textsToBytes(stored.words),
    ids: textsToBytes(ids),
    names: textsToBytes(names),
    slugs: textsToBytes(slugs),
    ...columns,
    ...numbers,
    ...stored.postings,
  }
  for (const text of TEXTS) Object.assign(arrays, sequencesToArrays(text, stored.texts[text]))
  for (const text of LISTING_TEXTS) {
    Object.assign(arrays, sequencesToArrays(`listing.${text}`, listingTexts[text]))
  }
  return { head: { revision }, arrays }
}

export function fromFile({ head, arrays }: IndexFile): StoredIndex {
  const numbers = (name: string) => arrays[name] as Uint32Array
  const sequences = (name: string): StoredSequences => ({
    begins: numbers(`${name}.begins`),
    lengths: numbers(`${name}.lengths`),
    words: numbers(`${name}.words`),
  })
  return {
    revision: (head as { revision?: string }).revision,
    words: textsFromBytes(arrays.words),
    documents: {
      ids: textsFromBytes(arrays.ids),
      names: textsFromBytes(arrays.names),
      columns: {
        category: numbers('category'),
        sellerId: numbers('sellerId'),
        sellerName: numbers('sellerName'),
        sellerSlug: numbers('sellerSlug'),
      },
      maxTotal: arrays.maxTotal as BigInt64Array,
      listing: numbers('listing'),
      likeness: numbers('likeness'),
      method: arrays.method as Uint8Array,
    },
    texts: {
      title: sequences('title'),
      description: sequences('description'),
      path: sequences('path'),
      subject: sequences('subject'),
    },
    listings: {
      slugs: textsFromBytes(arrays.slugs),
      provider: sequences('listing.provider'),
      description: sequences('listing.description'),
      category: sequences('listing.category'),
    },
    postings: { begins: numbers('begins'), entries: numbers('entries') },
  }
}

function sequencesToArrays(name: string, { begins, lengths, words }: StoredSequences) {
  return { [`${name}.begins`]: begins, [`${name}.lengths`]: lengths, [`${name}.words`]: words }
}

function textsToBytes(texts: readonly string[]): Uint8Array {
  return Buffer.from(JSON.stringify(texts))
}

function textsFromBytes(bytes: unknown): string[] {
  return JSON.parse(Buffer.from(bytes as Uint8Array).toString()) as string[]
}
