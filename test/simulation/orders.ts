/** What the buyers of a simulation ask for, drawn before it starts: an order is the same in any run. */
import type { Lots } from '../faults/lots.js'
import { ENDPOINTS } from './market.js'

export type OrderPlan = {
  name: string
  buyer: number
  /** Which of the buyer's keys, 0 for the one of the account. */
  key: number
  endpoint: string
  /** The one argument. */
  argument: string
  idempotencyKey: string | undefined
  version: number | undefined
  maxPrice: string | undefined
  /** Gets a quote first, or names the one that another order got. */
  quote: 'none' | 'own' | { of: string }
  /** Whether the client is gone when the call could be sent. */
  leaves: boolean
}

const BUYERS = 3
const KEYS = 3

export function drawOrders(lots: Lots, count: number): OrderPlan[] {
  const orders: OrderPlan[] = []
  for (let n = 1; n <= count; n++) orders.push(drawOrder(lots, `order ${n}`, orders))
  return orders
}

function drawOrder(lots: Lots, name: string, earlier: readonly OrderPlan[]): OrderPlan {
  const fresh = freshOrder(lots, name)
  const other = earlier[lots.between(0, earlier.length - 1, 'earlier', name)]
  if (!other) return fresh
  const lot = lots.draw('kind', name)
  if (lot < 0.4 * lots.draw('how many twins')) return { ...other, name, leaves: false }
  if (lot < 0.3) return { ...other, name, argument: name }
  if (lot < 0.33) return { ...other, name, key: (other.key + 1) % KEYS }
  if (lot < 0.44)
    return { ...fresh, buyer: other.buyer, ...sameThing(other), quote: quoteOf(other) }
  // Another call of the same kind: many of them come up against the same limits.
  if (lot < 0.7) return { ...fresh, ...sameWay(earlier.at(-1)!) }
  return fresh
}

function freshOrder(lots: Lots, name: string): OrderPlan {
  const chance = (likely: number, word: string) => lots.draw(word, name) < likely
  return {
    name,
    buyer: lots.between(0, BUYERS - 1, 'buyer', name),
    key: lots.between(0, KEYS - 1, 'key', name),
    endpoint: ENDPOINTS[lots.between(0, ENDPOINTS.length - 1, 'endpoint', name)]!,
    argument: name,
    idempotencyKey: chance(0.75, 'idempotency') ? `key of ${name}` : undefined,
    version: chance(0.1, 'version') ? lots.between(1, 2, 'which', name) : undefined,
    maxPrice: chance(0.15, 'max-price') ? '0.00105' : undefined,
    quote: chance(0.3, 'quote') ? 'own' : 'none',
    leaves: chance(0.2 * lots.draw('how many leave'), 'leaves'),
  }
}

/** A quote that was used before, or not; for the same arguments, as it must be. */
function quoteOf(other: OrderPlan): OrderPlan['quote'] {
  return other.quote === 'own' ? { of: other.name } : other.quote
}

function sameWay({ buyer, key, endpoint }: OrderPlan) {
  return { buyer, key, endpoint }
}

function sameThing({ endpoint, argument, version }: OrderPlan) {
  return { endpoint, argument, version }
}
