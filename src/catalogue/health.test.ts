import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Finding, type Health, nextSlotMs, nextStep, probeEveryMs } from './health.js'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const noonMs = Date.UTC(2026, 0, 15, 12)
const slotMs = noonMs + 14 * MINUTE_MS

const healthy: Health = {
  failures: 0,
  failingSinceMs: null,
  witnesses: 0,
  pausedAtMs: null,
  resumeAtMs: null,
  resumedAtMs: null,
  pauses: 0,
}

const failing = (failures: number, forMs: number, changes: Partial<Health> = {}): Health => ({
  ...healthy,
  failures,
  failingSinceMs: noonMs - forMs,
  ...changes,
})

const next = (health: Health, finding: Finding) => nextStep(health, finding, noonMs, slotMs)

describe('a listing on sale', () => {
  test('that works is looked at in its next slot', () => {
    expect(next(healthy, 'up')).toEqual({ move: 'none', dueAtMs: slotMs })
    expect(next(healthy, 'untold')).toEqual({ move: 'none', dueAtMs: slotMs })
  })

  test('that fails is looked at again soon, unless looking says nothing', () => {
    const soon = { move: 'none', dueAtMs: noonMs + 3 * MINUTE_MS }
    expect(next(failing(1, 0), 'down')).toEqual(soon)
    for (const finding of ['later', 'untold'] as const) {
      expect(next(failing(1, 0), finding)).toEqual({ move: 'none', dueAtMs: slotMs })
    }
  })

  test.each([
    ['too few', failing(4, HOUR_MS)],
    ['too short', failing(400, 10 * MINUTE_MS - 1)],
  ])('is not paused for failures that are %s', (_, health) => {
    expect(next(health, 'down').move).toBe('none')
  })

  test('is paused for five failures over ten minutes, the last of them a probe', () => {
    const health = failing(5, 10 * MINUTE_MS)
    const pause = { move: 'pause', resumeAtMs: noonMs + 5 * MINUTE_MS, pauses: 1 }
    expect(next(health, 'down')).toEqual(pause)
    expect(next(health, 'up').move).toBe('none')
    expect(next(health, 'later').move).toBe('none')
  })

  test('that no probe can tell of is paused only when two accounts saw it fail', () => {
    expect(next(failing(50, HOUR_MS, { witnesses: 1 }), 'untold').move).toBe('none')
    expect(next(failing(50, HOUR_MS, { witnesses: 2 }), 'untold').move).toBe('pause')
  })

  test('that fails again within a day is paused twice as long each time, at most six hours', () => {
    const minutes: number[] = []
    let health = failing(5, HOUR_MS)
    for (let i = 0; i < 9; i++) {
      const step = next(health, 'down')
      if (step.move !== 'pause') throw new Error(`it is not paused: ${step.move}`)
      minutes.push((step.resumeAtMs - noonMs) / MINUTE_MS)
      health = failing(5, HOUR_MS, { resumedAtMs: noonMs - HOUR_MS, pauses: step.pauses })
    }
    expect(minutes).toEqual([5, 10, 20, 40, 80, 160, 320, 360, 360])
    const calm = { ...health, resumedAtMs: noonMs - 24 * HOUR_MS }
    expect(next(calm, 'down')).toMatchObject({ pauses: 1 })
  })
})

describe('a listing that is paused for its health', () => {
  const paused = (sinceMs: number, restMs: number): Health =>
    failing(5, HOUR_MS, { pausedAtMs: noonMs - sinceMs, resumeAtMs: noonMs + restMs, pauses: 1 })

  test.each(['up', 'untold'] as const)(
    'comes back when its time is over and it is %s',
    (finding) => {
      expect(next(paused(5 * MINUTE_MS, 0), finding).move).toBe('resume')
      expect(next(paused(MINUTE_MS, MINUTE_MS), finding).move).toBe('none')
    },
  )

  test.each(['down', 'later'] as const)('stays so while it is %s', (finding) => {
    expect(next(paused(HOUR_MS, 0), finding).move).toBe('none')
  })

  test('does not stay so until a time that a clock ahead of this one set', () => {
    expect(next(paused(-365 * 24 * HOUR_MS, 366 * 24 * HOUR_MS), 'up').move).toBe('resume')
  })

  test('is looked at less and less often, at least each hour', () => {
    const waits = [1, 20, 300].map((minutes) => {
      const step = next(paused(minutes * MINUTE_MS, 0), 'down')
      return step.move === 'none' && (step.dueAtMs - noonMs) / MINUTE_MS
    })
    expect(waits).toEqual([5, 20, 60])
  })
})

describe('the interval', () => {
  test('is a quarter of an hour, unless the seller says otherwise', () => {
    expect(probeEveryMs({}, {})).toBe(15 * MINUTE_MS)
    expect(probeEveryMs({ every_minutes: 5 }, { per_day: 10 })).toBe(5 * MINUTE_MS)
  })

  test('takes at most one call of a hundred from what a listing allows a day', () => {
    expect(probeEveryMs({}, { per_day: 50 })).toBe(24 * HOUR_MS)
    expect(probeEveryMs({}, { per_day: 1_000 })).toBe(2.4 * HOUR_MS)
    expect(probeEveryMs({}, { per_day: 1_000_000 })).toBe(15 * MINUTE_MS)
  })

  test('has a place for each listing, at least a third of it away and never further than it is long', () => {
    const everyMs = fc.integer({ min: 5 * MINUTE_MS, max: 24 * HOUR_MS })
    const atMs = fc.integer({ min: noonMs, max: noonMs + 48 * HOUR_MS })
    fc.assert(
      fc.property(fc.string(), atMs, everyMs, (slug, nowMs, every) => {
        const slot = nextSlotMs(slug, nowMs, every)
        expect(slot - nowMs).toBeGreaterThanOrEqual(Math.floor(every / 3))
        expect(slot - nowMs).toBeLessThanOrEqual(every + every / 3 + 1)
        expect(Math.abs(nextSlotMs(slug, slot, every) - slot - every)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('spreads listings that come at once evenly over itself', () => {
    const perMinute = new Array<number>(15).fill(0)
    for (let i = 0; i < 3_000; i++) {
      const afterMs = nextSlotMs(`wiki-${i}`, noonMs, 15 * MINUTE_MS) - noonMs - 5 * MINUTE_MS
      perMinute[Math.min(14, Math.floor(afterMs / MINUTE_MS))]!++
    }
    expect(Math.max(...perMinute)).toBeLessThan(280)
    expect(Math.min(...perMinute)).toBeGreaterThan(130)
  })
})
