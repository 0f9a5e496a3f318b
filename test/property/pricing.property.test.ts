/** What any price promises: the exact amount, rounded once and up, and never above what was held. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDecimal, formatUsdc, nanos, SCALE } from '#core/money'
import {
  chargeFor,
  FEE_BPS,
  feeOn,
  maxCharge,
  type Price,
  priceSchema,
  readPrice,
  showPrice,
  totalOf,
} from '#pricing'

const anAmount = fc.bigInt({ min: 1n, max: 10n ** 14n }).map(nanos)

const perUnit = fc.record({
  model: fc.constant('per_unit' as const),
  unit: fc.constant('token'),
  amount: anAmount,
  per: fc.bigInt({ min: 1n, max: 10n ** 9n }),
  quantity: fc.constant('/n'),
  maxQuantity: fc.bigInt({ min: 1n, max: 10n ** 15n }),
})
const perCall = fc.record({ model: fc.constant('per_call' as const), amount: anAmount })
const free = fc.constant<Price>({ model: 'free', dailyCap: undefined })
const aPrice: fc.Arbitrary<Price> = fc.oneof(perUnit, perCall, free)

test('a metered charge is the least whole nano that is not below the exact amount', () => {
  fc.assert(
    fc.property(perUnit, fc.bigInt({ min: 0n, max: 10n ** 15n }), (price, quantity) => {
      const exact = price.amount * quantity
      const unit = price.per * SCALE
      const charge = chargeFor(price, quantity)
      expect(charge * unit >= exact && (charge - 1n) * unit < exact).toBe(true)
    }),
  )
})

test('no charge is above the most, as long as the quantity is not', () => {
  fc.assert(
    fc.property(aPrice, fc.bigInt({ min: 0n, max: 10n ** 15n }), (price, asked) => {
      const most = price.model === 'per_unit' ? price.maxQuantity : asked
      const quantity = asked > most ? most : asked
      const charge = chargeFor(price, quantity)
      expect(charge <= maxCharge(price)).toBe(true)
      expect(totalOf(charge, FEE_BPS) <= totalOf(maxCharge(price), FEE_BPS)).toBe(true)
    }),
  )
})

test('more units never cost less, and charging them together never costs more', () => {
  const quantity = fc.bigInt({ min: 0n, max: 10n ** 15n })
  fc.assert(
    fc.property(perUnit, quantity, quantity, (price, a, b) => {
      const together = chargeFor(price, a + b)
      expect(together >= chargeFor(price, a)).toBe(true)
      expect(together <= chargeFor(price, a) + chargeFor(price, b)).toBe(true)
    }),
  )
})

test('charge and fee are the total, and the fee is the least whole nano not below its rate', () => {
  fc.assert(
    fc.property(anAmount, (charge) => {
      const fee = feeOn(charge, FEE_BPS)
      expect(charge + fee).toBe(totalOf(charge, FEE_BPS))
      expect(fee * 10_000n >= charge * FEE_BPS && (fee - 1n) * 10_000n < charge * FEE_BPS).toBe(
        true,
      )
    }),
  )
})

test('terms that the schema takes are read without losing a digit', () => {
  fc.assert(
    fc.property(anAmount, fc.integer({ min: 1, max: 1e9 }), fc.nat(1_000), (amount, per, units) => {
      const terms = priceSchema.parse({
        model: 'per_unit',
        unit: 'token',
        amount: formatUsdc(amount),
        per,
        quantity: '/n',
        max_quantity: units + 0.5,
      })
      const price = readPrice(terms)
      expect(price).toMatchObject({ amount, per: BigInt(per) })
      expect(showPrice(price, FEE_BPS)).toMatchObject({
        amount: formatUsdc(amount),
        max_quantity: formatDecimal(BigInt(units) * SCALE + SCALE / 2n),
        max_total: formatUsdc(totalOf(maxCharge(price), FEE_BPS)),
      })
    }),
  )
})
