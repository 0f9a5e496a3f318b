/**
 * Money. Inside the gateway an amount is a whole number of nano-USDC (1 USDC = 10^9 nanos) in a
 * `bigint`; on every face it is a decimal string in USDC. No float ever touches an amount.
 */
import { Problem } from './problem.js'

/** An amount in nano-USDC. */
export type Nanos = bigint & { readonly __unit: 'nano-usdc' }

/** Which way a remainder goes. It is a required argument wherever a remainder can arise. */
type Rounding = 'up' | 'down'

const DECIMALS = 9
export const SCALE = 10n ** 9n

/** The most that one amount may be: a billion USDC. Sums of such amounts stay far inside int64. */
const MAX_NANOS = 10n ** 18n

export const ZERO = 0n as Nanos

/** Takes a number of nanos that is already exact, from a column or a constant. */
export function nanos(value: bigint): Nanos {
  return value as Nanos
}

/**
 * Reads a USDC amount such as `"0.00105"`.
 *
 * @throws Problem `invalid_request` for anything but a non-negative decimal with at most 9 decimals.
 */
export function parseUsdc(text: unknown, field = 'amount'): Nanos {
  const isAmount = typeof text === 'string' && /^\d{1,10}(\.\d{1,9})?$/.test(text)
  const amount = isAmount ? parseDecimal(text) : undefined
  if (amount === undefined || amount > MAX_NANOS) {
    throw new Problem('invalid_request', `${field} must be a USDC amount such as "0.00105".`, {
      action: `Send ${field} as a decimal string, not negative, with at most ${DECIMALS} decimals.`,
    })
  }
  return amount as Nanos
}

/** USDC as a decimal string without trailing zeros: `"0.00105"`, `"0"`. */
export function formatUsdc(amount: Nanos): string {
  const sign = amount < 0n ? '-' : ''
  const digits = (amount < 0n ? -amount : amount).toString().padStart(DECIMALS + 1, '0')
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '')
  return sign + digits.slice(0, -DECIMALS) + (fraction === '' ? '' : `.${fraction}`)
}

export function add(a: Nanos, b: Nanos): Nanos {
  return (a + b) as Nanos
}

/** `amount * numerator / denominator`, rounded once to a whole nano. All non-negative. */
export function portion(
  amount: Nanos,
  numerator: bigint,
  denominator: bigint,
  rounding: Rounding,
): Nanos {
  const product = amount * numerator
  const bump = rounding === 'up' ? denominator - 1n : 0n
  return ((product + bump) / denominator) as Nanos
}

/**
 * A non-negative decimal with at most 9 decimals, as a whole number of 10^-9; `undefined` when the
 * text is anything else. Exponents are accepted, because JSON numbers may carry one, up to the size
 * of any number that JavaScript has.
 */
export function parseDecimal(text: string): bigint | undefined {
  const match = /^(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text)
  if (!match) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = match
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '')
  const shift = DECIMALS - fraction.length + Number.parseInt(exponent, 10)
  if (shift >= 0) return BigInt(digits) * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  const value = BigInt(digits)
  return value % divisor === 0n ? value / divisor : undefined
}

/** The decimal text of a whole number of 10^-9, without trailing zeros. */
export function formatDecimal(scaled: bigint): string {
  return formatUsdc(scaled as Nanos)
}
