import { expect, test } from 'vitest'
import { createBackOff } from './back-off.js'

test('waits double from a quarter of a second up to 30 s, and begin anew after a success', () => {
  const backOff = createBackOff()
  expect(backOff.waitMs()).toBe(0)
  const waits = Array.from({ length: 12 }, () => {
    backOff.failed()
    return Math.ceil(backOff.waitMs() / 250) * 250
  })
  expect(waits.slice(0, 7)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000])
  expect(waits.slice(7)).toEqual([30_000, 30_000, 30_000, 30_000, 30_000])
  backOff.succeeded()
  expect(backOff.waitMs()).toBe(0)
  backOff.failed()
  expect(Math.ceil(backOff.waitMs() / 250)).toBe(1)
})
