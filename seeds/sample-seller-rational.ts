import { badInput } from './sample-seller-refusal.js'

/** An exact fraction; `d` is positive. */
export type Rational = { n: bigint; d: bigint }

/** Digits that a result keeps when its decimal expansion never ends. */
export const SIGNIFICANT_DIGITS = 15

const DECIMAL = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/

/** The exact value of a decimal such as `25.4` or `1.6e-19`. */
export function parseDecimal(text: string): Rational {
  const match = DECIMAL.exec(text)
  if (!match) throw badInput(`"${text.slice(0, 60)}" is not a decimal number.`)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(whole + fraction)
  const power = Number(exponent) - fraction.length
  return {
    n: (sign === '-' ? -digits : digits) * (power > 0 ? 10n ** BigInt(power) : 1n),
    d: power < 0 ? 10n ** BigInt(-power) : 1n,
  }
}

export function plus(a: Rational, b: Rational): Rational {
  return { n: a.n * b.d + b.n * a.d, d: a.d * b.d }
}

export function minus(a: Rational, b: Rational): Rational {
  return { n: a.n * b.d - b.n * a.d, d: a.d * b.d }
}

export function times(a: Rational, b: Rational): Rational {
  return { n: a.n * b.n, d: a.d * b.d }
}

/** `b` must be positive. */
export function dividedBy(a: Rational, b: Rational): Rational {
  return { n: a.n * b.d, d: a.d * b.n }
}

/**
 * The decimal text of a fraction: all digits and `exact` when the expansion ends, else rounded
 * half away from zero to {@link SIGNIFICANT_DIGITS} digits.
 */
export function decimalText({ n, d }: Rational): { text: string; exact: boolean } {
  const sign = n < 0n ? '-' : ''
  const size = n < 0n ? -n : n
  const divisor = greatestCommonDivisor(size, d)
  const endsAfter = digitsUntilEnd(d / divisor)
  const places = endsAfter ?? SIGNIFICANT_DIGITS - 1 - magnitude(size, d)
  const digits =
    places >= 0
      ? roundedQuotient(size * 10n ** BigInt(places), d)
      : roundedQuotient(size, d * 10n ** BigInt(-places)) * 10n ** BigInt(-places)
  return { text: sign + withPoint(digits, Math.max(0, places)), exact: endsAfter !== undefined }
}

/** How many decimals 1/d has, undefined when they never end. */
function digitsUntilEnd(d: bigint): number | undefined {
  let rest = d
  let twos = 0
  let fives = 0
  for (; rest % 2n === 0n; rest /= 2n) twos++
  for (; rest % 5n === 0n; rest /= 5n) fives++
  return rest === 1n ? Math.max(twos, fives) : undefined
}

/** The power of ten of the first significant digit of n/d. */
function magnitude(n: bigint, d: bigint): number {
  const guess = n.toString().length - d.toString().length
  const isBelow = guess >= 0 ? n < d * 10n ** BigInt(guess) : n * 10n ** BigInt(-guess) < d
  return isBelow ? guess - 1 : guess
}

function roundedQuotient(n: bigint, d: bigint): bigint {
  return (2n * n + d) / (2n * d)
}

function withPoint(digits: bigint, places: number): string {
  const text = digits.toString().padStart(places + 1, '0')
  if (places === 0) return text
  const fraction = text.slice(-places).replace(/0+$/, '')
  return text.slice(0, -places) + (fraction && `.${fraction}`)
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}
