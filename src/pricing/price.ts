/** Price models: how a price is written on the wire, and the most and the exact charge it gives. */
import { z } from 'zod'
import {
  formatDecimal,
  formatUsdc,
  type Nanos,
  nanos,
  parseDecimal,
  parseUsdc,
  portion,
  SCALE,
  ZERO,
} from '#core/money'
import { plainLine } from '#core/plain-text'

const amount = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,9})?$/, 'must be a decimal string in USDC, at most 9 decimals')
  .describe('USDC as a decimal string')

const pointer = z
  .string()
  .max(512)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON pointer')

/** The most that one call may be charged: a billion USDC, as for any amount. */
const MAX_CHARGE = 10n ** 9n * SCALE

const priceModels = z.discriminatedUnion('model', [
  z.strictObject({
    model: z.literal('per_call'),
    amount: amount.refine(
      (text) => parseDecimal(text) !== 0n,
      'must be more than 0; use model free',
    ),
  }),
  z.strictObject({
    model: z.literal('per_unit'),
    unit: z
      .string()
      .max(40)
      .overwrite(plainLine)
      .min(1)
      .describe('what is counted, such as token or word'),
    amount: amount.refine(
      (text) => parseDecimal(text) !== 0n,
      'must be more than 0; use model free',
    ),
    per: z.int().min(1).max(1_000_000_000).default(1).describe('amount is for this many units'),
    quantity: pointer.describe('JSON pointer into the response, to the number of units'),
    max_quantity: z
      .number()
      .positive()
      .max(1e12)
      .refine((value) => parseDecimal(String(value)) !== undefined, 'must have at most 9 decimals')
      .describe('the most units that one call is charged for'),
  }),
  z.strictObject({
    model: z.literal('free'),
    daily_cap: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .optional()
      .describe('calls per buyer account, endpoint and UTC day'),
  }),
])

/** A price as sellers write it. */
export const priceSchema = priceModels.refine(
  isAffordable,
  'one call must not cost more than a billion USDC at most',
)

export type PriceTerms = z.infer<typeof priceModels>

/** A price ready to compute with. Amounts are nano-USDC, quantities whole numbers of 10^-9. */
export type Price =
  | { model: 'per_call'; amount: Nanos }
  | {
      model: 'per_unit'
      unit: string
      amount: Nanos
      per: bigint
      quantity: string
      maxQuantity: bigint
    }
  | { model: 'free'; dailyCap: bigint | undefined }

/** Also true for terms that other checks refuse. */
function isAffordable(terms: PriceTerms): boolean {
  if (terms.model === 'free') return true
  const amount = parseDecimal(terms.amount) ?? 0n
  if (amount > MAX_CHARGE || terms.model === 'per_call') return amount <= MAX_CHARGE
  const maxQuantity = parseDecimal(String(terms.max_quantity)) ?? 0n
  return amount * maxQuantity <= MAX_CHARGE * BigInt(terms.per) * SCALE
}

/** @throws Problem `invalid_request` for terms that {@link priceSchema} refuses. */
export function readPrice(terms: PriceTerms): Price {
  switch (terms.model) {
    case 'per_call':
      return { model: 'per_call', amount: parseUsdc(terms.amount) }
    case 'per_unit':
      return {
        model: 'per_unit',
        unit: terms.unit,
        amount: parseUsdc(terms.amount),
        per: BigInt(terms.per),
        quantity: terms.quantity,
        maxQuantity: parseDecimal(String(terms.max_quantity)) ?? 0n,
      }
    case 'free':
      return {
        model: 'free',
        dailyCap: terms.daily_cap === undefined ? undefined : BigInt(terms.daily_cap),
      }
  }
}

/** The charge for `quantity` units (whole 10^-9; ignored but for `per_unit`), rounded up once. */
export function chargeFor(price: Price, quantity: bigint): Nanos {
  switch (price.model) {
    case 'free':
      return ZERO
    case 'per_call':
      return price.amount
    case 'per_unit':
      return portion(price.amount, quantity, price.per * SCALE, 'up')
  }
}

/** The most that one call can be charged, fee not included. */
export function maxCharge(price: Price): Nanos {
  return chargeFor(price, price.model === 'per_unit' ? price.maxQuantity : 0n)
}

/** Whether a call that delivered nothing billable still counts as paid work. */
export function isFree(price: Price): boolean {
  return price.model === 'free'
}

/** A price as buyers see it, with the most that one call costs them, fee included. */
export function showPrice(
  price: Price,
  feeBps: bigint,
): Record<string, unknown> & { model: string } {
  const max_total = formatUsdc(totalOf(maxCharge(price), feeBps))
  switch (price.model) {
    case 'per_call':
      return { model: price.model, amount: formatUsdc(price.amount), max_total }
    case 'per_unit':
      return {
        model: price.model,
        unit: price.unit,
        amount: formatUsdc(price.amount),
        per: count(price.per),
        max_quantity: formatDecimal(price.maxQuantity),
        max_total,
      }
    case 'free':
      return {
        model: price.model,
        ...(price.dailyCap !== undefined && { daily_cap: count(price.dailyCap) }),
        max_total,
      }
  }
}

/** The platform's fee on a charge, rounded up to a whole nano. */
export function feeOn(charge: Nanos, feeBps: bigint): Nanos {
  return portion(charge, feeBps, 10_000n, 'up')
}

/** What the buyer pays for a charge: the charge and the fee on top. */
export function totalOf(charge: Nanos, feeBps: bigint): Nanos {
  return nanos(charge + feeOn(charge, feeBps))
}

/** A count, which sellers wrote as a JSON number within its range, as one again. */
function count(value: bigint): number {
  return Number.parseInt(value.toString(), 10)
}
