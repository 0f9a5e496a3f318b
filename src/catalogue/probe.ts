/** Tries a seller's endpoints for real, with their own examples, and says what to mend. */
import { Problem } from '#core/problem'
import type { Validator } from '#schemas'
import {
  type Answer,
  type CredentialVault,
  type SendOptions,
  shapeRequest,
  type Upstreams,
} from '#upstreams'
import { isDelivered } from './delivered.js'
import { type Endpoint, isForOtherHost, isHttp, type Listing } from './listing.js'
import type { ListingWithEndpoints } from './listings.js'
import { credentialOf } from './offers.js'
import { httpTargetOf } from './target.js'

export type ProbeResult = {
  endpoint_id: string
  ok: boolean
  /** The upstream's status; `null` when it did not answer. */
  status: number | null
  latency_ms: number | null
  hint: string
}

type Deps = {
  upstreams: Pick<Upstreams, 'send'>
  vault: CredentialVault
  validatorFor(schema: Record<string, unknown>): Validator
}

/**
 * Calls each endpoint once, or only `only.endpoint`, with its example or `only.arguments`. Without
 * an example and without required arguments it is called with none.
 */
export async function probeListing(
  deps: Deps,
  { listing, endpoints }: Pick<ListingWithEndpoints, 'listing' | 'endpoints'>,
  only: { endpoint?: string | undefined; arguments?: Record<string, unknown> | undefined },
): Promise<ProbeResult[]> {
  const wanted = endpoints.filter(
    (endpoint) =>
      endpoint.status === 'active' &&
      (only.endpoint === undefined || endpoint.slug === only.endpoint),
  )
  if (wanted.length === 0) {
    throw new Problem('endpoint_not_found', `The listing has no endpoint "${only.endpoint}".`)
  }
  const results: ProbeResult[] = []
  for (const endpoint of wanted) {
    results.push(await probe(deps, listing, endpoint, only.arguments))
  }
  return results
}

async function probe(
  deps: Deps,
  listing: Listing,
  endpoint: Endpoint,
  given: Record<string, unknown> | undefined,
): Promise<ProbeResult> {
  const tried = await tryEndpoint(deps, listing, endpoint, { given })
  return tried.kind === 'not-tried'
    ? notTried(endpoint.endpointId, tried.hint)
    : judge(endpoint, tried.answer)
}

/** What came of trying an endpoint; `hint` says why it could not even be tried. */
export type Tried = { kind: 'tried'; answer: Answer } | { kind: 'not-tried'; hint: string }

type Attempt = SendOptions & {
  /** Arguments instead of those of its example. */
  given?: Record<string, unknown> | undefined
  /** Sent besides those that the arguments make. */
  headers?: Readonly<Record<string, string>>
}

/**
 * Calls an endpoint once, with its example; without one, with no arguments. The credential goes to
 * no other host than the one that it was given for.
 */
export async function tryEndpoint(
  deps: Deps,
  listing: Listing,
  { definition }: Endpoint,
  { given, headers, ...options }: Attempt,
): Promise<Tried> {
  if (!isHttp(definition)) return { kind: 'not-tried', hint: 'Call the tool to try it.' }
  if (isForOtherHost(listing.credential.origin, definition)) {
    const hint = 'Set the credential again: it was given for another host than this one.'
    return { kind: 'not-tried', hint }
  }
  const args = given ?? definition.example?.arguments ?? {}
  const faults = deps.validatorFor(definition.input_schema)(args)
  if (faults.length > 0) {
    const paths = faults.map(({ path, message }) => `${path || '/'} ${message}`).join('; ')
    const hint = `Give the endpoint an example that fits its input_schema: ${paths}.`
    return { kind: 'not-tried', hint }
  }
  try {
    const request = shapeRequest(httpTargetOf(definition), args)
    const sent = { ...request, headers: { ...headers, ...request.headers } }
    const credential = credentialOf(deps.vault, listing)
    return { kind: 'tried', answer: await deps.upstreams.send(sent, credential, options) }
  } catch (error) {
    if (error instanceof Problem) return { kind: 'not-tried', hint: error.message }
    throw error
  }
}

function judge({ endpointId, definition }: Endpoint, answer: Answer): ProbeResult {
  const latency_ms = Math.round(answer.latencyMs)
  if (answer.kind === 'unanswered') {
    return { endpoint_id: endpointId, ok: false, status: null, latency_ms, hint: answer.detail }
  }
  const verdict = isDelivered(definition.success, answer)
  const hint = verdict.delivered ? 'It works.' : hintFor(answer.status, verdict.reason)
  return { endpoint_id: endpointId, ok: verdict.delivered, status: answer.status, latency_ms, hint }
}

function hintFor(status: number, reason: string): string {
  if (status === 401 || status === 403) return `${reason} Check the credential.`
  if (status === 404) return `${reason} Check base_url, path and the example.`
  if (status === 429) return `${reason} Set limits so that buyers stay below the provider's.`
  return reason
}

function notTried(endpointId: string, hint: string): ProbeResult {
  return { endpoint_id: endpointId, ok: false, status: null, latency_ms: null, hint }
}
