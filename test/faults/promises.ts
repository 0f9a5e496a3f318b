/** What must hold whenever no call is running, however often the gateway died before. */
import type { JsonWebKey } from 'node:crypto'
import { type Jwk, verifyReceipt } from '#receipts'
import { nanosOf } from '../journeys/books.js'
import { type ReadReceipt, readReceipt, sha256 } from '../journeys/receipt-by-hand.js'
import type { FlakyUpstream } from './flaky-upstream.js'
import type { KeptCall, KeptReceipt, KeptRecords } from './kept-records.js'
import { CREDIT, ENDPOINT, type Market, type Purchase } from './market.js'

/** `verifyReceipt` takes some 5 ms, as it has no native code: the newest stand for the others. */
const VERIFIED_A_CHAIN = 2

export type Evidence = {
  market: Market
  purchases: readonly Purchase[]
  upstream: Pick<FlakyUpstream, 'arrivals' | 'delivered'>
  records: KeptRecords
  /** Spendable USDC of each buyer, by account id. */
  balances: ReadonlyMap<string, string>
  /** All balances of the operator's audit, by address. */
  ledger: ReadonlyMap<string, string>
  jwks: { keys: JsonWebKey[] }
}

type Signed = KeptReceipt & ReadReceipt

/** Receipts never change, so each is read and its signature checked once in all rounds. */
const read = new Map<string, ReadReceipt>()

/** Every broken promise, a line each. */
export async function brokenPromises(evidence: Evidence): Promise<string[]> {
  const receipts = evidence.records.receipts.map((receipt) => ({
    ...receipt,
    ...readOnce(receipt.jws, evidence.jwks),
  }))
  const orders = new Map(evidence.purchases.map(({ order }) => [sha256(order), order]))
  /** What the upstream answered to the order that was bought under this idempotency key. */
  const deliveredTo = (hash: string) => evidence.upstream.delivered.get(orders.get(hash) ?? '')
  return [
    ...brokenOrders(evidence),
    ...evidence.records.calls.flatMap((call) =>
      brokenCall(call, deliveredTo(call.idempotency_hash)),
    ),
    ...brokenPairs(evidence.records, receipts),
    ...brokenAnswers(evidence),
    ...chainsOf(receipts).flatMap(brokenChain),
    ...(await unverified(evidence, orders, receipts)),
    ...brokenSums(evidence, receipts),
  ]
}

/** An order is sent at most once and bought at most once, and none was sent without a call. */
function brokenOrders({ purchases, upstream, records }: Evidence): string[] {
  const calls = grouped(records.calls, (call) => `${call.buyer_id} ${call.idempotency_hash}`)
  return purchases.flatMap(({ buyer, order }) => {
    const bought = calls.get(`${buyer.id} ${sha256(order)}`) ?? []
    const sent = upstream.arrivals.get(order) ?? []
    return [
      ...(bought.length > 1 ? [`${order} was bought ${bought.length} times`] : []),
      ...(sent.length > 1 ? [`${order} was sent ${sent.length} times`] : []),
      ...sent
        .filter((id) => id !== bought[0]?.id)
        .map((id) => `${order} was sent as ${id}, which is not its call`),
    ]
  })
}

/** A call ended once, with a receipt; what was charged for was delivered and is kept. */
function brokenCall(call: KeptCall, delivered: Buffer | undefined): string[] {
  const faults: string[] = []
  const demand = (fact: boolean, fault: string) => {
    if (!fact) faults.push(`${call.id} (${call.outcome}) ${fault}`)
  }
  const total = call.charge + call.fee
  demand(['charged', 'refunded'].includes(call.outcome), 'did not end')
  demand(call.receipt_id !== null, 'has no receipt')
  demand(call.entries === 2n, `has ${call.entries} kinds of entry, not a hold and its end`)
  demand(call.captured === total, `says ${total} where the books took ${call.captured}`)
  demand(call.has_body === 1n || call.response_hash === null, 'has lost its stored result')
  if (call.outcome !== 'charged') {
    demand(total === 0n, 'cost money')
    return faults
  }
  demand(total > 0n, 'cost nothing')
  demand(delivered !== undefined, 'was never delivered by the upstream')
  demand(!delivered || sha256(delivered) === call.response_hash, 'has another result')
  return faults
}

