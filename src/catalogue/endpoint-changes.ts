/** What a listing sells after its seller's change. Pure. */
import { defined } from '#core/defined'
import { Problem } from '#core/problem'
import {
  type Backend,
  type Endpoint,
  type EndpointDefinition,
  type HttpDefinition,
  isHttp,
  type ToolDefinition,
} from './listing.js'
import type { EndpointInput, ListingPatch } from './listing-schema.js'

const NEEDED = ['title', 'description', 'method', 'path', 'input_schema', 'price'] as const

/** What an endpoint sells, from what its seller wrote. */
export function defineEndpoint(
  endpoint: Omit<EndpointInput, 'slug'>,
  backend: { base_url: string },
): HttpDefinition {
  return {
    title: endpoint.title,
    description: endpoint.description,
    method: endpoint.method,
    path: endpoint.path,
    base_url: backend.base_url.replace(/\/+$/, ''),
    input_schema: endpoint.input_schema,
    ...(endpoint.output_schema !== undefined && { output_schema: endpoint.output_schema }),
    ...(endpoint.example !== undefined && { example: endpoint.example }),
    ...(endpoint.tags !== undefined && { tags: endpoint.tags }),
    price: endpoint.price,
    success: endpoint.success ?? { status: '2xx' },
    requires_approval: endpoint.requires_approval ?? false,
  }
}

/**
 * What each endpoint sells, by slug.
 *
 * @throws Problem `invalid_request` for a slug that is there twice.
 */
export function defineEndpoints(
  endpoints: readonly EndpointInput[],
  backend: { base_url: string },
): Map<string, EndpointDefinition> {
  refuseTwice(endpoints)
  return new Map(endpoints.map((endpoint) => [endpoint.slug, defineEndpoint(endpoint, backend)]))
}

/**
 * The definitions that a patch leaves behind, by slug; only those that it touches.
 *
 * @throws Problem `invalid_request` for a new endpoint that lacks something.
 */
export function mergeEndpoints(
  current: readonly Endpoint[],
  patch: ListingPatch,
  backend: Backend,
): Map<string, EndpointDefinition> {
  refuseTwice(patch.endpoints ?? [])
  const merged = new Map<string, EndpointDefinition>()
  const patched = new Map((patch.endpoints ?? []).map((endpoint) => [endpoint.slug, endpoint]))
  for (const endpoint of current) {
    const change = patched.get(endpoint.slug)
    patched.delete(endpoint.slug)
    if (!change && (!patch.backend || endpoint.status === 'retired')) continue
    merged.set(endpoint.slug, changed(endpoint.definition, defined(change ?? {}), backend))
  }
  const [added] = patched.keys()
  if (added !== undefined && backend.type !== 'http') {
    throw new Problem('invalid_request', `"${added}" is no tool of this listing.`)
  }
  for (const [slug, endpoint] of patched) {
    const missing = NEEDED.filter((name) => endpoint[name] === undefined)
    if (missing.length > 0) {
      throw new Problem(
        'invalid_request',
        `The new endpoint "${slug}" lacks ${missing.join(', ')}.`,
      )
    }
    merged.set(slug, defineEndpoint(endpoint as EndpointInput, backend as HttpBackend))
  }
  return merged
}

type HttpBackend = Extract<Backend, { type: 'http' }>
type Change = Partial<Omit<EndpointInput, 'slug'>>

function changed(definition: EndpointDefinition, change: Change, backend: Backend) {
  if (!isHttp(definition)) return changedTool(definition, change)
  const { base_url, ...rest } = definition
  return defineEndpoint({ ...rest, ...change }, backend as HttpBackend)
}

/** What a tool takes and how it is called is said where it is declared; the rest its seller says. */
function changedTool(definition: ToolDefinition, change: Change): ToolDefinition {
  const fixed = (['method', 'path', 'input_schema', 'output_schema'] as const).find(
    (part) => change[part] !== undefined,
  )
  if (fixed !== undefined) {
    throw new Problem('invalid_request', `${fixed} of the tool "${definition.name}" is fixed.`, {
      action: 'Change the tool where it is declared.',
    })
  }
  const { method, path, input_schema, output_schema, ...terms } = change
  return { ...definition, ...defined(terms) }
}

/** @throws Problem `invalid_request` for a slug that the listing does not have. */
export function refuseUnknown(endpoints: readonly Endpoint[], retired: readonly string[]): void {
  const unknown = retired.find((slug) => !endpoints.some((endpoint) => endpoint.slug === slug))
  if (unknown === undefined) return
  throw new Problem('invalid_request', `The listing has no endpoint "${unknown}" to retire.`)
}

function refuseTwice(endpoints: readonly { slug: string }[]): void {
  const names = new Set<string>()
  for (const { slug } of endpoints) {
    if (names.has(slug)) {
      throw new Problem('invalid_request', `The endpoint slug "${slug}" is there twice.`)
    }
    names.add(slug)
  }
}
