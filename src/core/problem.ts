/**
 * Everything that can be refused, in one table. The row says which HTTP status it has, who is at
 * fault and what to do next; both faces, the docs and the tests follow from it.
 */

/** Fault decides money: only a delivered answer is captured. */
export type Fault = 'buyer' | 'seller' | 'platform' | 'chain'

type Row = { status: number; fault: Fault; title: string; action: string }

export const problems = {
  invalid_request: row(
    400,
    'buyer',
    'The request is not valid',
    'Correct the request as the message says and send it again.',
  ),
  invalid_arguments: row(
    400,
    'buyer',
    'The arguments do not fit the endpoint',
    'Read input_schema with describe_endpoint and correct the paths listed.',
  ),
  unauthenticated: row(
    401,
    'buyer',
    'A valid API key is needed',
    'Send the header "Authorization: Bearer <key>" with a key that is neither revoked nor expired.',
  ),
  insufficient_balance: row(
    402,
    'buyer',
    'The balance does not cover this call',
    'Top up, or choose a cheaper endpoint; check_balance shows what is available.',
  ),
  insufficient_scope: row(
    403,
    'buyer',
    'The key lacks the scope for this',
    'Use a key that has the scope named in the message.',
  ),
  approval_required: row(
    403,
    'buyer',
    'This call needs approval',
    'Ask the account owner to approve it, then call again.',
  ),
  guardrail_blocked: row(
    403,
    'buyer',
    'A guardrail blocked this call',
    'Change the content that the message names.',
  ),
  forbidden: row(
    403,
    'buyer',
    'This is not allowed',
    'Read the message; another account or another call may be allowed.',
  ),
  call_depth_exceeded: row(
    403,
    'buyer',
    'Too many calls within one another',
    'Answer without another call: the chain of calls is too long, or goes in a circle.',
  ),
  account_suspended: row(
    403,
    'buyer',
    'This account is suspended',
    'Ask the operator of this gateway. Calls that were running are concluded as usual.',
  ),
  forbidden_origin: row(
    403,
    'buyer',
    'This Host or Origin is not served',
    'Call the gateway under its public URL, or have the operator set SOUK_PUBLIC_URL.',
  ),
  not_found: row(404, 'buyer', 'There is no such thing', 'Check the address.'),
  account_not_found: row(404, 'buyer', 'There is no such account', 'Check the account id.'),
  key_not_found: row(404, 'buyer', 'There is no such key', 'List your keys with GET /v1/keys.'),
  listing_not_found: row(404, 'buyer', 'There is no such listing', 'Check the listing id.'),
  gateway_not_found: row(
    404,
    'buyer',
    'There is no such gateway',
    'List your gateways with GET /v1/gateways.',
  ),
  endpoint_not_found: row(
    404,
    'buyer',
    'There is no such endpoint',
    'Search with browse_apis and use an endpoint_id from its results.',
  ),
  call_not_found: row(404, 'buyer', 'There is no such call', 'List your calls with get_usage.'),
  receipt_not_found: row(
    404,
    'buyer',
    'There is no such receipt',
    'Take the receipt_id from get_usage.',
  ),
  quote_not_found: row(404, 'buyer', 'There is no such quote', 'Get a new quote with get_pricing.'),
  method_not_allowed: row(
    405,
    'buyer',
    'This method is not allowed here',
    'Use a method named in the Allow header.',
  ),
  idempotency_conflict: row(
    409,
    'buyer',
    'This idempotency key was used for another call',
    'Use a new idempotency_key for a new call, or repeat the first call exactly.',
  ),
  in_progress: row(
    409,
    'buyer',
    'The call with this idempotency key is still running',
    'Wait a moment, then send the same call with the same idempotency_key again.',
  ),
  quote_used: row(409, 'buyer', 'This quote was used already', 'Get a new quote with get_pricing.'),
  quote_mismatch: row(
    409,
    'buyer',
    'This quote is for another call',
    'Send exactly the endpoint, version and arguments that were quoted, or get a new quote.',
  ),
  listing_changed: row(
    409,
    'seller',
    'The listing is no longer sold in this form',
    'Describe the endpoint again, or choose another one with browse_apis.',
  ),
  price_exceeds_max: row(
    409,
    'buyer',
    'The call may cost more than max_price',
    'Raise max_price to the max_total named, or choose a cheaper endpoint.',
  ),
  call_interrupted: row(
    409,
    'platform',
    'This call was interrupted and not charged',
    'Send it again with a new idempotency_key.',
  ),
  slug_taken: row(409, 'buyer', 'This slug is taken', 'Choose another slug.'),
  rating_refused: row(
    409,
    'buyer',
    'This call cannot be rated',
    'Rate a call of your own that was charged or free, of another account.',
  ),
  quote_expired: row(410, 'buyer', 'This quote has expired', 'Get a new quote with get_pricing.'),
  body_expired: row(
    410,
    'buyer',
    'The body of this call is no longer kept',
    'Call again if you need the data; the receipt stays valid.',
  ),
  too_large: row(
    413,
    'buyer',
    'The request is too large',
    'Send less than the limit named in the message.',
  ),
  unsupported_media_type: row(
    415,
    'buyer',
    'This content type is not understood',
    'Send application/json.',
  ),
  limit_exceeded: row(
    429,
    'buyer',
    'A spending limit is reached',
    'Wait until the limit resets, or use a key with a higher limit.',
  ),
  rate_limited: row(
    429,
    'buyer',
    'This listing takes no more calls just now',
    'Wait for the time in Retry-After, then send the call again.',
  ),
  busy: row(
    429,
    'platform',
    'The gateway has no room for this just now',
    'Wait for the time in Retry-After, then send the call again.',
  ),
  internal_error: row(
    500,
    'platform',
    'The gateway failed',
    'Try again; if it stays, give the operator the trace_id.',
  ),
  upstream_failed: row(
    502,
    'seller',
    'The provider did not deliver',
    'Nothing was charged. Check the arguments against the message, or try another provider.',
  ),
  storage_full: row(
    503,
    'platform',
    'The gateway cannot store new calls',
    'Nothing was charged. Try again later.',
  ),
  upstream_timeout: row(
    504,
    'seller',
    'The provider took too long',
    'Nothing was charged. Try again, or try another provider.',
  ),
} as const satisfies Record<string, Row>

export type ProblemCode = keyof typeof problems

type ProblemOptions = {
  /** What to do next, where it is more exact than the row's. */
  action?: string
  /** Fields that go beside code, message and action on both faces. */
  facts?: Record<string, unknown>
  /** Another status than the row's: `busy` is 503 when everyone is affected. */
  status?: number
  retryAfterMs?: number
  cause?: unknown
}

/** A refusal that its receiver can act on. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly action: string
  readonly status: number
  readonly fault: Fault
  readonly facts: Record<string, unknown>
  readonly retryAfterMs: number | undefined

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.action = options.action ?? problems[code].action
    this.status = options.status ?? problems[code].status
    this.fault = problems[code].fault
    this.facts = options.facts ?? {}
    this.retryAfterMs = options.retryAfterMs
  }

  /** What both faces show: the same fields with the same names. */
  toJSON(): { code: ProblemCode; message: string; action: string } & Record<string, unknown> {
    const retry =
      this.retryAfterMs === undefined ? {} : { retry_after_s: Math.ceil(this.retryAfterMs / 1000) }
    return { code: this.code, message: this.message, action: this.action, ...retry, ...this.facts }
  }
}

function row(status: number, fault: Fault, title: string, action: string): Row {
  return { status, fault, title, action }
}
