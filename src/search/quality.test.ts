import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { appealOf, qualityOf } from './quality.js'
import type { Standing } from './search.js'

const unknown: Standing = {
  endpointId: 'a.b',
  score: null,
  liking: 0,
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

  test('rises with how much it was called', () => {
    expect(qualityOf({ ...unknown, calls: 900 })).toBeGreaterThan(
      qualityOf({ ...unknown, calls: 9 }),
    )
  })

  test('rises with what buyers think, and not with the plain mean', () => {
    const liked = (liking: number) => qualityOf({ ...unknown, liking })
    expect(liked(0.4)).toBeGreaterThan(liked(0.1))
    expect(liked(-0.1)).toBeLessThan(0)
    expect(qualityOf({ ...unknown, rating: 5, ratings: 900 })).toBe(0)
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
      liking: fc.double({ min: -1, max: 1, noNaN: true }),
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

test('the appeal of an offer falls with its price and its age, by little', () => {
  const appeal = (maxTotal: bigint, ageMs: number) => appealOf({ maxTotal, ageMs })
  expect(appeal(0n, 0)).toBeGreaterThan(appeal(1_000_000_000n, 0))
  expect(appeal(0n, 0)).toBeGreaterThan(appeal(0n, 1e11))
  expect(appeal(0n, 0)).toBeCloseTo(0.1)
  expect(appeal(1_000_000_000n, 1e14)).toBeCloseTo(-0.05)
})
