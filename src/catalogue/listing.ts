/** The nouns of the catalogue and the rows that hold them. */
import type { Suspension } from '#accounts'
import type { Id } from '#core/ids'
import type { PriceTerms } from '#pricing'
import { int } from '#store'
import type { HttpMethod } from '#upstreams'
import type { ListingLimits, ProbeTerms, Provider, SuccessRule } from './listing-schema.js'

export type ListingStatus = 'draft' | 'published' | 'paused' | 'retired'

/** What the gateway did to a listing and its seller must know. */
export type Notice = {
  /** It was paused because it kept failing. */
  code: 'health'
  atMs: number
  detail: string
}

export type Listing = {
  id: Id<'listing'>
  slug: string
  sellerId: Id<'account'>
  title: string
  description: string
  category: string
  status: ListingStatus
  backend: Backend
  /** A private listing is seen and bought by its own account only, and by those below it. */
  visibility: 'public' | 'private'
  credential: { type: string; name: string | null; origin: string | null; sealed: Buffer | null }
  limits: ListingLimits
  probe: ProbeTerms
  provider: Provider
  /** For a shipped listing that is not live yet: what the operator has to do. */
  operatorMust: string | null
  /** Set while the gateway itself keeps it paused. */
  notice: Notice | null
  /** Set while the operator keeps it off sale, whatever its status. */
  suspension: Suspension | null
  createdAtMs: number
  updatedAtMs: number
  /** Of its last change, in the catalogue's count. */
  revision: number
}

/** What one version of an endpoint sells, whatever answers it. It never changes once written. */
type Terms = {
  title: string
  description: string
  input_schema: Record<string, unknown>
  output_schema?: Record<string, unknown>
  example?: { arguments: Record<string, unknown>; answer?: unknown }
  /** What it is filed under, for search. */
  tags?: string[]
  price: PriceTerms
  success: SuccessRule
  requires_approval: boolean
}

/** An endpoint of an HTTP API: arguments become one request. */
export type HttpDefinition = Terms & { method: HttpMethod; path: string; base_url: string }

/** A tool: it takes its arguments as they are. */
export type ToolDefinition = Terms & {
  backend: ToolBackend
  /** Its name among MCP tools. */
  name: string
  /** What it says of itself to clients; hints, which nothing here relies on. */
  annotations?: Record<string, unknown>
}

export type EndpointDefinition = HttpDefinition | ToolDefinition

/** What answers the calls of a tool. */
export type ToolBackend =
  | { type: 'tool'; handler_url: string }
  | {
      type: 'mcp'
      /** The server's name, and that of its tool there. */
      server: string
      tool: string
      /** SHA-256 of the definition that the server gave: another one is another version. */
      definition_hash: string
    }
  | { type: 'code' }

/** What answers the calls of a listing. */
export type Backend =
  | { type: 'http'; base_url: string }
  | { type: 'tool' }
  | { type: 'mcp'; server: string }
  | { type: 'code' }

export type Endpoint = {
  endpointId: string
  slug: string
  status: 'active' | 'retired'
  version: number
  definition: EndpointDefinition
  /** When this version was made. */
  changedAtMs: number
}

export type ListingRow = {
  id: string
  slug: string
  seller_id: string
  title: string
  description: string
  category: string
  status: string
  backend: string
  visibility: string
  credential_type: string
  credential_name: string | null
  credential_origin: string | null
  credential_sealed: Buffer | null
  limits: string
  probe: string
  provider: string
  operator_must: string | null
  notice: string | null
  suspension: string | null
  created_at: bigint
  updated_at: bigint
  revision: bigint
}

export function toListing(row: ListingRow): Listing {
  return {
    id: row.id as Id<'listing'>,
    slug: row.slug,
    sellerId: row.seller_id as Id<'account'>,
    title: row.title,
    description: row.description,
    category: row.category,
    status: row.status as ListingStatus,
    backend: JSON.parse(row.backend),
    visibility: row.visibility === 'private' ? 'private' : 'public',
    credential: {
      type: row.credential_type,
      name: row.credential_name,
      origin: row.credential_origin,
      sealed: row.credential_sealed,
    },
    limits: JSON.parse(row.limits),
    probe: JSON.parse(row.probe),
    provider: JSON.parse(row.provider),
    operatorMust: row.operator_must,
    notice: row.notice === null ? null : JSON.parse(row.notice),
    suspension: row.suspension === null ? null : JSON.parse(row.suspension),
    createdAtMs: int(row.created_at),
    updatedAtMs: int(row.updated_at),
    revision: int(row.revision),
  }
}

/** What an `EndpointRow` takes from `endpoints` and `endpoint_versions`. */
export const ENDPOINT_COLUMNS = [
  'endpoints.*',
  'endpoint_versions.version',
  'endpoint_versions.definition',
  'endpoint_versions.created_at as changed_at',
] as const

export type EndpointRow = {
  endpoint_id: string
  listing_id: string
  slug: string
  status: string
  latest_version: number | bigint
  definition: string
  version: number | bigint
  changed_at: bigint
}

export function toEndpoint(row: EndpointRow): Endpoint {
  return {
    endpointId: row.endpoint_id,
    slug: row.slug,
    status: row.status === 'retired' ? 'retired' : 'active',
    version: int(row.version),
    definition: JSON.parse(row.definition),
    changedAtMs: int(row.changed_at),
  }
}

/** Where calls of an endpoint go over HTTP; `undefined` where they go another way. */
export function urlOf(definition: EndpointDefinition): URL | undefined {
  if (isHttp(definition)) return new URL(definition.base_url)
  const { backend } = definition
  return backend.type === 'tool' ? new URL(backend.handler_url) : undefined
}

export function isHttp(definition: EndpointDefinition): definition is HttpDefinition {
  return 'base_url' in definition
}

/** Whether the listing's credential, given for `origin`, is for another host than the endpoint's. */
export function isForOtherHost(origin: string | null, definition: EndpointDefinition): boolean {
  return origin !== null && origin !== urlOf(definition)?.origin
}

/** Whose secret a listing's credential is: it binds the sealed record to its owner. */
export function credentialOwner(listing: { id: string; sellerId: string }): string {
  return `${listing.sellerId}|${listing.id}`
}
