/** Was it delivered, and what does it cost? If not, whose fault. Pure: the policy of charging. */
import { isDelivered, type Offer } from '#catalogue'
import { decodeUtf8, numberTextAt } from '#core/json-text'
import { formatDecimal, type Nanos, parseDecimal } from '#core/money'
import { chargeFor, FEE_BPS, feeOn } from '#pricing'
import type { Answer } from '#upstreams'

export type Verdict =
  | { delivered: true; charge: Nanos; fee: Nanos; quantity: string | undefined }
  | {
      delivered: false
      code: 'upstream_failed' | 'upstream_timeout'
      message: string
      retryAfterMs: number | undefined
    }

type Answered = Extract<Answer, { kind: 'answered' }>

export function judge(offer: Offer, answer: Answer): Verdict {
  if (answer.kind === 'unanswered') {
    const code = answer.reason === 'timeout' ? 'upstream_timeout' : 'upstream_failed'
    return { delivered: false, code, message: answer.detail, retryAfterMs: undefined }
  }
  const delivery = isDelivered(offer.success, answer)
  if (!delivery.delivered) return failed(delivery.reason, answer.retryAfterMs)
  return price(offer, answer)
}

function price(offer: Offer, answer: Answered): Verdict {
  if (offer.price.model !== 'per_unit') {
    const charge = chargeFor(offer.price, 0n)
    return { delivered: true, charge, fee: feeOn(charge, FEE_BPS), quantity: undefined }
  }
  const counted = quantityIn(answer, offer.price.quantity)
  if (counted === undefined) {
    return failed(`The answer has no valid quantity at ${offer.price.quantity}.`, undefined)
  }
  const quantity = counted > offer.price.maxQuantity ? offer.price.maxQuantity : counted
  const charge = chargeFor(offer.price, quantity)
  return { delivered: true, charge, fee: feeOn(charge, FEE_BPS), quantity: formatDecimal(quantity) }
}

/** The metered quantity, whole 10^-9, read from the answer's own digits. */
function quantityIn(answer: Answered, pointer: string): bigint | undefined {
  const text = decodeUtf8(answer.body)
  if (text === undefined || !isJson(text)) return undefined
  const digits = numberTextAt(text, pointer)
  return digits === undefined ? undefined : parseDecimal(digits)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function failed(message: string, retryAfterMs: number | undefined): Verdict {
  return { delivered: false, code: 'upstream_failed', message, retryAfterMs }
}
