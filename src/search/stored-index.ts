/** The index as the arrays of its file, and back. */
import { existsSync } from 'node:fs'
import { type IndexFile, readIndexFile, writeIndexFile } from './index-file.js'
import type { StoredSequences } from './sequences.js'
import type { StoredIndex } from './word-index.js'

const TEXTS = ['title', 'description', 'path', 'subject'] as const
const LISTING_TEXTS = ['provider', 'description', 'category'] as const

/** Raise it with every change of what is stored or of how words are cut. */
export const LAYOUT = 4

export function storeIndex(file: string, stored: StoredIndex): Promise<void> {
  return writeIndexFile(file, LAYOUT, toFile(stored))
}

/** The index of `file`, `undefined` where there is none that can be used. */
export async function loadIndex(file: string): Promise<StoredIndex | undefined> {
  const found = await readIndexFile(file, LAYOUT)
  return found && fromFile(found)
}

/** What the index in `file` finds, and as of which revision of the catalogue. */
export async function readStoredIndex(
  file: string,
): Promise<'none' | 'unreadable' | { revision: string | undefined; endpointIds: Set<string> }> {
  if (!existsSync(file)) return 'none'
  const stored = await loadIndex(file)
  if (!stored) return 'unreadable'
  return { revision: stored.revision, endpointIds: new Set(stored.documents.ids) }
}

function toFile({ revision, ...stored }: StoredIndex): IndexFile {
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

function fromFile({ head, arrays }: IndexFile): StoredIndex {
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
      changedAtMs: arrays.changedAtMs as Float64Array,
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
