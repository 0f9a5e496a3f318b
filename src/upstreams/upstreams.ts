/** The seller's side of the wire: builds requests, sends them with the seller's credential, reads answers. */
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { decodeBody } from './answer-body.js'
import { headerText, mediaTypeOf, passedHeaders, retryAfterMs } from './answer-headers.js'
import { type Credential, checkCredential } from './credential.js'
import { type Deadline, startDeadline } from './deadline.js'
import {
  createEgress,
  type Exchange,
  type Lookup,
  type OpenRequest,
  type Received,
  type Sink,
} from './egress.js'
import { isHeaderName, isReservedHeader } from './header-rules.js'
import {
  type HttpMethod,
  type HttpTarget,
  shapeRequest,
  type UpstreamRequest,
} from './http-shape.js'
import { isJsonType, isMediaType } from './media-type.js'
import { follow } from './redirects.js'
import { type Scrubber, scrubberFor, scrubberOf } from './scrub.js'
import { type CredentialVault, openCredential, sealCredential } from './sealed-credential.js'
import { checkTarget, parseBaseUrl } from './target-check.js'
import { type Bearing, sendWithToken } from './token-credential.js'
import { createTokens, type TokenSource, type Tokens } from './tokens.js'
import { ended, type Unanswered } from './unanswered.js'

export {
  type Credential,
  type CredentialVault,
  checkCredential,
  checkTarget,
  type Deadline,
  type Exchange,
  ended,
  type HttpMethod,
  type HttpTarget,
  headerText,
  isHeaderName,
  isJsonType,
  isMediaType,
  isReservedHeader,
  type Lookup,
  mediaTypeOf,
  type OpenRequest,
  openCredential,
  retryAfterMs,
  type Scrubber,
  type Sink,
  scrubberOf,
  sealCredential,
  shapeRequest,
  startDeadline,
  type TokenSource,
  type Tokens,
  type Unanswered,
  type UpstreamRequest,
}

/** What came of one request. A seller's failure is an answer, never an exception. */
export type Answer =
  | {
      kind: 'answered'
      status: number
      /** Allow-listed and scrubbed, names in lower case. */
      headers: Record<string, string>
      /** Without parameters, in lower case. */
      mediaType: string
      /** Decoded and scrubbed, at most `maxBodyBytes`. */
      body: Buffer
      /** Whether the end of the body is missing. */
      truncated: boolean
      latencyMs: number
      /** What Retry-After asks for. */
      retryAfterMs?: number
    }
  | (Unanswered & { latencyMs: number })

export type SendOptions = {
  callId?: string | undefined
  /** Instead of the gateway's own limit. */
  timeoutMs?: number | undefined
  /** The most of the decoded body that is kept, instead of the gateway's own limit. */
  maxBodyBytes?: number | undefined
  /** Whether redirects are answers, not followed. */
  staysHere?: boolean | undefined
  signal?: AbortSignal | undefined
}

export type Upstreams = {
  /**
   * Sends the request once, with the credential written in last. Pass the same credential object
   * for the same credential: what is worked out from it is remembered with the object.
   */
  send(request: UpstreamRequest, credential: Credential, options: SendOptions): Promise<Answer>
  /**
   * One exchange through the same guard, read as it comes in, redirects unfollowed: for protocols
   * with a life of their own. Limits of time and size are the sink's. Never throws.
   */
  open(request: OpenRequest, sink: Sink): Exchange | Unanswered
  /**
   * A document at a stranger's URL, through the same guard.
   *
   * @param limits `staysHere` where the URL itself says whose the document is.
   * @throws Problem `invalid_request` when it cannot be had whole within both limits.
   */
  fetchDocument(
    url: string,
    limits: { maxBytes: number; timeoutMs: number; staysHere?: boolean | undefined },
  ): Promise<Buffer>
  /**
   * Whether requests may go to this URL, as far as its form tells. `name` is what its owner calls it.
   *
   * @param field what the refusal names it.
   * @throws Problem `invalid_request`.
   */
  checkReachable(baseUrl: string, field?: string): void
  /** Tokens for what is sent through `open`; they are fetched through the same guard. */
  tokens: Tokens
  /** Lets `host:port` be private or plain http from now on. */
  allowHost(hostPort: string): void
  /** Refuses new calls, waits for running ones, closes all connections. */
  close(): Promise<void>
}

type Options = {
  /** `host:port` of hosts that may be private or plain http. */
  allow: readonly string[]
  /** The most that a call may take, all hops included. */
  timeoutMs: number
  /** The most of a decoded body that is kept. */
  maxBodyBytes: number
  userAgent: string
  clock: Clock
  /** The platform's resolver unless given. */
  lookup?: Lookup | undefined
}

