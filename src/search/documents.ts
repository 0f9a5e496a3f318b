/**
 * The documents of the index, a column for each thing that filters or ranks. A document that is put
 * again gets a new number; under the old one it is gone, until a fold wins the room back.
 */
import { createNames, keptOf, type Names, withRoom, withValue } from './columns.js'
import { GONE, MAX_DOCUMENTS } from './postings.js'
import { appealOf, qualityOf } from './quality.js'
import type { SearchDocument, SearchQuery, Standing } from './search.js'

/** A column of texts holds their numbers in `names`. */
const TEXT_COLUMNS = ['category', 'sellerId', 'sellerName', 'sellerSlug'] as const

type TextColumn = (typeof TEXT_COLUMNS)[number]

/** HTTP methods by number. */
const METHODS = ['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']

/** Documents as they are stored: by number, `names` being all texts of their columns. */
export type StoredDocuments = {
  ids: string[]
  names: string[]
  columns: Record<TextColumn, Uint32Array>
  /** Nano-USDC. */
  maxTotal: BigInt64Array
  changedAtMs: Float64Array
  listing: Uint32Array
  /** Equal where a reader could not tell two documents of a listing apart. */
  likeness: Uint32Array
  /** Its place in {@link METHODS}. */
  method: Uint8Array
}

export type Documents = {
  /** Numbers given so far; each below is a document or gone. */
  count(): number
  /** Documents that are not gone. */
  size(): number
  isGone(document: number): boolean
  idOf(document: number): string
  listingOf(document: number): number
  /** The documents of a listing, some that are gone among them. */
  ofListing(listing: number): readonly number[]
  /** Its HTTP method. */
  methodOf(document: number): string
  likenessOf(document: number): number
  /** What is known of it, and what speaks for the offer itself; see quality.ts. */
  qualityOf(document: number): number
  appealOf(document: number): number
  /** @returns its number. Another document of its id is gone now. */
  put(document: SearchDocument, of: { listing: number; likeness: number }): number
  remove(endpointId: string): void
  numberOf(endpointId: string): number | undefined
  putStanding(standing: Standing): void
  /** A test for documents that pass every filter; `undefined` where none can. */
  filterOf(query: SearchQuery): ((document: number) => boolean) | undefined
  categories(only?: ReadonlySet<string>): { name: string; count: number }[]
  /**
   * The documents that are left, under new numbers, and the new number of each old one. It yields
   * between steps, while nothing may be put or removed.
   */
  fold(): Generator<void, { stored: StoredDocuments; numbers: Uint32Array }>
}

/**
 * The documents that were stored, or none.
 *
 * @param standings by endpoint id; they belong to the id and outlive the document.
 */
export function createDocuments(
  standings: Map<string, Standing>,
  stored: StoredDocuments = nothingStored(),
): Documents {
  const { ids, columns } = stored
  let { maxTotal, changedAtMs, listing, likeness, method } = stored
  const names = createNames(stored.names)
  const numbers = new Map<string, number>()
  const byListing: number[][] = []
  let quality = new Float32Array(ids.length)
  let gone = new Uint8Array(ids.length)
  let newestMs = 0
  for (const [number, id] of ids.entries()) {
    numbers.set(id, number)
    note(listing[number]!, number)
    newestMs = Math.max(newestMs, changedAtMs[number]!)
    const standing = standings.get(id)
    if (standing) quality[number] = qualityOf(standing)
  }

  return {
    count: () => ids.length,
    size: () => numbers.size,
    isGone: (document) => gone[document] === 1,
    idOf: (document) => ids[document]!,
    listingOf: (document) => listing[document]!,
    ofListing: (it) => byListing[it] ?? [],
    methodOf: (document) => METHODS[method[document]!]!,
    likenessOf: (document) => likeness[document]!,
    qualityOf: (document) => quality[document]!,
    appealOf: (it) => appealOf({ maxTotal: maxTotal[it]!, ageMs: newestMs - changedAtMs[it]! }),
    numberOf: (endpointId) => numbers.get(endpointId),
    put(document, of) {
      if (ids.length === MAX_DOCUMENTS) throw new Error('The search index is full.')
      leave(document.endpointId)
      const number = ids.push(document.endpointId) - 1
      gone = withRoom(gone, ids.length)
      numbers.set(document.endpointId, number)
      for (const column of TEXT_COLUMNS) {
        const name = names.numberOf(document[column])
        columns[column] = withValue(columns[column], number, name)
      }
      maxTotal = withValue(maxTotal, number, document.maxTotal)
      likeness = withValue(likeness, number, of.likeness)
      listing = withValue(listing, number, of.listing)
      note(of.listing, number)
      method = withValue(method, number, Math.max(0, METHODS.indexOf(document.method)))
      changedAtMs = withValue(changedAtMs, number, document.changedAtMs)
      newestMs = Math.max(newestMs, document.changedAtMs)
      const standing = standings.get(document.endpointId)
      quality = withValue(quality, number, standing ? qualityOf(standing) : 0)
      return number
    },
    remove: leave,
    putStanding(standing) {
      standings.set(standing.endpointId, standing)
      const number = numbers.get(standing.endpointId)
      if (number !== undefined) quality[number] = qualityOf(standing)
    },
    filterOf: (query) => filterOf(query, { ids, names, columns, maxTotal, gone, standings }),
    categories: (only) => {
      const shown = [...numbers.values()].filter((it) => isAmong(only, ids[it]!))
      return countTexts(shown, columns.category, names)
    },
    fold: () =>
      fold({ ids, names, columns, maxTotal, changedAtMs, listing, likeness, method, numbers }),
  }

  function note(of: number, number: number): void {
    const others = byListing[of]
    if (others) others.push(number)
    else byListing[of] = [number]
  }

  function leave(endpointId: string): void {
    const number = numbers.get(endpointId)
    if (number === undefined) return
    gone[number] = 1
    numbers.delete(endpointId)
  }
}