/** Receipts and calls are each other's, one to one, and say the same. */
function brokenPairs({ calls }: KeptRecords, receipts: readonly Signed[]): string[] {
  const left = new Map(calls.map((call) => [call.id, call]))
  const faults = receipts.flatMap((receipt) => {
    const call = left.get(receipt.call_id)
    left.delete(receipt.call_id)
    if (!call) return [`the receipt ${receipt.id} has no call of its own`]
    const { claims } = receipt
    const isSame =
      call.receipt_id === receipt.id &&
      claims.jti === receipt.id &&
      claims.call_id === call.id &&
      claims.buyer === call.buyer_id &&
      claims.outcome === call.outcome &&
      claims.idempotency_hash === call.idempotency_hash &&
      claims.response.hash === call.response_hash &&
      nanosOf(claims.charge.total) === call.charge + call.fee
    return isSame ? [] : [`the receipt ${receipt.id} says otherwise than its call ${call.id}`]
  })
  return [...faults, ...[...left.keys()].map((id) => `${id} has no stored receipt`)]
}

/** What a buyer was told is what is stored. */
function brokenAnswers({ purchases, records }: Evidence): string[] {
  const stored = new Map(records.receipts.map(({ id, jws }) => [id, jws]))
  const calls = new Map(records.calls.map((call) => [call.id, call]))
  return purchases.flatMap(({ order, answer }) => {
    if (!answer) return []
    const isStored =
      stored.get(String(answer.receipt_id)) === answer.receipt &&
      calls.get(String(answer.call_id))?.outcome === answer.outcome
    return isStored ? [] : [`the answer to ${order} is not what is stored`]
  })
}

export function chainsOf(receipts: readonly Signed[]): Signed[][] {
  return [...grouped(receipts, ({ buyer_id, chain }) => `${buyer_id} ${chain}`).values()]
}

/** 1, 2, 3 … without a gap, each naming the one before, each signed. */
export function brokenChain(chain: readonly Signed[]): string[] {
  return chain.flatMap(({ id, buyer_id, seq, claims, isGenuine }, i) => {
    const before = chain[i - 1]
    const faults = [
      ...(seq === BigInt(i + 1) && claims.seq === i + 1 ? [] : [`has seq ${seq}, not ${i + 1}`]),
      ...(claims.prev === (before ? sha256(before.jws) : null) ? [] : ['names another previous']),
      ...(isGenuine ? [] : ['has a wrong signature']),
    ]
    return faults.map((fault) => `the receipt ${id} of ${buyer_id} ${fault}`)
  })
}

/** The newest receipts against all that the portable verifier can compare. */
async function unverified(
  { jwks, upstream }: Evidence,
  orders: ReadonlyMap<string, string>,
  receipts: readonly Signed[],
): Promise<string[]> {
  const faults: string[] = []
  for (const chain of chainsOf(receipts)) {
    for (const [i, { id, jws, claims }] of chain.entries()) {
      if (i < chain.length - VERIFIED_A_CHAIN) continue
      const order = orders.get(String(claims.idempotency_hash)) ?? ''
      const previous = chain[i - 1]?.jws
      const response = upstream.delivered.get(order)
      const found = await verifyReceipt(jws, {
        jwks: jwks as { keys: Jwk[] },
        request: { endpoint_id: ENDPOINT, arguments: { order } },
        ...(previous !== undefined && { previous }),
        ...(claims.outcome === 'charged' && response && { response }),
      })
      if (!found.valid) faults.push(`the receipt ${id} is not valid: ${found.reason}`)
    }
  }
  return faults
}

/** Every nano that left a buyer is in a receipt, and came to the seller or to the platform. */
function brokenSums(
  { market, balances, ledger, records }: Evidence,
  receipts: readonly Signed[],
): string[] {
  const sum = (part: 'amount' | 'fee' | 'total', of = receipts) =>
    of.reduce((nanos, { claims }) => nanos + nanosOf(claims.charge[part]), 0n)
  const faults = records.openHolds === 0n ? [] : [`${records.openHolds} holds are open`]
  const demand = (what: string, found: string | undefined, expected: bigint) => {
    if (found === undefined || nanosOf(found) !== expected)
      faults.push(`${what} is ${found} USDC, not ${expected} nanos`)
  }
  for (const { id } of market.buyers) {
    const paid = sum(
      'total',
      receipts.filter(({ buyer_id }) => buyer_id === id),
    )
    demand(`the balance of ${id}`, balances.get(id), nanosOf(CREDIT) - paid)
  }
  demand('what the seller earned', ledger.get(`seller:${market.seller.id}:earned`), sum('amount'))
  demand('the sum of fees', ledger.get('platform:fees'), sum('fee'))
  return faults
}

function readOnce(jws: string, jwks: Evidence['jwks']): ReadReceipt {
  const known = read.get(jws) ?? readReceipt(jws, jwks)
  read.set(jws, known)
  return known
}

export function grouped<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(nameOf(item))
    if (group) group.push(item)
    else groups.set(nameOf(item), [item])
  }
  return groups
}
