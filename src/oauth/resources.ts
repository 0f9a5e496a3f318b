/**
 * What tokens are for: the marketplace at `/mcp`, and each gateway at `/mcp/{account-slug}/{endpoint}`,
 * whatever the transport. A token for one is refused at all others.
 */
import type { Scope } from '#accounts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
/** What a client asks for when it knows nothing yet: to look, and to call what it found. */
export const FIRST_SCOPES: readonly Scope[] = ['call', 'read']

/** `/mcp`, or a gateway, and what may follow it for the older transports. */
const RESOURCE_PATH =
  /^(\/mcp(?:\/[a-z0-9-]{1,64}\/[a-z0-9-]{1,64})?)(?:\/(?:sse|ws|messages))?\/?$/

/** Protected resource metadata, RFC 9728. */
export type ResourceMetadata = {
  resource: string
  authorization_servers: readonly string[]
  /** What a client starts with, not all that there are: clients ask for the whole list. */
  scopes_supported: readonly Scope[]
  bearer_methods_supported: readonly ['header']
  resource_name: string
  resource_documentation: string
}

export type Resources = {
  /** What a token for this path of ours must be for; `undefined` where no token is accepted. */
  audienceOf(path: string): string | undefined
  /** The audience that a client's resource indicator (RFC 8707) means. */
  audienceNamed(indicator: string): string | undefined
  /** The metadata that is served at this path, if any. */
  metadataAt(path: string): ResourceMetadata | undefined
  /** The value of WWW-Authenticate for a refusal at this path. */
  challenge(path: string, terms: { error?: string; scope?: readonly string[] }): string
}

export function createResources(publicUrl: string): Resources {
  const audienceOf = (path: string) => {
    const found = RESOURCE_PATH.exec(path)?.[1]
    return found === undefined ? undefined : publicUrl + found
  }
  return {
    audienceOf,
    audienceNamed: (indicator) =>
      indicator.startsWith(`${publicUrl}/`)
        ? audienceOf(indicator.slice(publicUrl.length))
        : undefined,
    metadataAt(path) {
      if (!path.startsWith(WELL_KNOWN)) return undefined
      const resource = audienceOf(path.slice(WELL_KNOWN.length) || '/mcp')
      return resource === undefined ? undefined : metadataOf(resource, publicUrl)
    },
    challenge(path, { error, scope = FIRST_SCOPES }) {
      const resource = audienceOf(path) ?? `${publicUrl}/mcp`
      const fields = {
        realm: 'souk',
        ...(error !== undefined && { error }),
        scope: scope.join(' '),
        resource_metadata: publicUrl + WELL_KNOWN + resource.slice(publicUrl.length),
      }
      const listed = Object.entries(fields).map(([name, value]) => `${name}="${value}"`)
      return `Bearer ${listed.join(', ')}`
    },
  }
}

function metadataOf(resource: string, publicUrl: string): ResourceMetadata {
  return {
    resource,
    authorization_servers: [publicUrl],
    scopes_supported: FIRST_SCOPES,
    bearer_methods_supported: ['header'],
    resource_name: 'Souk',
    resource_documentation: `${publicUrl}/docs`,
  }
}