export function createUpstreams(options: Options): Upstreams {
  const { clock } = options
  const egress = createEgress(options.allow, options.lookup)

  const tokens = createTokens({
    clock,
    post(url, form, { maxBytes, timeoutMs }) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = Buffer.from(new URLSearchParams(form).toString())
      const request: UpstreamRequest = { method: 'POST', url, headers, body }
      return send(request, NO_CREDENTIAL, { timeoutMs, maxBodyBytes: maxBytes })
    },
  })

  function send(
    request: UpstreamRequest,
    credential: Credential,
    sendOptions: SendOptions,
  ): Promise<Answer> {
    if (credential.type !== 'oauth2_client_credentials') {
      return sendWith(request, { credential, scrubber: scrubberFor(credential) }, sendOptions)
    }
    const { timeoutMs = options.timeoutMs } = sendOptions
    return sendWithToken(tokens, credential, timeoutMs, (bearing, leftMs) =>
      sendWith(request, bearing, { ...sendOptions, timeoutMs: leftMs }),
    )
  }

  async function sendWith(
    request: UpstreamRequest,
    { credential, scrubber }: Bearing,
    {
      callId,
      timeoutMs = options.timeoutMs,
      maxBodyBytes = options.maxBodyBytes,
      staysHere = false,
      signal,
    }: SendOptions,
  ): Promise<Answer> {
    const startedMs = performance.now()
    const deadline = startDeadline(timeoutMs, signal)
    const limitBytes = maxBodyBytes + scrubber.longestBytes
    const ownHeaders = headersOf(options.userAgent, callId)
    try {
      const sent = { request, credential, scrubber, ownHeaders }
      const result = await follow({ ...sent, egress, limitBytes, deadline, staysHere })
      const latencyMs = performance.now() - startedMs
      if (result.kind === 'unanswered') return { ...result, latencyMs }
      return await readAnswer(result, scrubber, { maxBodyBytes, nowMs: clock.now(), latencyMs })
    } finally {
      deadline.clear()
    }
  }

  return {
    send,
    async fetchDocument(url, { maxBytes, timeoutMs, staysHere }) {
      if (!URL.canParse(url)) throw documentRefused('It is not a URL.')
      const request: UpstreamRequest = { method: 'GET', url: new URL(url).href, headers: {} }
      const limits = { timeoutMs, maxBodyBytes: maxBytes, staysHere }
      return wholeDocument(await send(request, NO_CREDENTIAL, limits))
    },
    checkReachable(baseUrl, field = 'base_url') {
      const refusal = egress.refusalOf(parseBaseUrl(baseUrl))
      if (refusal) throw new Problem('invalid_request', `${field}: ${refusal}`)
    },
    open: egress.open,
    tokens,
    allowHost: egress.allowHost,
    close: egress.close,
  }
}

const NO_CREDENTIAL: Credential = { type: 'none' }

function headersOf(userAgent: string, callId: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': userAgent,
    accept: 'application/json, */*;q=0.5',
    'accept-encoding': 'gzip, deflate, br',
  }
  if (callId !== undefined) headers['x-souk-call'] = callId
  return headers
}

async function readAnswer(
  received: Received,
  scrubber: Scrubber,
  { maxBodyBytes, nowMs, latencyMs }: { maxBodyBytes: number; nowMs: number; latencyMs: number },
): Promise<Answer> {
  // A secret that starts before the cut is read whole, so that none of it survives at the edge.
  const limitBytes = maxBodyBytes + scrubber.longestBytes
  let decoded: { bytes: Buffer; isCut: boolean }
  try {
    decoded = await decodeBody(
      received,
      headerText(received.headers['content-encoding']),
      limitBytes,
    )
  } catch {
    const detail = "The provider's answer is not in the encoding that it declares."
    return { kind: 'unanswered', reason: 'broken', detail, dispatched: true, latencyMs }
  }
  const scrubbed = scrubber.bytes(decoded.bytes, maxBodyBytes)
  const headers = passedHeaders(received.headers, scrubber)
  const waitMs = retryAfterMs(headers['retry-after'], nowMs)
  return {
    kind: 'answered',
    status: received.status,
    headers,
    mediaType: mediaTypeOf(headers['content-type']),
    body: scrubbed.subarray(0, maxBodyBytes),
    truncated:
      decoded.isCut || decoded.bytes.length > maxBodyBytes || scrubbed.length > maxBodyBytes,
    latencyMs,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  }
}

function wholeDocument(answer: Answer): Buffer {
  if (answer.kind === 'unanswered') throw documentRefused(answer.detail)
  if (answer.status !== 200) throw documentRefused(`Its host answers with status ${answer.status}.`)
  if (answer.truncated) throw documentRefused('It is too long.')
  return answer.body
}

function documentRefused(detail: string): Problem {
  return new Problem('invalid_request', `The document at url cannot be read. ${detail}`)
}
