/** One request through its redirects, each hop judged like the first, the secret left at home. */

import { headerText } from './answer-headers.js'
import { type Credential, pathWithCredential, writeCredentialHeader } from './credential.js'
import type { Deadline } from './deadline.js'
import type { Egress, Received } from './egress.js'
import type { UpstreamRequest } from './http-shape.js'
import type { Scrubber } from './scrub.js'
import { blocked, type Unanswered } from './unanswered.js'

const MAX_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])

export type Hop = { url: URL; isHome: boolean }

export type Journey = {
  egress: Egress
  request: UpstreamRequest
  credential: Credential
  scrubber: Scrubber
  /** Headers of Souk's own; they go to every hop. */
  ownHeaders: Record<string, string>
  limitBytes: number
  deadline: Deadline
  /** Whether a redirect is an answer like others. */
  staysHere: boolean
}

/** The final answer. Only GET and HEAD are sent on; another method's 3xx is an answer. */
export async function follow(journey: Journey): Promise<Received | Unanswered> {
  let hop: Hop = { url: new URL(journey.request.url), isHome: true }
  for (let redirects = 0; ; redirects++) {
    const isDispatched = redirects > 0
    const refusal = journey.egress.refusalOf(hop.url)
    if (refusal) return blocked(refusal, isDispatched)
    const answer = await send(journey, hop)
    if (answer.kind === 'unanswered')
      return { ...answer, dispatched: answer.dispatched || isDispatched }
    const location = locationOf(journey.request, answer)
    if (location === undefined || journey.staysHere) return answer
    if (redirects === MAX_REDIRECTS) return tooManyRedirects()
    const next = nextHop(hop, location, journey.scrubber)
    if (typeof next === 'string') return blocked(next, true)
    hop = next
  }
}

/**
 * Where a redirect leads, or the sentence why it is not followed. A hop that leaves the origin
 * never gets the credential back, and never carries it in its URL either.
 */
export function nextHop(from: Hop, location: string, scrubber: Scrubber): Hop | string {
  if (!URL.canParse(location, from.url.href))
    return 'The provider redirects to something that is no URL.'
  const url = new URL(location, from.url)
  url.hash = ''
  if (from.url.protocol === 'https:' && url.protocol !== 'https:') {
    return 'The provider redirects from https to a URL that is not https.'
  }
  if (url.origin === from.url.origin) return { url, isHome: from.isHome }
  if (scrubber.text(url.href) !== url.href) {
    return 'The provider redirects to another host with its credential in the URL.'
  }
  return { url, isHome: false }
}

function send(
  { egress, request, credential, ownHeaders, limitBytes, deadline }: Journey,
  { url, isHome }: Hop,
): Promise<Received | Unanswered> {
  const headers = isHome ? { ...ownHeaders, ...request.headers } : ownHeaders
  if (isHome) writeCredentialHeader(headers, credential)
  return egress.exchange(
    {
      origin: url.origin,
      path: isHome ? pathWithCredential(url, credential) : url.pathname + url.search,
      method: request.method,
      headers,
      body: request.body ?? null,
    },
    limitBytes,
    deadline,
  )
}

function locationOf(request: UpstreamRequest, { status, headers }: Received): string | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  return REDIRECTS.has(status) ? headerText(headers.location) : undefined
}

function tooManyRedirects(): Unanswered {
  const detail = `The provider redirects more than ${MAX_REDIRECTS} times.`
  return { kind: 'unanswered', reason: 'broken', detail, dispatched: true }
}
