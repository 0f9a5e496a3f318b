import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  endOfUtcDay,
  endOfUtcMonth,
  fromRfc3339,
  handClock,
  toRfc3339,
  utcDay,
  utcMonth,
} from './clock.js'

const aTime = fc.integer({ min: 0, max: Date.UTC(2100, 0) })

test('a time that is written down reads back as the same millisecond', () => {
  fc.assert(
    fc.property(aTime, (ms) => {
      expect(fromRfc3339(toRfc3339(ms))).toBe(ms)
    }),
  )
})

test.each([
  ['2026-01-15', Date.UTC(2026, 0, 15)],
  ['2026-01-15T10:00:00Z', Date.UTC(2026, 0, 15, 10)],
  ['2026-01-15T10:00:00.250Z', Date.UTC(2026, 0, 15, 10, 0, 0, 250)],
  ['2026-01-15T10:00:00+02:00', Date.UTC(2026, 0, 15, 8)],
  ['2026-01-01T00:30:00+01:00', Date.UTC(2025, 11, 31, 23, 30)],
  ['2024-02-29', Date.UTC(2024, 1, 29)],
])('%s is read', (text, ms) => {
  expect(fromRfc3339(text)).toBe(ms)
})

test.each([
  '',
  'yesterday',
  '2026',
  '2026-1-5',
  '2026-13-01',
  '2026-02-30',
  '2026-02-29T00:00:00Z',
  '2026-01-15 10:00:00Z',
  '2026-01-15T10:00:00',
  '2026-01-15T10:00Z',
  '2026-01-15T25:00:00Z',
  '2026-01-15T10:00:00+0200',
  '2026-01-15T10:00:00Z ',
  '1768471200000',
])('%j is not an RFC 3339 time', (text) => {
  expect(fromRfc3339(text)).toBeUndefined()
})

test('a window ends when the next one begins', () => {
  fc.assert(
    fc.property(aTime, (ms) => {
      for (const [windowOf, endOf] of [
        [utcDay, endOfUtcDay],
        [utcMonth, endOfUtcMonth],
      ] as const) {
        const end = endOf(ms)
        expect(end).toBeGreaterThan(ms)
        expect(windowOf(end - 1)).toBe(windowOf(ms))
        expect(windowOf(end)).not.toBe(windowOf(ms))
      }
    }),
  )
})

test.each([
  [Date.UTC(2026, 11, 31, 23, 59, 59, 999), '2026-12-31', '2026-12', Date.UTC(2027, 0, 1)],
  [Date.UTC(2024, 1, 29), '2024-02-29', '2024-02', Date.UTC(2024, 2, 1)],
])('%d lies in the day %s and the month %s', (ms, day, month, monthEnd) => {
  expect(utcDay(ms)).toBe(day)
  expect(utcMonth(ms)).toBe(month)
  expect(endOfUtcMonth(ms)).toBe(monthEnd)
})

test('a hand clock moves only by hand', () => {
  const clock = handClock(1_000)
  expect(clock.now()).toBe(1_000)
  clock.advance(5)
  expect(clock.now()).toBe(1_005)
})
