/**
 * Commit 2 of a call: capture or release, the receipt, and the result that a retry gets, in one
 * transaction. No network here: the receipt is signed with a local key.
 */
import type { Offer } from '#catalogue'
import { sha256Hex } from '#core/canonical-json'
import { type Clock, toRfc3339 } from '#core/clock'
import { type Id, newId } from '#core/ids'
import { add, formatUsdc, type Nanos, ZERO } from '#core/money'
import type { Accepted, Command, Ledger } from '#ledger'
import { isFree } from '#pricing'
import { type CallClaims, orderReceipt } from '#receipts'
import type { RowWrite, Store } from '#store'
import type { Answer } from '#upstreams'
import type { AnswerBody, Held, OpenCall, Outcome, OutcomeKind, Sealer } from './call.js'
import { concludeCall, giveIdempotencyKeyBack, insertBody, insertEndedCall } from './call-rows.js'
import type { Verdict } from './judge.js'
import { bodyOwner, findCall, pastOutcome } from './past.js'

const HOUR_MS = 60 * 60 * 1_000
/** How long a body is kept: as long as its idempotency key, else an hour. */
const BODY_LIFE_MS = { withKey: 24 * HOUR_MS, without: HOUR_MS }

type Deps = { store: Store; ledger: Ledger; sealer: Sealer; clock: Clock }

/** How a call ends, before it is written down. */
type Ending = {
  outcome: OutcomeKind
  status: number | null
  body: AnswerBody | null
  charge: Nanos
  fee: Nanos
  quantity: string | undefined
  fault: Outcome['fault']
  /** How long the upstream took, `null` when it was not asked. */
  latencyMs: number | null
}

/** What is worked out of an ending, and goes into row and receipt alike. */
type Made = {
  endedAtMs: number
  responseHash: string | null
  /** `null` for a call that was never sent. */
  receiptId: Id<'receipt'> | null
}

const NOTHING = {
  status: null,
  body: null,
  charge: ZERO,
  fee: ZERO,
  quantity: undefined,
  latencyMs: null,
} as const

