/**
 * Commit 1 of a call: its row, its limits, its idempotency key, its quote, and the most that it can
 * cost set aside. From here on the call ends exactly once, even when the gateway dies. What cannot be
 * refused and sets nothing aside is written with the end of the call instead (decision 12).
 */
import { type Principal, payerOf } from '#accounts'
import type { Offer } from '#catalogue'
import type { Id } from '#core/ids'
import { formatUsdc } from '#core/money'
import { Problem } from '#core/problem'
import type { Command, Counter, Ledger, Refusal } from '#ledger'
import { FEE_BPS, showPrice } from '#pricing'
import type { RowWrite, SqlValue } from '#store'
import type { Ancestry } from './ancestry.js'
import type { Held, OpenCall, Order, Quote, ShapedRequest } from './call.js'
import { IDEMPOTENCY_LIFE_MS, insertCall, takeIdempotencyKey, useQuote } from './call-rows.js'
import { counterProblem, countersFor, refuseAboveCallLimit } from './counters.js'
import { fingerprintOf, idempotencyHashOf } from './recall.js'

type Deps = {
  ledger: Ledger
  /** How long a hold lives, in ms: upstream time and a margin. */
  holdLifeMs: number
}

/** What a hold is taken for. */
type Terms = {
  callId: Id<'call'>
  nowMs: number
  order: Order
  offer: Offer
  request: ShapedRequest
  quote: Quote
  ancestry: Ancestry
}

/**
 * Sets the most that the call can cost aside.
 *
 * @returns `undefined` when the same idempotency key arrived twice at once and the other one won.
 * @throws Problem `insufficient_balance`, `limit_exceeded`, `rate_limited`, `quote_used`,
 *   `storage_full`.
 */
export async function hold(deps: Deps, terms: Terms): Promise<Held | undefined> {
  const { order, offer, quote, nowMs, ancestry } = terms
  refuseAboveCallLimit(order.principal, quote)
  const call = openCall(terms)
  const counters = countersFor(order.principal, offer, quote, nowMs)
  const command: Command = {
    kind: 'hold',
    reference: call.id,
    account: call.payerId,
    amount: call.hold,
    deadlineMs: nowMs + deps.holdLifeMs,
    counters,
    atMs: nowMs,
  }
  const row = callRow(call, order, ancestry)
  if (canWait(call, counters) && deps.ledger.takesWrites()) {
    return { kind: 'held', call, unwritten: { command, row } }
  }
  const rows = [insertCall(row), ...claimsOf(call, order)]
  const outcome = await deps.ledger.commit({ commands: [command], rows })
  if (outcome.accepted) return { kind: 'held', call }
  if (outcome.refusal.reason === 'row' && outcome.refusal.name === 'idempotency-key')
    return undefined
  throw refusalProblem(outcome.refusal, order.principal, nowMs)
}

/** Whether nothing can refuse the hold and nothing hangs on it: no money, limit, key or quote. */
function canWait(call: OpenCall, counters: readonly Counter[]): boolean {
  return (
    call.hold === 0n &&
    counters.length === 0 &&
    call.idempotencyHash === null &&
    call.quoteId === null
  )
}

function openCall({ callId, nowMs, order, offer, request, quote }: Terms): OpenCall {
  return {
    id: callId,
    buyerId: order.principal.account.id,
    payerId: payerOf(order.principal),
    keyId: order.principal.key.id,
    sellerId: offer.sellerId,
    endpointId: offer.endpointId,
    version: offer.version,
    requestHash: request.hash,
    price: showPrice(offer.price, FEE_BPS),
    quoteId: quote.id ?? null,
    idempotencyHash: idempotencyHashOf(order) ?? null,
    hold: quote.maxTotal,
    startedAtMs: nowMs,
  }
}

/** As `insertCall` takes it. */
function callRow(call: OpenCall, order: Order, { parentCallId }: Ancestry): SqlValue[] {
  return [
    call.id,
    call.buyerId,
    call.keyId,
    call.sellerId,
    call.endpointId,
    call.version,
    call.startedAtMs,
    call.hold,
    JSON.stringify(call.price),
    call.quoteId,
    call.idempotencyHash,
    call.requestHash,
    order.tag ?? null,
    call.payerId === call.buyerId ? null : call.payerId,
    parentCallId,
  ]
}

/** What no other call can have at the same time: the idempotency key, the quote. */
function claimsOf(call: OpenCall, order: Order): RowWrite[] {
  const rows: RowWrite[] = []
  if (call.idempotencyHash !== null) {
    const expiresAtMs = call.startedAtMs + IDEMPOTENCY_LIFE_MS
    rows.push(
      takeIdempotencyKey([
        call.keyId,
        call.idempotencyHash,
        fingerprintOf(order),
        call.id,
        expiresAtMs,
      ]),
    )
  }
  if (call.quoteId !== null) rows.push(useQuote([call.id, call.quoteId]))
  return rows
}

function refusalProblem(refusal: Refusal, principal: Principal, nowMs: number): Error {
  switch (refusal.reason) {
    case 'insufficient': {
      const available = formatUsdc(refusal.available)
      const required = formatUsdc(refusal.needed)
      return new Problem(
        'insufficient_balance',
        `This call may cost ${required} USDC; ${available} are available.`,
        { facts: { available, required } },
      )
    }
    case 'counter':
      return counterProblem(refusal.counter, refusal.used, { principal, nowMs })
    case 'row':
      return new Problem('quote_used', 'The quote was used by another call.')
    case 'not-held':
    case 'repeated':
      return new Error(`a new call cannot be refused as ${refusal.reason}`)
  }
}
