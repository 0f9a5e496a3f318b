import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { qualityOf } from './quality.js'
import type { Standing } from './search.js'

const unknown: Standing = {
  endpointId: 'a.b',
  score: null,
  rating: null,
  ratings: 0,
  uptime: null,
  latencyMs: null,
  calls: 0,
}

describe('the quality of an endpoint', () => {
  test('is neutral while nothing is known', () => {
    expect(qualityOf(unknown)).toBe(0)
  })

  test('rises with the rating, more so the more gave it', () => {
    const rated = (rating: number, ratings: number) => qualityOf({ ...unknown, rating, ratings })
    expect(rated(5, 1)).toBeGreaterThan(0)
    expect(rated(5, 50)).toBeGreaterThan(rated(5, 1))
    expect(rated(5, 1)).toBeLessThan(rated(4, 50))
    expect(rated(1, 50)).toBeLessThan(rated(1, 1))
  })

  test('rises with uptime and falls with latency, once there were calls', () => {
    const called = (uptime: number, latencyMs: number, calls = 100) =>
      qualityOf({ ...unknown, uptime, latencyMs, calls })
    expect(called(1, 200)).toBeGreaterThan(called(0.96, 200))
    expect(called(1, 200)).toBeGreaterThan(called(1, 4_000))
    expect(called(0.5, 200)).toBeLessThan(0)
    expect(called(1, 200, 1)).toBeLessThan(called(1, 200, 100))
  })

  test('stays between -1 and 1', () => {
    const standing = fc.record<Standing>({
      endpointId: fc.constant('a.b'),
      score: fc.constant(null),
      rating: fc.option(fc.double({ min: 1, max: 5, noNaN: true })),
      ratings: fc.nat(),
      uptime: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      latencyMs: fc.option(fc.nat()),
      calls: fc.nat(),
    })
    fc.assert(
      fc.property(standing, (any) => {
        expect(Math.abs(qualityOf(any))).toBeLessThanOrEqual(1)
      }),
    )
  })
})
