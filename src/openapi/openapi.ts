/** From an OpenAPI 3 or Swagger 2.0 document to a listing that its seller can look through and create. */
import { Problem } from '#core/problem'
import type { PriceTerms } from '#pricing'
import { escapePointer, isObject } from '#schemas'
import { checkTarget } from '#upstreams'
import {
  follow,
  kebabOf,
  type Members,
  membersOf,
  proseOf,
  textOf,
  type Warn,
  type Warning,
} from './document.js'
import { type Credential, type EndpointDraft, endpointOf, type Operation } from './operation.js'
import { readPathKey } from './path-key.js'
import { readDocument } from './reading.js'
import { startWork } from './schema.js'
import { credentialOf, isSatisfied } from './security.js'
import { baseUrlOf, checkServer } from './servers.js'
import { slugsOf } from './slugs.js'

/** A listing as its seller would send it, the credential still without its value. */
export type ListingDraft = {
  slug: string
  title: string
  description: string
  category: string
  backend: { type: 'http'; base_url: string }
  credential: Credential
  endpoints: EndpointDraft[]
}

export type ImportOptions = {
  listing: {
    slug?: string
    title?: string
    /** Where the document was found: relative servers are taken from there. */
    base_url?: string
  }
  /** Copied to every endpoint. */
  price: PriceTerms
}

/** What became of a document. */
export type Imported = {
  listing: ListingDraft
  /** What was lost of the operations that are sold: at most 5,000. */
  warnings: Warning[]
  /** Operations in the document, sold or not. */
  found: number
  /** The operations that were left out, each with the reason. */
  leftOut: Warning[]
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const
const OTHER_METHODS = ['options', 'trace'] as const
const MAX_ENDPOINTS = 25_000
/** Operations looked at, whether or not they can be sold. The largest public description has 22,361. */
const MAX_OPERATIONS = 30_000
const MAX_WARNINGS = 5_000

/**
 * Takes over every operation that can be sold, its arguments to be sent exactly as the document
 * says. The others are named in `leftOut`, and what else is lost in `warnings` (at most 5,000).
 *
 * @param document the parsed document, or its text as JSON or YAML of at most 64 MiB; it is not
 *   changed. References outside the document are never followed.
 * @throws Problem `invalid_request` saying where the document is not OpenAPI 3.0, 3.1 or Swagger
 *   2.0, names no usable server, or that nothing in it can be sold.
 */
export function importOpenApi(document: unknown, { listing, price }: ImportOptions): Imported {
  const root = readDocument(document, listing.base_url)
  const warnings: Warning[] = []
  const said = new Set<string>()
  const warn: Warn = (at, message) => {
    const isNew = said.size < said.add(`${at} ${message}`).size
    if (isNew && warnings.length < MAX_WARNINGS) warnings.push({ at, message })
  }
  const operations = operationsOf(root, warn)
  const baseUrl = baseUrlOf(root, operations, listing.base_url)
  const credential = credentialOf(root, operations, warn)
  const info = membersOf(root.info)
  const title = proseOf(120, listing.title, info.title) ?? new URL(baseUrl).hostname
  const slug = listing.slug ?? (kebabOf(title) || 'imported')
  const leftOut: Warning[] = []
  const context = { root, baseUrl, credential, warn, price, leftOut, names: [title, slug] }
  const endpoints = endpointsOf(context, operations)
  if (endpoints.length === 0) throw nothingToSell([...leftOut, ...warnings])
  const draft: ListingDraft = {
    slug,
    title: title.replace(/\s+/g, ' '),
    description: proseOf(4_000, info.description, info.summary) ?? title,
    category: 'data',
    backend: { type: 'http', base_url: baseUrl },
    credential,
    endpoints,
  }
  return { listing: draft, warnings, found: operations.length, leftOut }
}

/** The refusal of a document that has nothing to sell, with the first of the reasons. */
export function nothingToSell(reasons: readonly Warning[]): Problem {
  const [first] = reasons
  const why = first ? `: at ${first.at}, ${first.message}` : '.'
  return new Problem('invalid_request', `The document has no operation that can be sold${why}`, {
    facts: { paths: reasons.slice(0, 20).map(({ at, message }) => ({ path: at, message })) },
  })
}

type Found = Pick<Operation, 'item' | 'operation' | 'at'> & {
  method: EndpointDraft['method'] | 'OPTIONS' | 'TRACE'
  /** Its key among the paths. */
  key: string
}

function operationsOf(root: Members & { paths: Members }, warn: Warn): Found[] {
  const found: Found[] = []
  for (const [key, listed] of Object.entries(root.paths)) {
    const item = follow(root, listed)
    const pathAt = `/paths/${escapePointer(key)}`
    if (item === undefined) {
      if (!key.startsWith('x-')) warn(pathAt, 'It leads to nothing in the document; left out.')
      continue
    }
    for (const name of [...METHODS, ...OTHER_METHODS]) {
      const operation = item[name]
      if (!isObject(operation)) continue
      if (found.length === MAX_OPERATIONS) {
        warn(pathAt, `Only the first ${MAX_OPERATIONS} operations are looked at.`)
        return found
      }
      const method = name.toUpperCase() as Found['method']
      found.push({ method, key, item, operation, at: `${pathAt}/${name}` })
    }
  }
  return found
}

type Context = {
  root: Members
  baseUrl: string
  credential: Credential
  warn: Warn
  price: PriceTerms
  leftOut: Warning[]
  /** Title and slug of the listing. */
  names: string[]
}

function endpointsOf(context: Context, operations: readonly Found[]): EndpointDraft[] {
  const { root, warn, credential, leftOut } = context
  const work = startWork()
  const slugs = slugsOf(operations.map(namedOf), context.names)
  const endpoints = new Map<string, EndpointDraft>()
  for (const [i, found] of operations.entries()) {
    try {
      if (endpoints.size === MAX_ENDPOINTS) {
        throw new Problem('invalid_request', `a listing has at most ${MAX_ENDPOINTS} endpoints`)
      }
      const endpoint = endpointFrom(context, found, slugs[i]!, work)
      if (endpoints.has(endpoint.slug)) {
        throw new Problem('invalid_request', 'it is described twice')
      }
      endpoints.set(endpoint.slug, endpoint)
      if (!isSatisfied(root, found.operation, credential)) {
        warn(found.at, 'It asks for another credential than the one this listing sends.')
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      leftOut.push({ at: found.at, message: error.message })
    }
  }
  return [...endpoints.values()]
}

function namedOf({ method, key, operation }: Found) {
  return { method, path: key, id: textOf(operation.operationId) }
}

/** @throws Problem `invalid_request` with the reason why the operation cannot be sold. */
function endpointFrom(
  { root, baseUrl, credential, warn, price }: Context,
  { method, key, ...found }: Found,
  slug: string,
  work: Operation['work'],
): EndpointDraft {
  if (method === 'OPTIONS' || method === 'TRACE') {
    throw new Problem('invalid_request', `${method} asks about an API and is no call of it`)
  }
  checkServer(baseUrl, found)
  const operation = { ...found, ...readPathKey(key), method, root, credential, warn, work }
  const endpoint = endpointOf(operation, slug, price)
  const { path, input_schema: inputSchema } = endpoint
  checkTarget({ baseUrl, method, path, inputSchema }, credential)
  return endpoint
}
