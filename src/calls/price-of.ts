/** What an endpoint costs, and, for exactly these arguments, a signed promise of the most. */
import { type Principal, refuseSuspended } from '#accounts'
import type { Catalogue } from '#catalogue'
import type { Clock } from '#core/clock'
import type { Ledger } from '#ledger'
import { FEE_BPS, showPrice } from '#pricing'
import type { Receipts } from '#receipts'
import { promiseQuote, type ShownQuote } from './quotes.js'
import { shape } from './shape.js'

export type PriceAnswer = {
  price: ReturnType<typeof showPrice>
  fee_bps: number
  quote?: ShownQuote
}

type Deps = {
  catalogue: Pick<Catalogue, 'offer' | 'validate'>
  ledger: Ledger
  clock: Clock
  receipts: Receipts
}

/**
 * @param principal absent where looking needs no key; a quote needs one.
 * @throws Problem `endpoint_not_found`, `listing_changed`, `invalid_arguments`.
 */
export async function priceOf(
  deps: Deps,
  principal: Principal | undefined,
  asked: {
    endpointId: string
    version?: number | undefined
    arguments?: Record<string, unknown> | undefined
  },
): Promise<PriceAnswer> {
  const offer = await deps.catalogue.offer(asked.endpointId, asked.version, principal)
  const answer = { price: showPrice(offer.price, FEE_BPS), fee_bps: Number(FEE_BPS) }
  if (asked.arguments === undefined || !principal) return answer
  refuseSuspended(principal)
  const request = shape(deps, offer, { arguments: asked.arguments })
  return { ...answer, quote: await promiseQuote(deps, principal, offer, request) }
}
