/** Quotes: the most that one call may cost, computed now or promised earlier and signed. */
import type { Principal } from '#accounts'
import { isAlias, type Offer } from '#catalogue'
import { type Clock, toRfc3339 } from '#core/clock'
import { type Id, isId, newId } from '#core/ids'
import { add, formatUsdc, type Nanos, nanos, parseUsdc } from '#core/money'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import { FEE_BPS, feeOn, maxCharge } from '#pricing'
import type { Receipts } from '#receipts'
import { int, type Store } from '#store'
import type { Order, Quote, ShapedRequest } from './call.js'
import { insertQuote } from './call-rows.js'

const QUOTE_LIFE_MS = 120_000

/** A quote that was promised: what it is bound to. */
export type StoredQuote = {
  id: Id<'quote'>
  endpointId: string
  version: number
  requestHash: string
}

/** A quote as buyers see it. */
export type ShownQuote = {
  quote_id: Id<'quote'>
  max_charge: string
  max_fee: string
  max_total: string
  expires_at: string
  signature: string
}

/**
 * The most that this request may cost.
 *
 * @throws Problem `price_exceeds_max` when that is more than the buyer pays,
 *   `quote_mismatch` when the promised quote was for something else.
 */
export function quoteFor(
  offer: Offer,
  request: ShapedRequest,
  order: Order,
  promised: StoredQuote | undefined,
): Quote {
  if (promised && promised.requestHash !== request.hash) {
    throw new Problem('quote_mismatch', 'This quote was made for other arguments.')
  }
  const charge = maxCharge(offer.price)
  const fee = feeOn(charge, FEE_BPS)
  const maxTotal = add(charge, fee)
  if (order.maxPrice !== undefined && maxTotal > parseUsdc(order.maxPrice, 'max_price')) {
    const max_total = formatUsdc(maxTotal)
    throw new Problem('price_exceeds_max', `This call may cost ${max_total} USDC, fee included.`, {
      facts: { max_total },
    })
  }
  return { maxCharge: charge, maxFee: fee, maxTotal, id: promised?.id }
}

/**
 * The quote that an order names, if it can still be used by this buyer.
 *
 * @throws Problem `quote_not_found`, `quote_used`, `quote_expired`, `quote_mismatch`.
 */
export async function promisedQuote(
  deps: { store: Store; clock: Clock },
  order: Order,
): Promise<StoredQuote | undefined> {
  if (order.quoteId === undefined) return undefined
  const [row] = isId('quote', order.quoteId)
    ? await deps.store.query<QuoteRow>('select * from quotes where id = ? and buyer_id = ?', [
        order.quoteId,
        order.principal.account.id,
      ])
    : []
  if (!row) throw new Problem('quote_not_found', 'There is no such quote of this account.')
  if (row.call_id !== null) {
    throw new Problem('quote_used', `The quote was used by ${row.call_id}.`)
  }
  if (int(row.expires_at) <= deps.clock.now()) {
    throw new Problem('quote_expired', `The quote expired at ${toRfc3339(int(row.expires_at))}.`)
  }
  const version = int(row.version)
  // By a tool's name, the hash of the request says whether it is the same endpoint.
  const isOther = row.endpoint_id !== order.endpointId && !isAlias(order.endpointId)
  if (isOther || (order.version ?? version) !== version) {
    throw new Problem('quote_mismatch', `The quote is for ${row.endpoint_id} version ${version}.`)
  }
  return {
    id: row.id as Id<'quote'>,
    endpointId: row.endpoint_id,
    version,
    requestHash: row.request_hash,
  }
}

export type QuoteDeps = { ledger: Ledger; clock: Clock; receipts: Receipts }

/** Promises the most that a call with exactly these arguments will cost: for two minutes, or longer. */
export async function promiseQuote(
  deps: QuoteDeps,
  principal: Principal,
  offer: Offer,
  request: ShapedRequest,
  lifeMs = QUOTE_LIFE_MS,
): Promise<ShownQuote> {
  const now = deps.clock.now()
  const charge = maxCharge(offer.price)
  const fee = feeOn(charge, FEE_BPS)
  const id = newId('quote', now)
  const expiresAtMs = now + lifeMs
  const row = insertQuote([
    id,
    principal.account.id,
    offer.endpointId,
    offer.version,
    request.hash,
    charge,
    fee,
    expiresAtMs,
  ])
  await deps.ledger.commit({ commands: [], rows: [row] })
  const terms = showTerms(id, charge, fee, expiresAtMs)
  const signature = deps.receipts.signQuote({
    ...terms,
    buyer: principal.account.id,
    endpoint_id: offer.endpointId,
    version: offer.version,
    request: { hash: request.hash, alg: 'sha-256' },
  })
  return { ...terms, signature }
}

function showTerms(id: Id<'quote'>, charge: Nanos, fee: Nanos, expiresAtMs: number) {
  return {
    quote_id: id,
    max_charge: formatUsdc(charge),
    max_fee: formatUsdc(fee),
    max_total: formatUsdc(nanos(charge + fee)),
    expires_at: toRfc3339(expiresAtMs),
  }
}

type QuoteRow = {
  id: string
  endpoint_id: string
  version: bigint
  request_hash: string
  expires_at: bigint
  call_id: string | null
}
