/** The rows of a call: what is written with its hold and with its end, and what is read back. */
import type { Id } from '#core/ids'
import { nanos } from '#core/money'
import type { ProblemCode } from '#core/problem'
import { defineWrite, int, intOrNull } from '#store'
import type { OutcomeKind } from './call.js'

export const insertCall = defineWrite({
  sql: `insert into calls (id, buyer_id, key_id, seller_id, endpoint_id, version, outcome,
      started_at, hold, charge, fee, price, quote_id, idempotency_hash, request_hash, truncated, tag)
    values (?, ?, ?, ?, ?, ?, 'held', ?, ?, 0, 0, ?, ?, ?, ?, 0, ?)`,
})

/** Takes an idempotency key, or takes it over from a call whose time is over. */
export const takeIdempotencyKey = defineWrite({
  sql: `insert into idempotency_keys (key_id, hash, fingerprint, call_id, expires_at)
    values (?, ?, ?, ?, ?)
    on conflict (key_id, hash) do update set fingerprint = excluded.fingerprint,
      call_id = excluded.call_id, expires_at = excluded.expires_at
    where idempotency_keys.expires_at <= ?`,
  refusal: 'idempotency-key',
})

export const giveIdempotencyKeyBack = defineWrite({
  sql: 'delete from idempotency_keys where key_id = ? and hash = ?',
})

export const insertQuote = defineWrite({
  sql: `insert into quotes
      (id, buyer_id, endpoint_id, version, request_hash, max_charge, max_fee, expires_at)
    values (?, ?, ?, ?, ?, ?, ?, ?)`,
})

export const useQuote = defineWrite({
  sql: 'update quotes set call_id = ? where id = ? and call_id is null',
  refusal: 'quote',
})

export const concludeCall = defineWrite({
  sql: `update calls set outcome = ?, code = ?, message = ?, status = ?, ended_at = ?,
      latency_ms = ?, charge = ?, fee = ?, quantity = ?, response_hash = ?, response_bytes = ?,
      truncated = ?, media_type = ?, body_expires_at = ?, retry_after_ms = ?, receipt_id = ?
    where buyer_id = ? and id = ? and outcome = 'held'`,
  refusal: 'concluded',
})

export const insertBody = defineWrite({
  sql: 'insert into call_bodies (expires_at, call_id, sealed, bytes) values (?, ?, ?, ?)',
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
}

/** A call as it is stored. */
export type Call = ReturnType<typeof toCall>

export function toCall(row: CallRow) {
  return {
    id: row.id as Id<'call'>,
    buyerId: row.buyer_id as Id<'account'>,
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
    receiptId: row.receipt_id as Id<'receipt'> | null,
  }
}
