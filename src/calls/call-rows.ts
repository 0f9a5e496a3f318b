/** The rows of a call: what is written with its hold and with its end, and what is read back. */
import type { Id } from '#core/ids'
import { nanos } from '#core/money'
import type { ProblemCode } from '#core/problem'
import { defineDelete, defineInsert, defineTake, defineUpdate, int, intOrNull } from '#store'
import type { OutcomeKind } from './call.js'

/** How long an idempotency key is kept. */
export const IDEMPOTENCY_LIFE_MS = 24 * 60 * 60 * 1_000

/** What is known of a call when it begins. */
const BEGINNING = {
  id: 'text',
  buyer_id: 'text',
  key_id: 'text',
  seller_id: 'text',
  endpoint_id: 'text',
  version: 'integer',
  started_at: 'bigint',
  hold: 'bigint',
  price: 'text',
  quote_id: 'text',
  idempotency_hash: 'text',
  request_hash: 'text',
  tag: 'text',
  payer_id: 'text',
  parent_call_id: 'text',
} as const

/** What its end adds. */
const ENDING = {
  outcome: 'text',
  code: 'text',
  message: 'text',
  status: 'integer',
  ended_at: 'bigint',
  latency_ms: 'integer',
  charge: 'bigint',
  fee: 'bigint',
  quantity: 'text',
  response_hash: 'text',
  response_bytes: 'bigint',
  truncated: 'integer',
  media_type: 'text',
  body_expires_at: 'bigint',
  retry_after_ms: 'bigint',
  receipt_id: 'text',
} as const

export const insertCall = defineInsert('calls', BEGINNING, {
  outcome: "'held'",
  charge: '0',
  fee: '0',
  truncated: '0',
})

export const concludeCall = defineUpdate('calls', ENDING, {
  key: { buyer_id: 'text', id: 'text' },
  onlyIf: "t.outcome = 'held'",
  refusal: 'concluded',
})

/** A call that is written once, with its end. */
export const insertEndedCall = defineInsert('calls', { ...BEGINNING, ...ENDING })

/** Takes an idempotency key, or takes it over from a call whose time is over. */
export const takeIdempotencyKey = defineTake(
  'idempotency_keys',
  { key_id: 'text', hash: 'text', fingerprint: 'text', call_id: 'text', expires_at: 'bigint' },
  {
    key: ['key_id', 'hash'],
    // The new one was taken a whole life before it expires.
    isOver: (v) => `t.expires_at <= ${v}.expires_at - ${IDEMPOTENCY_LIFE_MS}`,
    refusal: 'idempotency-key',
  },
)

/** Only from the call that has it: another one may have taken the key over. */
export const giveIdempotencyKeyBack = defineDelete('idempotency_keys', {
  key_id: 'text',
  hash: 'text',
  call_id: 'text',
})

export const insertQuote = defineInsert('quotes', {
  id: 'text',
  buyer_id: 'text',
  endpoint_id: 'text',
  version: 'integer',
  request_hash: 'text',
  max_charge: 'bigint',
  max_fee: 'bigint',
  expires_at: 'bigint',
})

export const useQuote = defineUpdate(
  'quotes',
  { call_id: 'text' },
  { key: { id: 'text' }, onlyIf: 't.call_id is null', refusal: 'quote' },
)

export const insertBody = defineInsert('call_bodies', {
  expires_at: 'bigint',
  call_id: 'text',
  sealed: 'bytea',
  bytes: 'bigint',
})

export type CallRow = {
  id: string
  buyer_id: string
  key_id: string
  seller_id: string
  endpoint_id: string
  version: bigint
  outcome: string
  code: string | null
  message: string | null
  status: bigint | null
  started_at: bigint
  ended_at: bigint | null
  latency_ms: bigint | null
  hold: bigint
  charge: bigint
  fee: bigint
  quantity: string | null
  price: string
  quote_id: string | null
  idempotency_hash: string | null
  request_hash: string
  response_hash: string | null
  response_bytes: bigint | null
  truncated: bigint
  media_type: string | null
  body_expires_at: bigint | null
  retry_after_ms: bigint | null
  tag: string | null
  receipt_id: string | null
  /** `null` where the buyer pays itself. */
  payer_id: string | null
  /** `null` for a call that was not made in the course of another one. */
  parent_call_id: string | null
}

/** A call as it is stored. */
export type Call = ReturnType<typeof toCall>

export function toCall(row: CallRow) {
  return {
    id: row.id as Id<'call'>,
    buyerId: row.buyer_id as Id<'account'>,
    payerId: (row.payer_id ?? row.buyer_id) as Id<'account'>,
    keyId: row.key_id as Id<'key'>,
    sellerId: row.seller_id as Id<'account'>,
    endpointId: row.endpoint_id,
    version: int(row.version),
    outcome: row.outcome as OutcomeKind | 'held',
    code: row.code as ProblemCode | null,
    message: row.message,
    status: intOrNull(row.status),
    startedAtMs: int(row.started_at),
    endedAtMs: intOrNull(row.ended_at),
    latencyMs: intOrNull(row.latency_ms),
    hold: nanos(BigInt(row.hold)),
    charge: nanos(BigInt(row.charge)),
    fee: nanos(BigInt(row.fee)),
    quantity: row.quantity,
    price: JSON.parse(row.price) as Record<string, unknown> & { model: string },
    quoteId: row.quote_id as Id<'quote'> | null,
    idempotencyHash: row.idempotency_hash,
    requestHash: row.request_hash,
    truncated: int(row.truncated) === 1,
    mediaType: row.media_type,
    bodyExpiresAtMs: intOrNull(row.body_expires_at),
    retryAfterMs: intOrNull(row.retry_after_ms),
    tag: row.tag,
    parentCallId: row.parent_call_id as Id<'call'> | null,
    receiptId: row.receipt_id as Id<'receipt'> | null,
  }
}
