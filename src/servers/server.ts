/** An MCP server as it is known here: what was said of it, and by whom. */

import { slugOfTool } from '#catalogue'
import type { ServerSettings, ServerState, TokenProvider } from '#connections'
import { toRfc3339 } from '#core/clock'
import type { Id } from '#core/ids'
import type { Discovery } from './discovery-state.js'
import { offerOf, type ServerTerms } from './server-schema.js'

/** Where a name is said twice, the first of these holds. */
export const SOURCES = ['code', 'file', 'api'] as const
export type ServerSource = (typeof SOURCES)[number]
export const PLACES = { code: 'code', file: 'souk.yaml', api: 'the API' } as const

export type Server = {
  id: Id<'server'>
  /** Of the listing that its tools are sold in. */
  slug: string
  source: ServerSource
  terms: ServerTerms
  createdAtMs: number
  updatedAtMs: number
  /** Of its last change, in the count of servers. */
  revision: number
}

/** Whether servers may be processes of ours, and who may say so. */
export type StdioPolicy = 'off' | 'file' | 'api'

/** What holds for servers that say nothing else, and what none may go beyond. */
export type Timeouts = { toolCallMs: number; connectionMs: number; maxCallMs: number }

/** The slug of the listing of a server's tools; sellers cannot take it. */
export function listingSlugOf(name: string): string {
  return `mcp-${slugOfTool(name)}`
}

/** Whether a server of this source may be a process of ours. */
export function mayBeProcess(policy: StdioPolicy, source: ServerSource): boolean {
  return policy === 'api' || (policy === 'file' && source !== 'api')
}

/** What connections take; the same for the same terms, so that one that did not change stays. */
export function settingsOf(
  { id, terms }: Pick<Server, 'id' | 'terms'>,
  { toolCallMs, connectionMs, maxCallMs }: Timeouts,
  provider?: TokenProvider,
): ServerSettings {
  const { name, transport, url, command, args, env } = terms
  const { headers, token } = letIn(terms)
  return {
    id,
    name,
    transport,
    ...(url !== undefined && { url }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(token !== undefined && { token }),
    ...(provider && { token: provider }),
    ...(command !== undefined && { command }),
    ...(args && { args }),
    ...(env && { env }),
    connectTimeoutMs: terms.connection_timeout_ms ?? connectionMs,
    // A call that takes longer than its hold lives would be given up, and answered to nobody.
    callTimeoutMs: Math.min(terms.tool_call_timeout_ms ?? toolCallMs, maxCallMs),
  }
}

function letIn({ headers = {}, credentials }: ServerTerms): Pick<ServerSettings, 'token'> & {
  headers: Record<string, string>
} {
  if (!credentials) return { headers }
  if ('bearer_token' in credentials) {
    return { headers: { ...headers, Authorization: `Bearer ${credentials.bearer_token}` } }
  }
  if ('api_key' in credentials) {
    return { headers: { ...headers, [credentials.api_key_header]: credentials.api_key } }
  }
  const { auth_type: type, ...source } = credentials
  return { headers, token: { type, ...source } as ServerSettings['token'] }
}

/** What is known of a server beside what was said of it. */
export type ServerStanding = {
  state: ServerState
  /** Why it is not used, where it is not. */
  off: string | undefined
  hasTokenProvider: boolean
  discovery: Discovery
}

/** A server as the operator reads it: of all that is secret the names alone. */
export function showServer(
  { id, slug, source, terms, createdAtMs, updatedAtMs }: Server,
  { state, off, hasTokenProvider, discovery }: ServerStanding,
) {
  const { name, transport, url, command, args, env, headers, credentials, prefix, tools } = terms
  const isProcess = transport === 'stdio'
  const { price, ...offer } = offerOf(terms)
  return {
    ...{ id, name, source, transport },
    ...(isProcess
      ? { command, args: args ?? [], env_names: Object.keys(env ?? {}) }
      : {
          url: shownUrl(url!),
          header_names: Object.keys(headers ?? {}),
          credential_type: hasTokenProvider ? 'token_provider' : credentialType(credentials),
          credential_keys: Object.keys(credentials ?? {}),
        }),
    enabled: terms.enabled ?? true,
    description: offer.description,
    category: offer.category,
    default_price: price,
    visibility: offer.visibility,
    require_approval: offer.requires_approval,
    ...(prefix !== undefined && { prefix }),
    ...(tools && { tools }),
    tool_call_timeout_ms: terms.tool_call_timeout_ms ?? null,
    connection_timeout_ms: terms.connection_timeout_ms ?? null,
    connection: {
      status: off === undefined ? state.status : ('off' as const),
      since: state.since > 0 ? toRfc3339(state.since) : null,
      error: off ?? state.error ?? null,
      protocol_version: state.revision ?? null,
    },
    listing_slug: slug,
    tool_count: Object.keys(discovery.endpoints).length,
    discovered_at: discovery.at === null ? null : toRfc3339(discovery.at),
    discovery_error: discovery.error,
    created_at: toRfc3339(createdAtMs),
    updated_at: toRfc3339(updatedAtMs),
  }
}

/** A query may hold a key. */
function shownUrl(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}

function credentialType(credentials: ServerTerms['credentials']): string {
  if (!credentials) return 'none'
  if ('auth_type' in credentials) return credentials.auth_type
  return 'api_key' in credentials ? 'api_key' : 'bearer'
}
