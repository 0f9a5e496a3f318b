import { describe, expect, test } from 'vitest'
import { nanos, parseDecimal, parseUsdc } from '#core/money'
import {
  chargeFor,
  FEE_BPS,
  feeOn,
  isFree,
  maxCharge,
  type Price,
  priceSchema,
  readPrice,
  showPrice,
  totalOf,
} from './pricing.js'

const SHORT_POINTER = '/usage/tokens'

function perUnit(changes: Record<string, unknown> = {}): Price {
  return readPrice(
    priceSchema.parse({
      model: 'per_unit',
      unit: 'token',
      amount: '0.002',
      per: 1000,
      quantity: SHORT_POINTER,
      max_quantity: 8000,
      ...changes,
    }),
  )
}

function quantity(text: string): bigint {
  return parseDecimal(text)!
}

describe('a price per call', () => {
  const price = readPrice({ model: 'per_call', amount: '0.001' })

  test('costs the same whatever was delivered', () => {
    expect(chargeFor(price, 0n)).toBe(parseUsdc('0.001'))
    expect(chargeFor(price, quantity('99'))).toBe(parseUsdc('0.001'))
    expect(maxCharge(price)).toBe(parseUsdc('0.001'))
  })

  test('is shown with the most that the buyer pays, fee included', () => {
    expect(showPrice(price, FEE_BPS)).toEqual({
      model: 'per_call',
      amount: '0.001',
      max_total: '0.00105',
    })
  })
})

describe('a price per unit', () => {
  test.each([
    ['0', '0'],
    ['1000', '0.002'],
    ['1', '0.000002'],
    ['1234.5', '0.002469'],
    ['8000', '0.016'],
    ['0.000000001', '0.000000001'],
    ['0.0005', '0.000000001'],
    ['0.0005001', '0.000000002'],
  ])('%s units cost %s, rounded once and up', (units, charge) => {
    expect(chargeFor(perUnit(), quantity(units))).toBe(parseUsdc(charge))
  })

  test('the exact product is rounded, not its parts', () => {
    // 3 x 0.000000001 / 7 would be 3 nanos if each unit were rounded by itself.
    const price = perUnit({ amount: '0.000000001', per: 7, max_quantity: 100 })
    expect(chargeFor(price, quantity('3'))).toBe(1n)
    expect(chargeFor(price, quantity('7'))).toBe(1n)
    expect(chargeFor(price, quantity('7.000000001'))).toBe(2n)
  })

  test('the most is that of its largest quantity', () => {
    expect(maxCharge(perUnit())).toBe(parseUsdc('0.016'))
    expect(showPrice(perUnit(), FEE_BPS)).toMatchObject({
      model: 'per_unit',
      unit: 'token',
      amount: '0.002',
      max_quantity: '8000',
      max_total: '0.0168',
    })
  })

  test('a largest quantity with nine decimals is kept exactly', () => {
    expect(perUnit({ max_quantity: 0.000000001 })).toMatchObject({ maxQuantity: 1n })
    expect(perUnit({ max_quantity: 123456.123456789 })).toMatchObject({
      maxQuantity: 123_456_123_456_789n,
    })
  })
})

describe('a free price', () => {
  test('costs nothing and has no fee', () => {
    const price = readPrice({ model: 'free', daily_cap: 100 })
    expect(isFree(price)).toBe(true)
    expect(chargeFor(price, quantity('5'))).toBe(0n)
    expect(totalOf(maxCharge(price), FEE_BPS)).toBe(0n)
    expect(showPrice(price, FEE_BPS)).toMatchObject({ model: 'free', max_total: '0' })
  })

  test('has a cap only where the seller set one', () => {
    expect(readPrice({ model: 'free', daily_cap: 3 })).toEqual({ model: 'free', dailyCap: 3n })
    expect(readPrice({ model: 'free' })).toEqual({ model: 'free', dailyCap: undefined })
    expect(showPrice(readPrice({ model: 'free' }), FEE_BPS)).toEqual({
      model: 'free',
      max_total: '0',
    })
  })
})

test.each([
  [0n, 0n],
  [1n, 1n],
  [19n, 1n],
  [20n, 1n],
  [21n, 2n],
  [1_000n, 50n],
  [1_000_000n, 50_000n],
])('the fee on %d nanos is %d', (charge, fee) => {
  expect(feeOn(nanos(charge), FEE_BPS)).toBe(fee)
  expect(totalOf(nanos(charge), FEE_BPS)).toBe(charge + fee)
})

describe('a price that a seller may not ask', () => {
  const unit = { model: 'per_unit', unit: 'x', amount: '1', quantity: '/n', max_quantity: 1 }

  test.each([
    ['nothing per call', { model: 'per_call', amount: '0' }],
    ['nothing, written long', { model: 'per_call', amount: '0.000000000' }],
    ['a number', { model: 'per_call', amount: 0.001 }],
    ['an exponent', { model: 'per_call', amount: '1e-3' }],
    ['ten decimals', { model: 'per_call', amount: '0.0000000001' }],
    ['less than nothing', { model: 'per_call', amount: '-1' }],
    ['more than a billion', { model: 'per_call', amount: '1000000000.000000001' }],
    ['an unknown model', { model: 'auction', amount: '1' }],
    ['a member too many', { model: 'per_call', amount: '1', free: true }],
    ['no largest quantity', { ...unit, max_quantity: undefined }],
    ['a largest quantity of nothing', { ...unit, max_quantity: 0 }],
    ['a largest quantity with ten decimals', { ...unit, max_quantity: 0.1234567891 }],
    ['a largest quantity of no nano', { ...unit, max_quantity: 1e-10 }],
    ['a largest quantity without end', { ...unit, max_quantity: Number.POSITIVE_INFINITY }],
    ['a largest charge above a billion', { ...unit, amount: '2', max_quantity: 1e9 }],
    ['an amount above a billion', { ...unit, amount: '1000000001', max_quantity: 0.5 }],
    ['a unit of hidden characters', { ...unit, unit: '\u202e\u200b' }],
    ['a quantity that is no pointer', { ...unit, quantity: 'n' }],
    ['a pointer with a bad escape', { ...unit, quantity: '/a~2' }],
    ['a part of a unit', { ...unit, per: 1.5 }],
    ['per nothing', { ...unit, per: 0 }],
    ['a daily cap of nothing', { model: 'free', daily_cap: 0 }],
  ])('%s', (_what, terms) => {
    expect(priceSchema.safeParse(terms).success).toBe(false)
  })

  test('a unit is kept as plain text on one line', () => {
    const unitOf = (text: string) => showPrice(perUnit({ unit: text }), FEE_BPS)
    expect(unitOf('<b>1k</b>\n to\u200bkens')).toMatchObject({ unit: '1k tokens' })
  })

  test('what is allowed at most can be read, charged and shown', () => {
    const terms = priceSchema.parse({ ...unit, amount: '1', max_quantity: 1e9 })
    expect(maxCharge(readPrice(terms))).toBe(10n ** 18n)
    expect(showPrice(readPrice(terms), FEE_BPS).max_total).toBe('1050000000')
  })
})
