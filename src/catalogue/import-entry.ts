/** What the thread that converts documents is told, and what it answers. */
import type { Problem } from '#core/problem'
import type { ListingDraft } from '#openapi'
import type { PriceTerms } from '#pricing'
import { escapePointer, type JsonSchema } from '#schemas'
import type { Note } from './import-wire.js'
import type { TextReading } from './text-reading.js'

/** An endpoint of a document, ready to be stored. */
export type ImportEntry = {
  slug: string
  /** Canonical JSON of its definition. */
  text: string
  reading: TextReading
  /** Its input schema, where it has to be proved before it may be compiled. */
  unproved: JsonSchema | undefined
}

/** Endpoints that are stored together, and what was refused on the way to them. */
export type Portion = { entries: ImportEntry[]; refused: Note[] }

export type Draft = Omit<ListingDraft, 'endpoints'>

export type ConvertOptions = {
  listing: { slug?: string; title?: string; base_url?: string }
  price: PriceTerms
}

/** `import` says which one of those that are on at the same time. */
export type ImportMessage = { import: number } & (
  | { kind: 'read'; body: Uint8Array }
  /** The document is the body's, or one that was fetched. */
  | { kind: 'convert'; options: ConvertOptions; document: Uint8Array | undefined }
  /** A portion has arrived. */
  | { kind: 'taken' }
  | { kind: 'forget' }
)

export type ImportAnswer = { import: number } & (
  | { kind: 'read'; request: unknown; hasDocument: boolean; hash: string }
  | { kind: 'drafted'; draft: Draft; notes: { refused: Note[]; warnings: Note[] }; hash: string }
  | { kind: 'portion'; portion: Portion }
  | { kind: 'end' }
  | { kind: 'refused'; problem: ReturnType<Problem['toJSON']> }
  | { kind: 'failed'; message: string }
)

/** JSON pointer to an operation of a document. */
export function operationPlace(method: string, path: string): string {
  return `/paths/${escapePointer(path)}/${method.toLowerCase()}`
}
