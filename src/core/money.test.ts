import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatDecimal,
  formatUsdc,
  type Nanos,
  nanos,
  parseDecimal,
  parseUsdc,
  portion,
} from './money.js'

const anAmount = fc.bigInt({ min: 0n, max: 10n ** 18n }).map(nanos)

test('what is formatted reads back as the same amount', () => {
  fc.assert(
    fc.property(anAmount, (amount) => {
      expect(parseUsdc(formatUsdc(amount))).toBe(amount)
    }),
  )
})

test('a formatted amount has no trailing zero, no leading zero, no exponent, at most 9 decimals', () => {
  fc.assert(
    fc.property(anAmount, (amount) => {
      expect(formatUsdc(amount)).toMatch(/^(0|[1-9]\d*)(\.\d{0,8}[1-9])?$/)
    }),
  )
})

test.each([
  [0n, '0'],
  [1n, '0.000000001'],
  [1_050_000n, '0.00105'],
  [10n ** 9n, '1'],
  [1_500_000_000n, '1.5'],
  [10n ** 18n, '1000000000'],
  [-1n, '-0.000000001'],
  [-2_500_000_000n, '-2.5'],
])('%d nanos are written %s', (amount, text) => {
  expect(formatUsdc(nanos(amount))).toBe(text)
})

test.each([
  ['0', 0n],
  ['0.0', 0n],
  ['1.500000000', 1_500_000_000n],
  ['0.000000001', 1n],
  ['007.5', 7_500_000_000n],
  ['1000000000', 10n ** 18n],
])('the amount %s is %d nanos', (text, amount) => {
  expect(parseUsdc(text)).toBe(amount)
})

test.each([
  '',
  ' 1',
  '1 ',
  '-1',
  '+1',
  '.5',
  '5.',
  '1,5',
  '1e3',
  '1E-2',
  '0x10',
  'NaN',
  'Infinity',
  '1.0000000001',
  '1.0000000000',
  '1000000000.000000001',
  '99999999999',
  '١',
  1,
  0.5,
  null,
  undefined,
  ['1'],
])('%s is not an amount', (text) => {
  expect(() => parseUsdc(text, 'max_price')).toThrow('max_price must be a USDC amount')
})

test.each([
  ['1e3', 1_000n * 10n ** 9n],
  ['1E2', 100n * 10n ** 9n],
  ['25e-1', 2_500_000_000n],
  ['1e-9', 1n],
  ['0e999', 0n],
  ['0.1230', 123_000_000n],
  ['1.00000000000000000000', 10n ** 9n],
  ['1e400', 10n ** 409n],
])('the JSON number %s is %d whole 10^-9', (text, scaled) => {
  expect(parseDecimal(text)).toBe(scaled)
})

test.each(['1e-10', '0.0000000001', '-1', '-0', '1e-999', 'abc', '1e', '1e1000', '1'.repeat(401)])(
  '%s has no exact value of at most 9 decimals',
  (text) => {
    expect(parseDecimal(text)).toBeUndefined()
  },
)

test('a decimal that is written out reads back as the same number', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (scaled) => {
      expect(parseDecimal(formatDecimal(scaled))).toBe(scaled)
    }),
  )
})

test('a portion is the exact quotient, rounded the way it is told and no other', () => {
  fc.assert(
    fc.property(
      anAmount,
      fc.bigInt({ min: 0n, max: 10n ** 24n }),
      fc.bigInt({ min: 1n, max: 10n ** 24n }),
      (amount, numerator, denominator) => {
        const up: Nanos = portion(amount, numerator, denominator, 'up')
        const down: Nanos = portion(amount, numerator, denominator, 'down')
        expect(down * denominator <= amount * numerator).toBe(true)
        expect(up * denominator >= amount * numerator).toBe(true)
        const isWhole = (amount * numerator) % denominator === 0n
        expect(up - down).toBe(isWhole ? 0n : 1n)
      },
    ),
  )
})