/** Ends a call that was sent: charged when it was delivered, else refunded. */
export async function conclude(
  deps: Deps,
  held: Held,
  offer: Offer,
  answer: Answer,
  verdict: Verdict,
): Promise<Outcome> {
  const answered =
    answer.kind === 'answered'
      ? { status: answer.status, body: bodyIn(answer) }
      : { status: null, body: null }
  const latencyMs = Math.round(answer.latencyMs)
  if (!verdict.delivered) {
    const { code, message, retryAfterMs } = verdict
    const fault = { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
    return end(deps, held, { ...NOTHING, ...answered, latencyMs, outcome: 'refunded', fault })
  }
  return end(deps, held, {
    outcome: isFree(offer.price) ? 'free' : 'charged',
    status: answered.status,
    body: answered.body,
    charge: verdict.charge,
    fee: verdict.fee,
    quantity: verdict.quantity,
    fault: undefined,
    latencyMs,
  })
}

/** Ends a call that was never sent. Its idempotency key can be used again. */
export async function abandon(deps: Deps, held: Held, message: string): Promise<Outcome> {
  const fault = { code: 'upstream_failed' as const, message }
  return end(deps, held, { ...NOTHING, outcome: 'failed', fault })
}

/** Ends a call whose gateway died: what became of it is unknown, so nothing is charged. */
export async function interrupt(deps: Deps, call: OpenCall): Promise<Outcome> {
  const fault = {
    code: 'call_interrupted' as const,
    message: 'The gateway stopped during this call.',
  }
  return end(deps, { call }, { ...NOTHING, outcome: 'refunded', fault })
}

type Ended = Pick<Held, 'call' | 'unwritten'>

async function end(deps: Deps, ended: Ended, ending: Ending): Promise<Outcome> {
  const { call, unwritten } = ended
  // Also when the clock was set back meanwhile.
  const endedAtMs = Math.max(deps.clock.now(), call.startedAtMs)
  const made: Made = {
    endedAtMs,
    responseHash: ending.body && sha256Hex(ending.body.bytes),
    receiptId: ending.outcome === 'failed' ? null : newId('receipt', endedAtMs),
  }
  const written = await deps.ledger.commit({
    commands: [...(unwritten ? [unwritten.command] : []), commandFor(call, ending, endedAtMs)],
    rows: rowsFor(deps.sealer, ended, ending, made),
    // The receipt's own row is made where it is written: it follows the one before it.
    ...(made.receiptId !== null && {
      entry: orderReceipt(made.receiptId, endedAtMs, claimsFor(call, ending, made)),
    }),
  })
  // Someone else ended it first, as `reap` does with a hold past its deadline: theirs stands.
  if (!written.accepted) {
    const past = await pastOutcome(deps, await findCall(deps.store, call.buyerId, call.id))
    return { ...past, replayed: false }
  }
  const accepted = written.results.at(-1) as Accepted
  return {
    callId: call.id,
    endpointId: call.endpointId,
    version: call.version,
    outcome: ending.outcome,
    status: ending.status,
    body: ending.body,
    charge: ending.charge,
    fee: ending.fee,
    total: add(ending.charge, ending.fee),
    balance: accepted.available,
    receipt: made.receiptId && { id: made.receiptId, jws: written.recorded as string },
    fault: ending.fault,
    replayed: false,
  }
}

function commandFor(call: OpenCall, ending: Ending, atMs: number): Command {
  const { charge, fee, outcome } = ending
  if (outcome === 'refunded' || outcome === 'failed') {
    return { kind: 'release', reference: call.id, atMs }
  }
  return { kind: 'capture', reference: call.id, seller: call.sellerId, charge, fee, atMs }
}

function rowsFor(
  sealer: Sealer,
  { call, unwritten }: Ended,
  ending: Ending,
  { endedAtMs, responseHash, receiptId }: Made,
): RowWrite[] {
  const { body, fault } = ending
  const life = call.idempotencyHash === null ? BODY_LIFE_MS.without : BODY_LIFE_MS.withKey
  const bodyExpiresAtMs = body && endedAtMs + life
  const end = [
    ending.outcome,
    fault?.code ?? null,
    fault?.message ?? null,
    ending.status,
    endedAtMs,
    ending.latencyMs,
    ending.charge,
    ending.fee,
    ending.quantity ?? null,
    responseHash,
    body?.bytes.length ?? null,
    body?.truncated ? 1 : 0,
    body?.mediaType ?? null,
    bodyExpiresAtMs,
    fault?.retryAfterMs ?? null,
    receiptId,
  ]
  const rows = [
    unwritten
      ? insertEndedCall([...unwritten.row, ...end])
      : concludeCall([...end, call.buyerId, call.id]),
  ]
  if (body) {
    const sealed = sealer.seal(bodyOwner(call), body.bytes)
    rows.push(insertBody([bodyExpiresAtMs, call.id, sealed, body.bytes.length]))
  }
  if (ending.outcome === 'failed' && call.idempotencyHash !== null) {
    rows.push(giveIdempotencyKeyBack([call.keyId, call.idempotencyHash, call.id]))
  }
  return rows
}

function claimsFor(call: OpenCall, ending: Ending, { endedAtMs, responseHash }: Made): CallClaims {
  const { charge, fee, quantity, body } = ending
  return {
    call_id: call.id,
    buyer: call.buyerId,
    key_id: call.keyId,
    seller: call.sellerId,
    endpoint_id: call.endpointId,
    version: call.version,
    request: {
      hash: call.requestHash,
      alg: 'sha-256',
      fields: ['endpoint_id', 'version', 'arguments'],
    },
    response: {
      status: ending.status,
      hash: responseHash,
      bytes: body?.bytes.length ?? 0,
      truncated: body?.truncated ?? false,
    },
    ...(call.quoteId !== null && { quote_id: call.quoteId }),
    ...(call.idempotencyHash !== null && { idempotency_hash: call.idempotencyHash }),
    price: { ...call.price, ...(quantity !== undefined && { quantity }) },
    currency: { asset: 'USDC', decimals: 9 },
    charge: {
      amount: formatUsdc(charge),
      fee: formatUsdc(fee),
      total: formatUsdc(add(charge, fee)),
    },
    hold: formatUsdc(call.hold),
    outcome: ending.outcome,
    started_at: toRfc3339(call.startedAtMs),
    ended_at: toRfc3339(endedAtMs),
  }
}

function bodyIn(answer: Extract<Answer, { kind: 'answered' }>): AnswerBody {
  return { bytes: answer.body, mediaType: answer.mediaType, truncated: answer.truncated }
}
