/** Buying: quotes, calls, their bodies and receipts, usage and ratings. */
import { z } from 'zod'
import {
  attributionIn,
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
import { idempotencyKeyOf } from '../idempotency-key.js'
import { type Asked, Reply, type RouteDeps, route } from '../route.js'

const BODY_LIMIT_BYTES = 1024 * 1024

/** What a call takes from the headers of its request. */
export const CALL_HEADERS = {
  'Idempotency-Key': 'may stand for idempotency_key',
  'X-Souk-Tag': 'a text to find the call by in /v1/usage, at most 100 printable ASCII characters',
  'X-Aig-Tag': 'stands for X-Souk-Tag where that is not sent',
  'X-Souk-Trace': 'as the handler of a tool got it, with what it buys in the course of its call',
}

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
    headers: CALL_HEADERS,
    body: callSchema,
    result: outcomeSchema,
    failures: [409, 502, 504],
    run: (deps, asked) => buy(deps, asked.body.endpoint_id, asked),
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
    // Who bought over MCP with an access token follows body_url to here.
    tokens: true,
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
    summary: 'Calls of this account, or of one below it, latest first, with totals.',
    who: 'key',
    scopes: ['call', 'read'],
    query: usageSchema.extend({
      sub_account: z.string().max(64).optional().describe('id of an account below this one'),
    }),
    result: usageResultSchema,
    async run(deps, { principal, query: { sub_account, ...query } }) {
      const account =
        sub_account === undefined
          ? principal!.account
          : await deps.accounts.subAccounts.get(principal!, sub_account)
      return usage(deps, account.id, query)
    },
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

/** Buys what a request asks for, and tells its buyer what came of it. */
export async function buy(
  deps: RouteDeps,
  endpointId: string,
  { principal, body, headers, isGone }: Asked<unknown, Omit<CallBody, 'endpoint_id'>>,
): Promise<Reply> {
  const outcome = await call(deps, {
    principal: principal!,
    endpointId,
    version: body.version,
    arguments: body.arguments,
    maxPrice: body.max_price,
    quoteId: body.quote_id,
    idempotencyKey: idempotencyKeyOf(body, headers),
    ...attributionIn(headers),
    isGone,
  })
  return replyWith(deps, outcome)
}

type CallBody = z.output<typeof callSchema>

function replyWith(deps: RouteDeps, outcome: Outcome): Reply {
  const problem = outcomeProblem(outcome)
  const retryAfterMs = problem?.retryAfterMs
  return new Reply(problem?.status ?? 200, show(deps, outcome), {
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  })
}
