/** Load: callers that buy at the same time, at times the same order twice at once, or once more. */
import type { Lots } from './lots.js'
import type { Party, Purchase } from './market.js'

const CALLERS = 32
const RETRIES_AT_ONCE = 16

export type Send = (purchase: Purchase) => Promise<unknown>

/** Buys with all callers until it is over, and gives all that was asked for. */
export async function buyUntil(
  isOver: () => boolean,
  load: { lots: Lots; buyers: readonly Party[]; round: number; send: Send },
): Promise<Purchase[]> {
  const { lots, buyers, round, send } = load
  const purchases: Purchase[] = []
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const buyer = buyers[caller % buyers.length]!
    for (let n = 1; !isOver(); n++) {
      const order = `round-${round}-caller-${caller}-order-${n}`
      const purchase = newPurchase(buyer, order)
      purchases.push(purchase)
      const twin = lots.draw('twin', order) < 0.25 ? [purchase] : []
      const earlier = lots.draw('earlier', order) < 0.1 ? anyAnswered(lots, purchases) : []
      await Promise.all([purchase, ...twin, ...earlier].map(send))
    }
  })
  await Promise.all(callers)
  return purchases
}

export function newPurchase(buyer: Party, order: string): Purchase {
  return { buyer, order, answer: undefined, isLost: false, sends: 0 }
}

/** Sends what was answered once more, and most of what was lost, twice at the same time. */
export async function sendAgain(
  lots: Lots,
  purchases: readonly Purchase[],
  send: Send,
): Promise<void> {
  const again = purchases.flatMap((purchase) => {
    if (!purchase.isLost) return [purchase]
    return lots.draw('retry', purchase.order) < 0.75 ? [purchase, purchase] : []
  })
  const rest = again.values()
  const retriers = Array.from({ length: RETRIES_AT_ONCE }, async () => {
    for (const purchase of rest) await send(purchase)
  })
  await Promise.all(retriers)
}

/** One that was answered already, if there is one. */
function anyAnswered(lots: Lots, purchases: readonly Purchase[]): Purchase[] {
  const answered = purchases.filter(({ answer }) => answer !== undefined)
  const place = lots.between(0, answered.length - 1, 'answered', purchases.length)
  return answered.slice(place, place + 1)
}
