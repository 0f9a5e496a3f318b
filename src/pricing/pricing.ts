/** What it costs. Pure: price models, the fee, and the most that one call may cost. */
export {
  chargeFor,
  feeOn,
  isFree,
  maxCharge,
  type Price,
  type PriceTerms,
  priceSchema,
  readPrice,
  showPrice,
  totalOf,
} from './price.js'

/** The platform's fee in basis points, added on top of the seller's price. */
export const FEE_BPS = 500n
