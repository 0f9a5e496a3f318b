/** Which endpoint of a listing is probed next: one that costs the seller nothing, each in its turn. */
import { Problem } from '#core/problem'
import type { JsonSchema } from '#schemas'
import type { Store } from '#store'
import { type Endpoint, type EndpointDefinition, isHttp, type Listing } from './listing.js'
import type { ProbeTerms } from './listing-schema.js'
import { endpointsAfter, endpointsIn } from './versions.js'

/** Endpoints that are read in one go, and how often that is done for one look. */
const PORTION = 20
const PORTIONS = 25

type NextProbed = {
  /** Absent where none that was looked at can be probed. */
  endpoint?: Endpoint
  /** The last endpoint that was looked at, from which the next look goes on. */
  lastLookedAt: string
}

/**
 * The first endpoint after `lastLookedAt` that can be probed, going round; the one that the seller
 * names. At most 500 endpoints are looked at: a listing of thousands has its turn in several looks.
 */
export async function nextProbed(
  { store }: { store: Store },
  { id, probe }: Listing,
  lastLookedAt: string,
): Promise<NextProbed> {
  if (probe === 'off') return { lastLookedAt }
  if (probe.endpoint !== undefined) {
    for await (const endpoint of endpointsIn(store.db, id, [probe.endpoint])) {
      if (isProbeable(endpoint, probe)) return { endpoint, lastLookedAt }
    }
    return { lastLookedAt }
  }
  let after = lastLookedAt
  for (let portion = 0; portion < PORTIONS; portion++) {
    const endpoints = await endpointsAfter(store.db, id, after, PORTION)
    const endpoint = endpoints.find((one) => isProbeable(one, probe))
    if (endpoint) return { endpoint, lastLookedAt: endpoint.endpointId }
    if (endpoints.length < PORTION && after === '') break
    after = endpoints.length < PORTION ? '' : endpoints.at(-1)!.endpointId
  }
  return { lastLookedAt: after }
}

/**
 * @param find the definition of an endpoint of the listing, by slug.
 * @throws Problem `invalid_request` where the endpoint that the seller names cannot be probed.
 */
export async function checkProbe(
  terms: ProbeTerms | undefined,
  find: (slug: string) => Promise<EndpointDefinition | undefined>,
): Promise<void> {
  if (terms === undefined || terms === 'off' || terms.endpoint === undefined) return
  const slug = terms.endpoint
  const definition = await find(slug)
  if (definition && isProbeable({ status: 'active', slug, definition }, terms)) return
  throw new Problem(
    'invalid_request',
    `probe.endpoint: "${slug}" is no GET or HEAD endpoint of the listing that can be called with its example.`,
  )
}

/**
 * Whether an example call of the endpoint is harmless: it only reads, and nothing is metered unless
 * the seller named it. Without an example it must need no arguments.
 */
function isProbeable(
  { status, slug, definition }: Pick<Endpoint, 'status' | 'slug' | 'definition'>,
  terms: ProbeTerms,
): boolean {
  if (!isHttp(definition)) return false
  const { method, price, example, input_schema } = definition
  const isNamed = terms !== 'off' && terms.endpoint === slug
  return (
    status === 'active' &&
    (method === 'GET' || method === 'HEAD') &&
    (price.model !== 'per_unit' || isNamed) &&
    !definition.requires_approval &&
    (example !== undefined || !hasRequired(input_schema))
  )
}

function hasRequired({ required }: JsonSchema): boolean {
  return Array.isArray(required) && required.length > 0
}
