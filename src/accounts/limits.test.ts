import { describe, expect, test } from 'vitest'
import { parseUsdc } from '#core/money'
import { exceeding, limitsSchema, readLimits, showLimits, windowOf } from './limits.js'

const lastMsOf2026 = Date.UTC(2027, 0, 1) - 1

describe('the window of a limit', () => {
  test('of a day is the UTC day, until its last millisecond', () => {
    const newYear = Date.UTC(2027, 0, 1)
    expect(windowOf('day', lastMsOf2026)).toEqual({ window: 'day:2026-12-31', endsAtMs: newYear })
    expect(windowOf('day', newYear).window).toBe('day:2027-01-01')
  })

  test('of a month is the UTC month, leap years included', () => {
    const endOfFebruary = Date.UTC(2028, 1, 29, 23, 59, 59, 999)
    expect(windowOf('month', endOfFebruary)).toEqual({
      window: 'month:2028-02',
      endsAtMs: Date.UTC(2028, 2, 1),
    })
    expect(windowOf('month', lastMsOf2026).endsAtMs).toBe(Date.UTC(2027, 0, 1))
  })

  test('of a lifetime never ends', () => {
    expect(windowOf('lifetime', lastMsOf2026)).toEqual({ window: 'lifetime', endsAtMs: null })
  })
})

test('limits are read and shown without loss, the smallest amount included', () => {
  const terms = { call: '0.000000001', day: '1', month: '30.5', lifetime: '9999999999.999999999' }
  expect(() => readLimits(terms)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  const possible = { ...terms, lifetime: '1000000000' }
  expect(showLimits(readLimits(possible))).toEqual(possible)
  expect(showLimits(readLimits({ day: '1.50' }))).toEqual({ day: '1.5' })
  const asked = { approve_above: '1', approve_on: 'page' } as const
  expect(showLimits(readLimits(asked))).toEqual(asked)
})

test.each([
  { call: '-1' },
  { day: '1e3' },
  { month: 5 },
  { lifetime: '0.0000000001' },
  { week: '1' },
  { approve_on: 'phone' },
])('%j is no set of limits', (terms) => {
  expect(limitsSchema.safeParse(terms).success).toBe(false)
})

test('a limit exceeds its parent’s only where both have one', () => {
  const one = parseUsdc('1')
  const two = parseUsdc('2')
  expect(exceeding({ day: two }, { day: one })).toBe('day')
  expect(exceeding({ day: one }, { day: one })).toBeUndefined()
  expect(exceeding({}, { day: one })).toBeUndefined()
  expect(exceeding({ day: two }, { month: one })).toBeUndefined()
})
