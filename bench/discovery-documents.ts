/**
 * Rows as OpenAPI documents, one for each API, so that they reach the catalogue in the way that
 * sellers' documents do. What a row does not say is filled with what changes no word: a host, a
 * method, a path. What cannot be sold as it stands, such as a path with a query, is bent until it can.
 */
import { kebabOf } from '../src/openapi/document.js'
import type { Row, RowParameter } from './discovery-rows.js'

export type RowDocument = {
  /** What the import is asked, beside the document. */
  request: { slug: string; title: string; category: string }
  document: object
  /** Ids of rows by `GET /path`, as the catalogue will show method and path. */
  idOf: Map<string, string>
}

const SOLD_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const MAX_TITLE = 120
const MAX_SLUG = 64
/** Room for the number of a second listing with the same words. */
const SLUG_STEM = MAX_SLUG - 5

/** @param taken slugs that no listing can have. */
export function documentsOf(rows: readonly Row[], taken: Iterable<string>): RowDocument[] {
  const byApi = new Map<string, Row[]>()
  for (const row of rows) {
    const others = byApi.get(row.api)
    if (others) others.push(row)
    else byApi.set(row.api, [row])
  }
  const slugs = new Set(taken)
  return [...byApi].map(([api, all]) => documentOf(api, all, slugs))
}

function documentOf(api: string, rows: readonly Row[], slugs: Set<string>): RowDocument {
  const [first] = rows as [Row]
  const paths: Record<string, Record<string, object>> = {}
  const idOf = new Map<string, string>()
  for (const row of rows) {
    const method = methodOf(row)
    const path = freeName(pathOf(row), (candidate) => idOf.has(`${method} ${candidate}`), '/')
    idOf.set(`${method} ${path}`, row.id)
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = operationOf(row, method, path)
  }
  const stem = kebabOf(api).slice(0, SLUG_STEM).replace(/-$/, '') || 'listing'
  const slug = freeName(stem, (candidate) => slugs.has(candidate), '-')
  slugs.add(slug)
  const title = (first.title || api).slice(0, MAX_TITLE)
  return {
    request: { slug, title, category: kebabOf(first.categories?.[0] ?? '') || 'other' },
    document: {
      openapi: '3.0.3',
      info: { title, version: '1' },
      servers: [{ url: serverOf(first) }],
      paths,
    },
    idOf,
  }
}

function freeName(name: string, isTaken: (candidate: string) => boolean, joint: string): string {
  let free = name
  for (let number = 2; isTaken(free); number++) free = `${name}${joint}${number}`
  return free
}

/** A function without a method is called by POST; what is not sold is read. */
function methodOf({ method = 'POST' }: Row): string {
  return SOLD_METHODS.includes(method) ? method : 'GET'
}

/** Slashes in place of what a template cannot have; a function without a path is called by its name. */
function pathOf({ path, operation_id: id, name, id: rowId }: Row): string {
  const given = path ?? `/${id ?? name ?? rowId}`
  const parts = given.split(/(\{[^{}]+\})/).map((part, i) => (i % 2 === 1 ? part : literalOf(part)))
  const joined = `/${parts.join('')}`.replace(/\/{2,}/g, '/')
  return joined.length > 1 ? joined.replace(/\/$/, '') : joined
}

function literalOf(part: string): string {
  return part
    .replace(/[?#\\\s{}"<>^`|]+/g, '/')
    .replace(/\.{2,}/g, '.')
    .replace(/\/\.(?=\/|$)/g, '')
    .replace(/[^\x21-\x7e]+/g, encodeURIComponent)
}

function operationOf(row: Row, method: string, path: string): object {
  const variables = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!))
  const isRead = method === 'GET' || method === 'HEAD'
  const params = distinct(row.params ?? []).filter(
    ({ name, in: place }) => place !== 'path' || variables.has(name),
  )
  const inBody = (param: RowParameter) =>
    !isRead && param.in === 'body' && !variables.has(param.name)
  const others = params.filter((param) => !inBody(param))
  const bodily = params.filter(inBody)
  return {
    operationId: row.operation_id ?? row.name,
    summary: row.summary,
    description: row.description,
    tags: row.tags,
    parameters: others.map(({ name, in: place, required, description }) => ({
      name,
      in: variables.has(name) ? 'path' : place === 'body' ? 'query' : place,
      required: variables.has(name) || required,
      description,
      schema: { type: 'string' },
    })),
    ...(bodily.length > 0 && { requestBody: bodyOf(bodily) }),
    responses: { 200: { description: 'It worked.' } },
  }
}

/** The first of each name: an endpoint's arguments have one name each. */
function distinct(params: readonly RowParameter[]): RowParameter[] {
  const names = new Map<string, RowParameter>()
  for (const param of params) if (!names.has(param.name)) names.set(param.name, param)
  return [...names.values()]
}

function bodyOf(params: readonly RowParameter[]): object {
  const properties = params.map(({ name, description }) => [name, { type: 'string', description }])
  const required = params.filter((param) => param.required).map(({ name }) => name)
  const schema = {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  }
  return { content: { 'application/json': { schema } } }
}

/** Where it is called: the server without its variables, or a host with the words of the provider. */
function serverOf({ server_url: server = '', provider }: Row): string {
  const named = server.replace(/\{[^{}]*\}\.?/g, '').replace(/^http:/, 'https:')
  if (URL.canParse(named) && isPublicName(new URL(named).hostname)) {
    const { hostname, pathname } = new URL(named)
    return `https://${hostname}${pathname.replace(/\/{2,}/g, '/').replace(/\/$/, '')}`
  }
  return isPublicName(provider)
    ? `https://${provider}`
    : `https://${kebabOf(provider).slice(0, 63) || 'provider'}.example`
}

function isPublicName(host: string): boolean {
  return /^([a-z\d-]+\.)+[a-z]{2,}$/i.test(host) && !/\.(local|localhost|internal)$/i.test(host)
}
