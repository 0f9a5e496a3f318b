/** Calls an endpoint with its example, as a buyer would, and says what that tells of its health. */
import type { Validator } from '#schemas'
import type { Answer, CredentialVault, Upstreams } from '#upstreams'
import { isDelivered } from './delivered.js'
import type { Finding } from './health.js'
import type { Endpoint, Listing } from './listing.js'
import { tryEndpoint } from './probe.js'

/** Endpoints whose validators are remembered. */
const MAX_REMEMBERED = 10_000
/** Refusals that no other arguments would change: the credential or the seller's account are at fault. */
const REFUSES_SELLER = new Set([401, 402, 403])
const NOT_MODIFIED = 304

export type Found = {
  finding: Finding
  /** A sentence: what the provider did. */
  reason: string
  /** Absent where nothing was sent. */
  latencyMs?: number
  /** Whether anything came back; absent where that says nothing of the connection. */
  isSilent?: boolean
}

export type ExampleDeps = {
  upstreams: Pick<Upstreams, 'send'>
  vault: CredentialVault
  validatorFor(schema: Record<string, unknown>): Validator
}

type ExampleCall = (listing: Listing, endpoint: Endpoint, signal: AbortSignal) => Promise<Found>

/**
 * @returns sends one example call. It asks only for what changed since the answer before, where the
 *   provider can tell.
 */
export function createExampleCalls(deps: ExampleDeps): ExampleCall {
  const remembered = new Map<string, Record<string, string>>()

  return async (listing, endpoint, signal) => {
    const version = `${endpoint.endpointId}@${endpoint.version}`
    const headers = remembered.get(version) ?? {}
    const tried = await tryEndpoint(deps, listing, endpoint, { headers, signal })
    if (tried.kind === 'not-tried') return { finding: 'untold', reason: tried.hint }
    const { answer } = tried
    const found = judge(endpoint, answer, headers)
    if (answer.kind === 'answered' && answer.status !== NOT_MODIFIED) {
      // Only of an answer that was right: "not modified" after a wrong one would not be.
      remember(version, found.finding === 'up' ? validatorsOf(answer.headers) : {})
    }
    return { ...found, latencyMs: answer.latencyMs }
  }

  function remember(version: string, validators: Record<string, string>): void {
    remembered.delete(version)
    if (Object.keys(validators).length === 0) return
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!)
    remembered.set(version, validators)
  }
}

/** The headers that ask whether an answer with these headers is still the right one. */
function validatorsOf({ etag, 'last-modified': lastModified }: Record<string, string>) {
  return {
    ...(etag && { 'if-none-match': etag }),
    ...(lastModified && { 'if-modified-since': lastModified }),
  }
}

/** @param asked the validators that were sent: only then is "not modified" an answer. */
function judge(
  { definition }: Endpoint,
  answer: Answer,
  asked: Readonly<Record<string, string>>,
): Found {
  if (answer.kind === 'unanswered') {
    const { detail: reason } = answer
    if (answer.reason === 'cancelled') return { finding: 'later', reason }
    if (answer.reason === 'blocked') return { finding: 'down', reason }
    return { finding: 'down', reason, isSilent: answer.reason !== 'broken' }
  }
  return { ...judgeStatus(definition, answer, asked), isSilent: false }
}

function judgeStatus(
  { success }: Endpoint['definition'],
  answer: Extract<Answer, { kind: 'answered' }>,
  asked: Readonly<Record<string, string>>,
): Found {
  const { status } = answer
  if (status === NOT_MODIFIED && Object.keys(asked).length > 0) {
    return { finding: 'up', reason: 'Not modified.' }
  }
  const delivery = isDelivered(success, answer)
  if (delivery.delivered) return { finding: 'up', reason: 'It works.' }
  const { reason } = delivery
  if (status === 429) return { finding: 'later', reason }
  const isExamplesFault = status >= 400 && status < 500 && !REFUSES_SELLER.has(status)
  return { finding: isExamplesFault ? 'untold' : 'down', reason }
}
