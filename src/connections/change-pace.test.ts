import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { paced } from './change-pace.js'

const SECOND_MS = 1_000
const HOUR_MS = 3_600 * SECOND_MS

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

function aPace() {
  const stopping = new AbortController()
  let told = 0
  const changed = paced(() => told++, stopping.signal)
  const keepSaying = (ms: number) => {
    for (let at = 0; at < ms; at += SECOND_MS / 2) {
      changed()
      vi.advanceTimersByTime(SECOND_MS / 2)
    }
  }
  return { changed, keepSaying, stopping, told: () => told }
}

test('a change is told at once, and those of the next second together after it', () => {
  const { changed, told } = aPace()
  for (let i = 0; i < 5; i++) changed()
  expect(told()).toBe(1)
  vi.advanceTimersByTime(SECOND_MS)
  expect(told()).toBe(2)
  vi.advanceTimersByTime(HOUR_MS)
  expect(told()).toBe(2)
})

test('a server that never stops is heard about once a minute', () => {
  const { keepSaying, told } = aPace()
  keepSaying(HOUR_MS)
  expect(told()).toBeGreaterThan(60)
  expect(told()).toBeLessThanOrEqual(20 + 60 + 1)
})

test('one that stopped for a while is heard at once again', () => {
  const { changed, keepSaying, told } = aPace()
  keepSaying(HOUR_MS)
  vi.advanceTimersByTime(HOUR_MS)
  const before = told()
  changed()
  expect(told()).toBe(before + 1)
})

test('nothing is told after the end', () => {
  const { changed, stopping, told } = aPace()
  changed()
  changed()
  stopping.abort()
  vi.advanceTimersByTime(HOUR_MS)
  expect(told()).toBe(1)
})
