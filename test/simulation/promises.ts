/** What must hold at any moment, and what must hold when all is over. */
import { brokenChain, chainsOf, grouped } from '../faults/promises.js'
import { nanosOf } from '../journeys/books.js'
import { readReceipt, sha256 } from '../journeys/receipt-by-hand.js'
import type { Database } from './adapter.js'
import { brokenAnswers } from './answers.js'
import { brokenLimits } from './limits.js'
import type { Market } from './market.js'
import type { Begun, Memory } from './memory.js'
import { type StoredCall, storedCalls, storedOutcome, storedReceipts } from './records.js'
import { bytesOf } from './sellers.js'

export type View = {
  database: Database
  market: Market
  memory: Memory
  /** What the living gateways have in memory. */
  gateways: readonly { slots: { inFlight(): number }; running: ReadonlyMap<string, unknown> }[]
}

/** Every broken promise, a line each. */
export type Check = (view: View) => Promise<string[]>

const DAY_MS = 24 * 3_600 * 1_000

/** At any moment: the books say what the calls say, and nothing is past a limit. */
export const brokenNow: Check = async (view) => {
  const calls = await storedCalls(view.database, view.market)
  return [
    ...(await brokenBooks(view, calls)),
    ...(await brokenHolds(view, calls)),
    ...(await brokenLimits(view, calls)),
  ]
}

/** When no call runs: each has ended once, in a way that everything stored and told agrees on. */
export const brokenAtTheEnd: Check = async (view) => {
  const { database, market, memory, gateways } = view
  const calls = await storedCalls(database, market)
  const receipts = await storedReceipts(database, market)
  const jwks = { keys: [...database.ring.publicJwks] }
  const signed = receipts.map((receipt) => ({ ...receipt, ...readReceipt(receipt.jws, jwks) }))
  const ended: string[] = []
  for (const call of calls) ended.push(...(await brokenCall(view, call)))
  const left = gateways.filter(({ slots, running }) => slots.inFlight() + running.size > 0)
  const strays = [...memory.begun.keys()].filter((id) => !calls.some((call) => call.id === id))
  const unbegun = [...memory.asked.keys()].filter((id) => !memory.begun.has(id))
  return [
    ...(await brokenNow(view)),
    ...ended,
    ...brokenKeys(calls, memory),
    ...brokenQuotes(calls),
    ...brokenPairs(calls, signed),
    ...chainsOf(signed).flatMap(brokenChain),
    ...(await brokenAnswers(view, calls)),
    ...left.map(() => 'a gateway counts calls that are over'),
    ...strays.map((id) => `${memory.begun.get(id)!.actor} has lost its call`),
    ...unbegun.map(() => 'a seller was asked without a hold'),
  ]
}

async function brokenBooks({ database, market, memory }: View, calls: readonly StoredCall[]) {
  const { ledger } = database
  const faults: string[] = []
  const demand = (what: string, found: bigint, expected: bigint) => {
    if (found !== expected) faults.push(`${what} is ${found}, not ${expected} nanos`)
    if (found < 0n) faults.push(`${what} is negative`)
  }
  for (const { id, name } of market.buyers) {
    const own = calls.filter(({ buyer_id }) => buyer_id === id)
    const aside = sum(own, ({ outcome, hold }) => (outcome === 'held' ? hold : 0n))
    const paid = sum(own, ({ charge, fee }) => charge + fee)
    const { available, held } = await ledger.balanceOf(id)
    demand(`what ${name} has`, available, (memory.granted.get(id) ?? 0n) - aside - paid)
    demand(`what is held of ${name}`, held, aside)
  }
  for (const [at, id] of market.sellers.entries()) {
    const sold = calls.filter(({ seller_id }) => seller_id === id)
    const { earned } = await ledger.earningsOf(id)
    demand(
      `what seller ${at + 1} earned`,
      earned,
      sum(sold, ({ charge }) => charge),
    )
  }
  return faults
}

/** A call is open exactly as long as its hold is. */
async function brokenHolds({ database, memory }: View, calls: readonly StoredCall[]) {
  const holds = await database.ledger.openHolds(Number.MAX_SAFE_INTEGER, 1_000)
  const held = new Set(holds.map(({ reference }) => reference))
  const isOpen = new Map(calls.map(({ id, outcome }) => [id, outcome === 'held']))
  const actor = (id: string) => memory.begun.get(id)?.actor ?? 'a call of nobody'
  return [
    ...[...held].filter((id) => !isOpen.get(id)).map((id) => `${actor(id)} is held, but not open`),
    ...[...isOpen.keys()]
      .filter((id) => isOpen.get(id) && !held.has(id))
      .map((id) => `${actor(id)} is open, but not held`),
  ]
}

