/** Buying: quotes, calls, their bodies and receipts, usage and ratings. */
import { z } from 'zod'
import {
  bodyOf,
  call,
  callSchema,
  findCall,
  type Outcome,
  outcomeProblem,
  outcomeSchema,
  pastOutcome,
  priceOf,
  priceQuerySchema,
  priceSchema,
  showOutcome,
  usage,
  usageResultSchema,
  usageSchema,
} from '#calls'
import { Problem } from '#core/problem'
import { rate, ratingResultSchema, ratingSchema } from '#ratings'
import { claimsOf, findReceipt } from '#receipts'
import { Reply, type RouteDeps, route } from '../route.js'

const BODY_LIMIT_BYTES = 1024 * 1024
const MAX_KEY_LENGTH = 255

export const callRoutes = [
  route({
    method: 'post',
    path: '/v1/quotes',
    tag: 'calls',
    summary: 'The price of an endpoint and, for exactly these arguments, a signed quote.',
    who: 'key',
    body: priceQuerySchema,
    status: 201,
    result: priceSchema,
    run: (deps, { principal, body }) =>
      priceOf(deps, principal, {
        endpointId: body.endpoint_id,
        version: body.version,
        arguments: body.arguments ?? {},
      }),
  }),
  route({
    method: 'post',
    path: '/v1/calls',
    tag: 'calls',
    summary: 'Buys one call. 502 or 504 when the provider failed: nothing is charged then.',
    who: 'key',
    scopes: ['call'],
    headers: {
      'Idempotency-Key': 'may stand for idempotency_key',
      'X-Souk-Tag': 'a word to find the call by in /v1/usage',
    },
    body: callSchema,
    result: outcomeSchema,
    failures: [409, 502, 504],
    async run(deps, { principal, body, headers, isGone }) {
      const outcome = await call(deps, {
        principal: principal!,
        endpointId: body.endpoint_id,
        version: body.version,
        arguments: body.arguments,
        maxPrice: body.max_price,
        quoteId: body.quote_id,
        idempotencyKey: body.idempotency_key ?? idempotencyKeyIn(headers['idempotency-key']),
        tag: tagIn(headers['x-souk-tag']),
        isGone,
      })
      return replyWith(deps, outcome)
    },
  }),
  route({
    method: 'get',
    path: '/v1/calls/{id}',
    tag: 'calls',
    summary: 'A call of this account, as its buyer got it.',
    who: 'key',
    scopes: ['call', 'read'],
    result: outcomeSchema,
    async run(deps, { principal, params }) {
      const found = await findCall(deps.store, principal!.account.id, params.id!)
      return show(deps, await pastOutcome(deps, found))
    },
  }),
  route({
    method: 'get',
    path: '/v1/calls/{id}/body',
    tag: 'calls',
    summary: 'The exact bytes of the answer, while they are kept.',
    who: 'key',
    scopes: ['call', 'read'],
    raw: 'application/octet-stream',
    async run(deps, { principal, params }) {
      const found = await findCall(deps.store, principal!.account.id, params.id!)
      const body = await bodyOf(deps, found)
      if (body === null) throw new Problem('not_found', 'This call has no body.')
      if (!body) throw new Problem('body_expired', 'The body of this call is no longer kept.')
      return new Reply(200, body.bytes, {
        'content-type': body.mediaType || 'application/octet-stream',
        // Bytes of a stranger, served from our origin: they must never run here.
        'content-security-policy': "sandbox; default-src 'none'",
        'content-disposition': 'attachment',
        'cache-control': 'private, no-store',
      })
    },
  }),
  route({
    method: 'get',
    path: '/v1/usage',
    tag: 'calls',
    summary: 'Calls of this account, latest first, with totals.',
    who: 'key',
    scopes: ['call', 'read'],
    query: usageSchema,
    result: usageResultSchema,
    run: (deps, { principal, query }) => usage(deps, principal!.account.id, query),
  }),
  route({
    method: 'get',
    path: '/v1/receipts/{id}',
    tag: 'calls',
    summary: 'A receipt, for its buyer or seller. Accept: application/jose gives the bare JWS.',
    who: 'key',
    scopes: ['call', 'read', 'sell'],
    result: z.object({ receipt_id: z.string(), receipt: z.string(), claims: z.looseObject({}) }),
    raw: 'application/jose',
    async run({ store }, { principal, params, headers }) {
      const jws = await findReceipt(store, principal!.account.id, params.id!)
      const type = { 'content-type': 'application/jose', 'cache-control': 'private, no-store' }
      if (String(headers.accept ?? '').includes('application/jose'))
        return new Reply(200, jws, type)
      return { receipt_id: params.id!, receipt: jws, claims: claimsOf(jws) }
    },
  }),
  route({
    method: 'post',
    path: '/v1/ratings',
    tag: 'calls',
    summary: 'Rates a delivered call, or changes its rating.',
    who: 'key',
    scopes: ['call'],
    body: ratingSchema,
    result: ratingResultSchema,
    run: (deps, { principal, body }) =>
      rate(deps, principal!, { callId: body.call_id, score: body.score, comment: body.comment }),
  }),
]

function show({ publicUrl }: RouteDeps, outcome: Outcome) {
  return showOutcome(outcome, { bodyLimitBytes: BODY_LIMIT_BYTES, publicUrl })
}

function replyWith(deps: RouteDeps, outcome: Outcome): Reply {
  const problem = outcomeProblem(outcome)
  const retryAfterMs = problem?.retryAfterMs
  return new Reply(problem?.status ?? 200, show(deps, outcome), {
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  })
}

/** The Idempotency-Key header: a quoted string by its draft, accepted without quotes, too. */
function idempotencyKeyIn(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header === '') return undefined
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (key.length <= MAX_KEY_LENGTH) return key
  throw new Problem(
    'invalid_request',
    `Idempotency-Key is longer than ${MAX_KEY_LENGTH} characters.`,
  )
}

function tagIn(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header.slice(0, 100) : undefined
}