function nothingStored(): StoredDocuments {
  const none = () => new Uint32Array(0)
  return {
    ids: [],
    names: [],
    columns: { category: none(), sellerId: none(), sellerName: none(), sellerSlug: none() },
    maxTotal: new BigInt64Array(0),
    changedAtMs: new Float64Array(0),
    listing: none(),
    likeness: none(),
    method: new Uint8Array(0),
  }
}

/** Whether something is known, and is enough. */
export function reaches(value: number | null | undefined, least: number): boolean {
  return value !== null && value !== undefined && value >= least
}

/** Whether an endpoint is of one of these listings, whose slugs are where ids begin. */
export function isAmong(only: ReadonlySet<string> | undefined, id: string): boolean {
  return only === undefined || only.has(id.slice(0, id.indexOf('.')))
}

function countTexts(documents: Iterable<number>, column: Uint32Array, names: Names) {
  const counts = new Map<number, number>()
  for (const document of documents) {
    const text = column[document]!
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts]
    .map(([text, count]) => ({ name: names.list[text]!, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
}

type Filtered = Pick<StoredDocuments, 'ids' | 'columns' | 'maxTotal'> & {
  names: Names
  gone: Uint8Array
  standings: ReadonlyMap<string, Standing>
}

function filterOf(
  { category, seller, maxPrice, minRating, minUptime, only }: SearchQuery,
  { ids, names, columns, maxTotal, gone, standings }: Filtered,
): ((document: number) => boolean) | undefined {
  const tests: ((document: number) => boolean)[] = [(it) => gone[it] === 0]
  if (category !== undefined) {
    const wanted = names.find(category)
    if (wanted === undefined) return undefined
    tests.push((it) => columns.category[it] === wanted)
  }
  if (seller !== undefined) {
    const wanted = names.find(seller)
    if (wanted === undefined) return undefined
    const { sellerId, sellerName, sellerSlug } = columns
    tests.push((it) => [sellerId[it], sellerName[it], sellerSlug[it]].includes(wanted))
  }
  if (only?.size === 0) return undefined
  if (only) tests.push((it) => isAmong(only, ids[it]!))
  if (maxPrice !== undefined) tests.push((it) => maxTotal[it]! <= maxPrice)
  const standingOf = (document: number) => standings.get(ids[document]!)
  if (minRating !== undefined) tests.push((it) => reaches(standingOf(it)?.score, minRating))
  if (minUptime !== undefined) tests.push((it) => reaches(standingOf(it)?.uptime, minUptime))
  return (document) => tests.every((passes) => passes(document))
}

type Foldable = Omit<StoredDocuments, 'names'> & {
  names: Names
  /** Of those that are left, by id. */
  numbers: ReadonlyMap<string, number>
}

function* fold(from: Foldable): ReturnType<Documents['fold']> {
  const { ids, names, columns, numbers } = from
  const kept = Uint32Array.from(numbers.values()).sort()
  const renumbered = new Uint32Array(ids.length).fill(GONE)
  for (let number = 0; number < kept.length; number++) renumbered[kept[number]!] = number
  yield
  const left = createNames()
  const renamed = new Map<number, number>()
  const rename = (text: number) => {
    const known = renamed.get(text)
    if (known !== undefined) return known
    const name = left.numberOf(names.list[text]!)
    renamed.set(text, name)
    return name
  }
  const leftColumns = { ...columns }
  for (const column of TEXT_COLUMNS) {
    leftColumns[column] = keptOf(columns[column], kept).map(rename)
    yield
  }
  const stored: StoredDocuments = {
    ids: Array.from(kept, (document) => ids[document]!),
    names: left.list,
    columns: leftColumns,
    maxTotal: keptOf(from.maxTotal, kept),
    changedAtMs: keptOf(from.changedAtMs, kept),
    listing: keptOf(from.listing, kept),
    likeness: keptOf(from.likeness, kept),
    method: keptOf(from.method, kept),
  }
  return { stored, numbers: renumbered }
}
