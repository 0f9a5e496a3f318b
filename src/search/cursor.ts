/**
 * What a cursor remembers. Where there are words, it is which endpoints were shown, so that no page
 * repeats one however the ranking changes meanwhile; without words it is the last place.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { decodeCursor, encodeCursor } from '#core/page'
import { Problem } from '#core/problem'
import type { SearchQuery } from './search.js'
import { queryWords } from './words.js'

/** Where a page begins. */
export type Place =
  | { kind: 'first' }
  | { kind: 'unshown'; shown: readonly number[] }
  | { kind: 'behind'; quality: number; endpointId: string }

/** Results of a query with words, over all its pages: so many fit into the 2,000 letters of a cursor. */
export const MAX_RESULTS = 260

/** Marks a cursor among few documents, see few-documents.ts: they come before those of the index. */
const FEW = 'few'

/** What stands for an endpoint in a cursor. */
export function shownHash(endpointId: string): number {
  return crc32(endpointId)
}

/** @throws Problem `invalid_request` for a cursor that was not given for this query. */
export function placeOf(query: SearchQuery): Place {
  if (query.cursor === undefined) return { kind: 'first' }
  const [asked, ...position] = decodeCursor(query.cursor, isPosition)
  refuseOther(query, asked)
  const [first, second] = position
  if (second !== undefined) return { kind: 'behind', quality: first as number, endpointId: second }
  return { kind: 'unshown', shown: hashesIn(first as string) }
}

/** The cursor behind a page of `query`; `last` is the last thing on it. */
export function cursorBehind(
  query: SearchQuery,
  place: Place,
  page: { ids: readonly string[]; quality: number },
): string | undefined {
  const question = questionHash(query)
  if (queryWords(query.query ?? '').length === 0)
    return encodeCursor([question, page.quality, page.ids.at(-1)])
  const before = place.kind === 'unshown' ? place.shown : []
  const shown = [...before, ...page.ids.map(shownHash)]
  return shown.length > MAX_RESULTS ? undefined : encodeCursor([question, textOf(shown)])
}

/**
 * Behind which of few documents a page begins, `''` for the first page; `undefined` where its cursor
 * is one of the index, and all of the few were shown.
 *
 * @throws Problem `invalid_request` for a cursor that was not given for this query.
 */
export function fewPlaceOf(query: SearchQuery): string | undefined {
  if (query.cursor === undefined) return ''
  const position = decodeCursor(query.cursor, Array.isArray)
  if (position[1] !== FEW) return undefined
  refuseOther(query, position[0])
  return String(position[2])
}

/** The cursor behind a page whose last thing is `endpointId`, one of few documents. */
export function cursorBehindFew(query: SearchQuery, endpointId: string): string {
  return encodeCursor([questionHash(query), FEW, endpointId])
}

function refuseOther(query: SearchQuery, asked: unknown): void {
  if (asked === questionHash(query)) return
  throw new Problem('invalid_request', 'The cursor belongs to another search.', {
    action: 'Send it with the query and the filters that it came from, or leave it away.',
  })
}

type Position = [question: string, shown: string] | [question: string, quality: number, id: string]

function isPosition(value: unknown): value is Position {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return false
  const [, first, second] = value
  if (value.length === 2) return typeof first === 'string'
  return value.length === 3 && typeof first === 'number' && typeof second === 'string'
}

function textOf(hashes: readonly number[]): string {
  return Buffer.from(Uint32Array.from(hashes).buffer).toString('base64url')
}

function hashesIn(text: string): number[] {
  const bytes = Buffer.from(text, 'base64url')
  return Array.from({ length: bytes.length >> 2 }, (_, at) => bytes.readUInt32LE(4 * at))
}

/** Names what is asked, whatever the size of the page. */
function questionHash({
  query,
  category,
  maxPrice,
  seller,
  minRating,
  minUptime,
  only,
}: SearchQuery): string {
  const among = only && [...only].sort().join()
  const filters = [category, seller, minRating, minUptime, among].map((filter) => filter ?? null)
  const asked = [query?.trim() ?? '', maxPrice?.toString() ?? null, ...filters]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 12)
}
