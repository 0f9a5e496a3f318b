/** What clients were told, held against what is stored: an answer is for good. */
import type { Outcome } from '#calls'
import { Problem, type ProblemCode } from '#core/problem'
import { nanosOf } from '../journeys/books.js'
import { sha256 } from '../journeys/receipt-by-hand.js'
import type { Market } from './market.js'
import type { Memory, Told } from './memory.js'
import type { OrderPlan } from './orders.js'
import type { View } from './promises.js'
import { type StoredCall, storedOutcome } from './records.js'

export async function brokenAnswers(view: View, calls: readonly StoredCall[]): Promise<string[]> {
  const { database, memory, market } = view
  const byId = new Map(calls.map((call) => [call.id, call]))
  const faults: string[] = []
  for (const { order, result } of memory.told) {
    if (result instanceof Error) {
      faults.push(...brokenRefusal(view, order, result))
      continue
    }
    const call = byId.get(result.callId)
    const stored = call && (await storedOutcome(database, call))
    if (!stored) faults.push(`${order.name} was told of a call that is not stored`)
    else {
      faults.push(...brokenOutcome(memory, { order, result }, stored))
      faults.push(...brokenOwner(market, memory, order, call))
    }
  }
  return faults
}

/** The same call, end, price, answer and receipt; only the balance moves on. */
function brokenOutcome(
  { purgedMs }: Memory,
  { order, result }: Told & { result: Outcome },
  stored: Outcome,
): string[] {
  const said = lasting(result)
  const kept = lasting(stored)
  const names = Object.keys(said) as (keyof typeof said)[]
  // A body is kept for a while only; then it is neither there nor another one.
  const isForgotten = purgedMs > 0 && (stored.body === undefined || result.body === undefined)
  const isDear = order.maxPrice !== undefined && nanosOf(order.maxPrice) < result.total
  return [
    ...names
      .filter((name) => said[name] !== kept[name] && !(name === 'body' && isForgotten))
      .map((name) => `${order.name} was told ${name} ${said[name]}, stored is ${kept[name]}`),
    ...(isDear ? [`${order.name} paid ${result.total}, more than its most`] : []),
  ]
}

function lasting({ outcome, status, body, charge, fee, total, receipt, fault }: Outcome) {
  return {
    outcome,
    status,
    body: body && sha256(body.bytes),
    charge,
    fee,
    total,
    receipt: receipt?.jws,
    code: fault?.code,
  }
}

/** What is answered was asked by this buyer, with these words. */
function brokenOwner(
  { buyers }: Market,
  { begun, plans }: Memory,
  order: OrderPlan,
  call: StoredCall,
): string[] {
  const buyer = buyers[order.buyer]!
  const asked = plans.get(begun.get(call.id)?.actor ?? '')
  const isOwn =
    call.buyer_id === buyer.id &&
    call.key_id === buyer.principals[order.key]!.key.id &&
    call.endpoint_id === order.endpoint &&
    asked?.argument === order.argument &&
    asked.idempotencyKey === order.idempotencyKey
  return isOwn ? [] : [`${order.name} was told of what ${asked?.name} had asked for`]
}

/** A refusal has a reason that is true, and leaves nothing behind. */
function brokenRefusal({ memory }: View, order: OrderPlan, refusal: Error): string[] {
  if (!(refusal instanceof Problem)) return [`${order.name} failed: ${refusal.message}`]
  const wasBegun = (name: string) => [...memory.begun.values()].some(({ actor }) => actor === name)
  const plans = [...memory.plans.values()]
  const sameKey = plans.filter(
    ({ buyer, key, idempotencyKey }) =>
      idempotencyKey !== undefined &&
      idempotencyKey === order.idempotencyKey &&
      buyer === order.buyer &&
      key === order.key,
  )
  const reasons: Partial<Record<ProblemCode, boolean>> = {
    insufficient_balance: true,
    limit_exceeded: true,
    rate_limited: true,
    busy: true,
    price_exceeds_max: order.maxPrice !== undefined,
    quote_used: order.quote !== 'none',
    quote_expired: order.quote !== 'none',
    quote_mismatch: order.quote !== 'none',
    quote_not_found: order.quote !== 'none' && memory.purgedMs > 0,
    idempotency_conflict: sameKey.some(({ argument }) => argument !== order.argument),
    in_progress: sameKey.some(({ name }) => name !== order.name && wasBegun(name)),
    storage_full: memory.wasDiskFull,
  }
  return [
    ...(reasons[refusal.code] ? [] : [`${order.name} was refused as ${refusal.code}, untruly`]),
    ...(wasBegun(order.name) && refusal.code !== 'storage_full'
      ? [`${order.name} was refused as ${refusal.code} after its hold`]
      : []),
  ]
}
