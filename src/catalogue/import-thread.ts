/**
 * The thread in which documents of strangers are read and made into endpoints, which takes seconds
 * for the largest. It may die of one: nothing else is in it. What it makes is given out in portions,
 * of which only a few are on their way at a time; the others are not made yet.
 */
import { parentPort } from 'node:worker_threads'
import { createCanonicalJson, sha256Hex } from '#core/canonical-json'
import { decodeUtf8, parseRequestJson } from '#core/json-text'
import { Problem } from '#core/problem'
import { importOpenApi, type ListingDraft } from '#openapi'
import { isObject, isPlainSchema } from '#schemas'
import { defineEndpoint } from './endpoint-changes.js'
import {
  type Draft,
  type ImportAnswer,
  type ImportEntry,
  type ImportMessage,
  operationPlace,
  type Portion,
} from './import-entry.js'
import type { Note } from './import-wire.js'
import type { EndpointDefinition } from './listing.js'
import { endpointSchema } from './listing-schema.js'
import { hiddenNameIn } from './schema-text.js'
import { createTextReader } from './text-reading.js'

/** Endpoints of one portion, which are stored in one transaction: others wait for so long. */
const PORTION = 250
/** A portion ends early where its endpoints are large. */
const PORTION_CHARS = 1_000_000
/** Portions on their way: with them a usual document leaves at once, and makes room for the next. */
const MAX_ON_THEIR_WAY = 16

type Open =
  | { document: unknown; portions: undefined }
  | { portions: Iterator<Portion>; onTheirWay: number }

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')
const open = new Map<number, Open>()

port.on('message', (message: ImportMessage) => {
  try {
    answer(message)
  } catch (error) {
    open.delete(message.import)
    if (error instanceof Problem) {
      say({ import: message.import, kind: 'refused', problem: error.toJSON() })
    } else {
      const { message: text } = error as Error
      say({ import: message.import, kind: 'failed', message: text })
    }
  }
})

function say(answer: ImportAnswer): void {
  port!.postMessage(answer)
}

function answer(message: ImportMessage): void {
  if (message.kind === 'read') read(message.import, message.body)
  else if (message.kind === 'convert') convert(message)
  else if (message.kind === 'forget') open.delete(message.import)
  else {
    const known = open.get(message.import)
    if (known?.portions) known.onTheirWay--
    sendPortions(message.import)
  }
}

function read(id: number, body: Uint8Array): void {
  const parsed = parseRequestJson(body)
  if (!isObject(parsed)) throw new Problem('invalid_request', 'The body must be an object.')
  const { document, ...request } = parsed
  open.set(id, { document, portions: undefined })
  const hasDocument = document !== undefined
  const text = typeof document === 'string' ? document : (JSON.stringify(document) ?? '')
  say({ import: id, kind: 'read', request, hasDocument, hash: sha256Hex(text) })
}

function convert({ import: id, document, options }: ImportMessage & { kind: 'convert' }): void {
  const hash = document === undefined ? '' : sha256Hex(document)
  const { listing, warnings, leftOut } = importOpenApi(takeDocument(id, document), options)
  const { endpoints, ...draft } = listing
  const notes = { refused: leftOut, warnings }
  open.set(id, { portions: portionsOf(endpoints, draft), onTheirWay: 0 })
  say({ import: id, kind: 'drafted', draft, notes, hash })
  sendPortions(id)
}

/** What is converted is kept nowhere else: parsed, the largest take hundreds of megabytes. */
function takeDocument(id: number, fetched: Uint8Array | undefined): unknown {
  const known = open.get(id)
  open.delete(id)
  if (fetched) return textOf(fetched)
  return known?.portions ? undefined : known?.document
}

function textOf(document: Uint8Array): string {
  const text = decodeUtf8(document)
  if (text === undefined) throw new Problem('invalid_request', 'The document is not valid UTF-8.')
  return text
}

/**
 * What a seller could not have written either. The converter makes schemas and examples itself, with
 * plain texts and within their limits; but names are the document's.
 */
const restSchema = endpointSchema.omit({ input_schema: true, output_schema: true, example: true })

type EndpointDraft = ListingDraft['endpoints'][number]

/** Makes endpoints as they are stored; of one that cannot be sold, a note. */
function createMaking({ backend }: Draft): (endpoint: EndpointDraft) => ImportEntry | Note {
  // Operations share most of what they describe.
  const canonicalJson = createCanonicalJson()
  const readTexts = createTextReader()
  return (endpoint) => {
    const { input_schema, output_schema, example, ...rest } = endpoint
    const definition = defineEndpoint({ ...rest, input_schema, output_schema, example }, backend)
    const text = canonicalJson(definition)
    const fault = faultOf(rest) ?? hiddenNameFault(definition, text)
    if (fault !== undefined) {
      return { at: operationPlace(endpoint.method, endpoint.path), message: fault }
    }
    const unproved = isPlainSchema(input_schema) ? undefined : input_schema
    return { slug: endpoint.slug, text, reading: readTexts(definition), unproved }
  }
}

function faultOf(rest: unknown): string | undefined {
  const { error } = restSchema.safeParse(rest)
  const issue = error?.issues[0]
  return issue && `its ${issue.path.map(String).join('.')} ${issue.message}`
}

/** Nothing is invisible in a text of printable ASCII, as most are. */
function hiddenNameFault(definition: EndpointDefinition, text: string): string | undefined {
  if (/^[ -~]*$/.test(text)) return undefined
  const { input_schema, output_schema = {} } = definition
  const place = hiddenNameIn(input_schema) ?? hiddenNameIn(output_schema)
  return place && `a name in its schema has invisible characters, at ${place}`
}

function* portionsOf(endpoints: readonly EndpointDraft[], draft: Draft): Generator<Portion> {
  const make = createMaking(draft)
  let portion: Portion = { entries: [], refused: [] }
  let chars = 0
  for (const endpoint of endpoints) {
    const made = make(endpoint)
    if ('at' in made) {
      portion.refused.push(made)
      continue
    }
    portion.entries.push(made)
    chars += made.text.length
    if (portion.entries.length < PORTION && chars < PORTION_CHARS) continue
    yield portion
    portion = { entries: [], refused: [] }
    chars = 0
  }
  yield portion
}

function sendPortions(id: number): void {
  const known = open.get(id)
  if (!known?.portions) return
  while (known.onTheirWay < MAX_ON_THEIR_WAY) {
    const { done, value: portion } = known.portions.next()
    if (done) {
      open.delete(id)
      say({ import: id, kind: 'end' })
      return
    }
    known.onTheirWay++
    say({ import: id, kind: 'portion', portion })
  }
}
