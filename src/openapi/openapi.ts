/** From an OpenAPI 3.0 or 3.1 document to a listing that its seller can look through and create. */
import { Problem } from '#core/problem'
import type { PriceTerms } from '#pricing'
import { escapePointer, isObject } from '#schemas'
import { checkTarget } from '#upstreams'
import {
  follow,
  kebabOf,
  listOf,
  type Members,
  membersOf,
  notOpenApi,
  proseOf,
  readDocument,
  textOf,
  type Warn,
  type Warning,
} from './document.js'
import { type Credential, type EndpointDraft, endpointOf, type Operation } from './operation.js'
import { IMPORT_WORK_NODES } from './schema.js'
import { credentialOf, isSatisfied } from './security.js'

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

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const
const MAX_ENDPOINTS = 500
/** Operations looked at, whether or not they can be sold. */
const MAX_OPERATIONS = 1_000
const MAX_WARNINGS = 500

/**
 * Takes over every operation that can be sold: JSON in, path, query and header parameters. The
 * others, and whatever else is lost, are named in `warnings` (at most 500).
 *
 * @param document the parsed document, or its text as JSON or YAML of at most 5 MiB. References
 *   outside the document are never followed.
 * @throws Problem `invalid_request` saying where the document is not OpenAPI 3.0 or 3.1, names no
 *   usable server, or that nothing in it can be sold.
 */
export function importOpenApi(
  document: unknown,
  { listing, price }: ImportOptions,
): { listing: ListingDraft; warnings: Warning[] } {
  const root = readDocument(document)
  const warnings: Warning[] = []
  const warn: Warn = (at, message) => {
    if (warnings.length < MAX_WARNINGS) warnings.push({ at, message })
  }
  const baseUrl = baseUrlOf(root, listing.base_url)
  const operations = operationsOf(root, warn)
  const credential = credentialOf(root, operations, warn)
  const endpoints = endpointsOf({ root, baseUrl, credential, warn, price }, operations)
  if (endpoints.length === 0) {
    throw new Problem('invalid_request', 'The document has no operation that can be sold.', {
      facts: { warnings: warnings.slice(0, 20) },
    })
  }
  const info = membersOf(root.info)
  const title = proseOf(120, listing.title, info.title) ?? new URL(baseUrl).hostname
  const draft: ListingDraft = {
    slug: listing.slug ?? (kebabOf(title) || 'imported'),
    title: title.replace(/\s+/g, ' '),
    description: proseOf(4_000, info.description, info.summary) ?? title,
    category: 'data',
    backend: { type: 'http', base_url: baseUrl },
    credential,
    endpoints,
  }
  return { listing: draft, warnings }
}

type Found = Pick<Operation, 'method' | 'path' | 'item' | 'operation' | 'at'>

function operationsOf(root: Members & { paths: Members }, warn: Warn): Found[] {
  const found: Found[] = []
  for (const [path, listed] of Object.entries(root.paths)) {
    const item = follow(root, listed)
    const pathAt = `/paths/${escapePointer(path)}`
    if (item === undefined) {
      if (!path.startsWith('x-')) warn(pathAt, 'It leads to nothing in the document; left out.')
      continue
    }
    for (const name of METHODS) {
      const operation = item[name]
      if (!isObject(operation)) continue
      if (found.length === MAX_OPERATIONS) {
        warn(pathAt, `Only the first ${MAX_OPERATIONS} operations are looked at.`)
        return found
      }
      const method = name.toUpperCase() as EndpointDraft['method']
      found.push({ method, path, item, operation, at: `${pathAt}/${name}` })
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
}

function endpointsOf(context: Context, operations: readonly Found[]): EndpointDraft[] {
  const { root, warn, price, credential } = context
  const work = { nodesLeft: IMPORT_WORK_NODES }
  const endpoints = new Map<string, EndpointDraft>()
  for (const found of operations) {
    if (endpoints.size === MAX_ENDPOINTS) {
      warn('/paths', `A listing has at most ${MAX_ENDPOINTS} endpoints; the others are left out.`)
      break
    }
    try {
      checkServer(context, found)
      const operation = { ...found, root, credential, warn, work }
      const endpoint = endpointOf(operation, freeSlug(found, endpoints), price)
      checkTarget(targetOf(context.baseUrl, endpoint), credential)
      endpoints.set(endpoint.slug, endpoint)
      if (!isSatisfied(root, found.operation, credential)) {
        warn(found.at, 'It asks for another credential than the one this listing sends.')
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      warn(found.at, `Left out: ${error.message}`)
    }
  }
  return [...endpoints.values()]
}

function targetOf(baseUrl: string, { method, path, input_schema: inputSchema }: EndpointDraft) {
  return { baseUrl, method, path, inputSchema }
}

function freeSlug({ operation, method, path }: Found, taken: ReadonlyMap<string, unknown>): string {
  const named = kebabOf(textOf(operation.operationId) ?? '') || kebabOf(`${method} ${path}`)
  if (!taken.has(named)) return named
  const stem = named.slice(0, 59).replace(/-$/, '')
  let number = 2
  while (taken.has(`${stem}-${number}`)) number++
  return `${stem}-${number}`
}

/** An operation may name servers of its own; a listing has one. */
function checkServer({ baseUrl, root }: Context, { operation, item }: Found): void {
  const own = [operation, item].find((it) => listOf(it.servers).length > 0)
  const others = listOf(own?.servers).map((server) => serverUrl(server, baseUrl))
  if (own !== undefined && own !== root && !others.includes(baseUrl)) {
    throw new Problem('invalid_request', 'it has a server of its own')
  }
}

/** The first server that can be called; where the document names none, the first of an operation. */
function baseUrlOf(root: Members & { paths: Members }, foundAt: string | undefined): string {
  const items = Object.values(root.paths).map(membersOf)
  const operations = items.flatMap((item) => METHODS.map((method) => membersOf(item[method])))
  const ofAll = listOf(root.servers)
  const listed = ofAll.length > 0 ? [root] : [...items, ...operations]
  for (const server of listed.flatMap((it) => listOf(it.servers))) {
    const url = serverUrl(server, foundAt)
    if (url !== undefined) return url
  }
  const implied = ofAll.length === 0 ? serverUrl({ url: '/' }, foundAt) : undefined
  if (implied !== undefined) return implied
  throw notOpenApi('/servers', 'must name an absolute http or https URL')
}

/** Variables take their defaults. Query, fragment and trailing slash are no part of a base URL. */
function serverUrl(server: unknown, base: string | undefined): string | undefined {
  const { url, variables } = membersOf(server)
  if (typeof url !== 'string') return undefined
  const filled = url.trim().replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = membersOf(membersOf(variables)[name])
    const value = variable.default ?? listOf(variable.enum)[0]
    return value === undefined ? whole : String(value)
  })
  if (/[{}]/.test(filled) || !URL.canParse(filled, base)) return undefined
  const { protocol, origin, pathname, username } = new URL(filled, base)
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '') return undefined
  return origin + pathname.replace(/\/+$/, '')
}
