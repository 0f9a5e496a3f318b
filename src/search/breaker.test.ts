import { expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { createBreaker } from './breaker.js'

function aBreaker() {
  const clock = handClock()
  const told: string[] = []
  const watch = {
    away: (error: unknown) => told.push(`away ${error}`),
    back: () => told.push('back'),
  }
  return { clock, told, breaker: createBreaker(clock, watch) }
}

test('what works is tried each time', () => {
  const { breaker, told } = aBreaker()
  for (let round = 0; round < 3; round++) {
    expect(breaker.mayTry()).toBe(true)
    breaker.worked()
  }
  expect(told).toEqual([])
})

test('after a failure nobody tries for a second, then one does', () => {
  const { breaker, clock } = aBreaker()
  breaker.failed('x')
  clock.advance(999)
  expect(breaker.mayTry()).toBe(false)
  clock.advance(1)
  expect([breaker.mayTry(), breaker.mayTry()]).toEqual([true, false])
})

test('pauses double up to half a minute, and a success ends them', () => {
  const { breaker, clock } = aBreaker()
  const pauses = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
  for (const pause of pauses) {
    breaker.failed('x')
    clock.advance(pause - 1)
    expect(breaker.mayTry()).toBe(false)
    clock.advance(1)
    expect(breaker.mayTry()).toBe(true)
  }
  breaker.worked()
  expect([breaker.mayTry(), breaker.mayTry()]).toEqual([true, true])
})

test('the first failure and the return are told, and nothing between', () => {
  const { breaker, told } = aBreaker()
  for (const error of ['x', 'y', 'z']) breaker.failed(error)
  breaker.worked()
  breaker.worked()
  expect(told).toEqual(['away x', 'back'])
})