async function brokenCall({ database, market, memory }: View, call: StoredCall) {
  const begun = memory.begun.get(call.id)
  if (!begun) return [`there is a ${call.outcome} call that nobody began`]
  if (call.outcome === 'held') return [`${begun.actor} is still open`]
  const faults: string[] = []
  const demand = (fact: boolean, fault: string) => {
    if (!fact) faults.push(`${begun.actor} (${call.outcome} ${call.code ?? ''}) ${fault}`)
  }
  const asked = memory.asked.get(call.id) ?? []
  const [reply] = asked
  const isPaid = call.outcome === 'charged' || call.outcome === 'free'
  const isInterrupted = call.code === 'call_interrupted'
  demand(asked.length <= 1, `was sent ${asked.length} times`)
  demand(call.outcome !== 'failed' || asked.length === 0, 'was sent')
  demand(isPaid || call.charge + call.fee === 0n, 'cost money')
  demand(!isPaid || reply?.words !== undefined, 'was paid for without an answer')
  demand(call.outcome !== 'refunded' || isInterrupted || !reply?.words, 'refunds what it delivers')
  demand(!isInterrupted || wasLeftBehind(begun), 'was given up while it ran, before its deadline')
  if (isPaid && reply?.words !== undefined) {
    const { charge, fee } = priceOf(market, call, reply.words)
    demand(call.charge === charge && call.fee === fee, `cost ${call.charge}, not ${charge}`)
  }
  demand((call.receipt_id === null) === (call.outcome === 'failed'), 'has no receipt, or one')
  const { body } = await storedOutcome(database, call)
  const bytes = isInterrupted || !reply ? null : bytesOf(reply)
  const isForgotten = body === undefined && Number(call.body_expires_at) < memory.purgedMs
  const isSame = body?.bytes.equals(bytes ?? Buffer.of()) ?? (body === null && bytes === null)
  demand(isSame || isForgotten, 'has another stored answer than the one of the seller')
  demand(call.response_hash === (bytes && sha256(bytes)), 'has the hash of another answer')
  return faults
}

/** Only a call that its gateway cannot end any more is ended by others. */
function wasLeftBehind({ end, deadlineMs }: Begun): boolean {
  return end !== undefined && (end.gatewayWasDead || end.judgedAtMs > deadlineMs)
}

/** An idempotency key buys once, until its day is over or the call was given up unsent. */
function brokenKeys(calls: readonly StoredCall[], { begun }: Memory): string[] {
  const order = [...begun.keys()]
  const keyed = calls
    .filter(({ idempotency_hash, outcome }) => idempotency_hash !== null && outcome !== 'failed')
    .sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
  const byKey = grouped(keyed, (call) => `${call.key_id} ${call.idempotency_hash}`)
  return [...byKey.values()].flatMap((same) =>
    same.slice(1).flatMap((call, i) => {
      const [first, second] = [begun.get(same[i]!.id), begun.get(call.id)]
      const isFree = (second?.latestMs ?? 0) >= Number(same[i]!.started_at) + DAY_MS
      return isFree ? [] : [`${second?.actor} bought what ${first?.actor} had bought`]
    }),
  )
}

/** A quote is good for one call. */
function brokenQuotes(calls: readonly StoredCall[]): string[] {
  const quoted = calls.filter(({ quote_id }) => quote_id !== null)
  const uses = [...grouped(quoted, ({ quote_id }) => quote_id!).values()]
  return uses
    .filter(({ length }) => length > 1)
    .map(({ length }) => `a quote was used by ${length} calls`)
}

type Signed = Parameters<typeof brokenChain>[0][number]

/** Receipts and calls are each other's, one to one, and say the same. */
function brokenPairs(calls: readonly StoredCall[], receipts: readonly Signed[]): string[] {
  const byCall = grouped(receipts, ({ call_id }) => call_id)
  const faults = calls.flatMap((call) => {
    const [receipt, ...more] = byCall.get(call.id) ?? []
    byCall.delete(call.id)
    if (more.length > 0) return [`a ${call.outcome} call has ${more.length + 1} receipts`]
    if (!receipt) return call.outcome === 'failed' ? [] : [`a ${call.outcome} call has no receipt`]
    const { claims } = receipt
    const isSame =
      receipt.id === call.receipt_id &&
      claims.jti === receipt.id &&
      claims.call_id === call.id &&
      claims.buyer === call.buyer_id &&
      claims.seller === call.seller_id &&
      claims.outcome === call.outcome &&
      claims.response.hash === call.response_hash &&
      nanosOf(claims.charge.total) === call.charge + call.fee &&
      nanosOf(claims.charge.fee) === call.fee
    return isSame ? [] : [`a receipt says otherwise than its ${call.outcome} call`]
  })
  return [...faults, ...[...byCall.keys()].map(() => 'a receipt has no call')]
}

/** What an answer costs, worked out anew: rounded up once for the charge, once for the fee. */
function priceOf(market: Market, call: StoredCall, words: bigint) {
  const { price } = market.sales.get(call.endpoint_id)![Number(call.version) - 1]!.offer
  const charge = chargeOf(price, words)
  return { charge, fee: (charge * 5n + 99n) / 100n }

  function chargeOf(terms: typeof price, quantity: bigint): bigint {
    if (terms.model === 'free') return 0n
    if (terms.model === 'per_call') return terms.amount
    const divisor = terms.per * 10n ** 9n
    return (terms.amount * quantity + divisor - 1n) / divisor
  }
}

function sum<T>(items: readonly T[], of: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + of(item), 0n)
}
