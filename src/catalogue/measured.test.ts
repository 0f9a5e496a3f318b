import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  latencyWithin,
  type Measured,
  type Measurement,
  measure,
  measuredTogether,
  nothingMeasured,
  uptimeOf,
} from './measured.js'

const HOUR_MS = 60 * 60 * 1_000
const DAY_MS = 24 * HOUR_MS
const noonMs = Date.UTC(2026, 0, 15, 12)

function measured(...answers: Measurement[]): Measured {
  const all = nothingMeasured()
  for (const answer of answers) measure(all, answer)
  return all
}

const answers = (count: number, delivered: boolean, atMs: number, latencyMs = 10): Measurement[] =>
  Array.from({ length: count }, () => ({ delivered, latencyMs, atMs }))

test('where nothing was measured, nothing is known', () => {
  expect(uptimeOf(nothingMeasured())).toBeNull()
  expect(latencyWithin(nothingMeasured(), 0.5)).toBeNull()
})

describe('uptime', () => {
  test('is the share of what was delivered while there is little', () => {
    expect(uptimeOf(measured(...answers(2, true, noonMs), ...answers(1, false, noonMs)))).toBe(
      0.6667,
    )
  })

  test('of an hour of heavy traffic weighs no more than one of probes', () => {
    const rush = measured(...answers(10_000, true, noonMs))
    const outage = measured(...answers(24, false, noonMs + 6 * HOUR_MS))
    expect(uptimeOf(measuredTogether(rush, outage))).toBe(0.5)
  })

  test('is not ruled by a clock that once ran ahead', () => {
    const ahead = measured(...answers(5, false, noonMs + 365 * DAY_MS))
    const now = measured(...answers(1, true, noonMs))
    const together = measuredTogether(ahead, now)
    expect(uptimeOf(together)).toBe(1)
    expect(together.checkedAtMs).toBe(noonMs)
  })

  test('forgets what is older than seven days before the last check', () => {
    const old = measured(...answers(10, false, noonMs))
    const fresh = measured(...answers(1, true, noonMs + 7 * DAY_MS))
    const almost = measured(...answers(1, true, noonMs + 6.5 * DAY_MS))
    expect(uptimeOf(measuredTogether(old, fresh))).toBe(1)
    expect(uptimeOf(measuredTogether(old, almost))).toBeLessThan(0.2)
  })
})

describe('latency', () => {
  test('is given by nearest rank over what was delivered', () => {
    const all = Array.from({ length: 20 }, (_, i) => i + 1).flatMap((latencyMs) => [
      ...answers(1, true, noonMs, latencyMs),
      ...answers(1, false, noonMs, 9_999),
    ])
    expect([0.5, 0.95, 1].map((share) => latencyWithin(measured(...all), share))).toEqual([
      10, 19, 20,
    ])
  })

  test('is that of the latest hundred', () => {
    const first = measured(...answers(100, true, noonMs, 500))
    const later = measured(...answers(100, true, noonMs, 5))
    expect(latencyWithin(measuredTogether(first, later), 1)).toBe(5)
  })

  test('goes with the periods that it was measured in', () => {
    const old = measured(...answers(50, true, noonMs, 500))
    const fresh = measured(...answers(2, true, noonMs + 8 * DAY_MS, 5))
    expect(measuredTogether(old, fresh).latencies).toEqual([5, 5])
    const down = measured(...answers(2, false, noonMs + 8 * DAY_MS))
    expect(latencyWithin(measuredTogether(old, down), 0.5)).toBeNull()
  })
})

const anAnswer = fc.record({
  delivered: fc.boolean(),
  latencyMs: fc.integer({ min: 1, max: 60_000 }),
  atMs: fc.integer({ min: noonMs, max: noonMs + 9 * DAY_MS }),
})

test('however it is divided, together it is the same, and never grows beyond its bounds', () => {
  fc.assert(
    fc.property(fc.array(anAnswer, { maxLength: 300 }), fc.nat(300), (all, cut) => {
      // The gateways' clocks agree well enough that parts follow one another.
      const inOrder = all.toSorted((a, b) => a.atMs - b.atMs)
      const [head, tail] = [inOrder.slice(0, cut), inOrder.slice(cut)]
      const parts = measuredTogether(measured(...head), measured(...tail))
      const whole = measuredTogether(nothingMeasured(), measured(...inOrder))
      expect(parts).toEqual(whole)
      expect(parts.periods.length).toBeLessThanOrEqual(28)
      expect(parts.latencies.length).toBeLessThanOrEqual(100)
    }),
  )
})

test('an answer from before a clock was set back is counted in its own period', () => {
  const all = measured(
    ...answers(1, true, noonMs),
    ...answers(1, false, noonMs - DAY_MS),
    ...answers(1, true, noonMs - DAY_MS),
  )
  expect(all.periods.map(([, delivered, failed]) => [delivered, failed])).toEqual([
    [1, 1],
    [1, 0],
  ])
  expect(all.checkedAtMs).toBe(noonMs)
})
