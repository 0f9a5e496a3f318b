import { expect, test } from 'vitest'
import { createSlots } from './slots.js'

test('a key past its most is told to wait, and another key still gets in', () => {
  const slots = createSlots({ perKey: 2, overall: 10 })
  slots.enter('key_a')
  const leave = slots.enter('key_a')
  expect(() => slots.enter('key_a')).toThrow(
    expect.objectContaining({ code: 'busy', status: 429, retryAfterMs: 1_000 }),
  )
  slots.enter('key_b')
  leave()
  slots.enter('key_a')
  expect(slots.inFlight()).toBe(3)
})

test('past what the gateway carries everybody is told to wait', () => {
  const slots = createSlots({ perKey: 10, overall: 2 })
  slots.enter('key_a')
  slots.enter('key_b')
  expect(() => slots.enter('key_c')).toThrow(expect.objectContaining({ code: 'busy', status: 503 }))
})

test('a refused call takes no slot', () => {
  const slots = createSlots({ perKey: 1, overall: 5 })
  const leave = slots.enter('key_a')
  for (let i = 0; i < 20; i++) expect(() => slots.enter('key_a')).toThrow()
  expect(slots.inFlight()).toBe(1)
  leave()
  expect(slots.inFlight()).toBe(0)
})

test('a drain takes no new calls and ends when the last one has left', async () => {
  const slots = createSlots({ perKey: 5, overall: 5 })
  const [leaveFirst, leaveLast] = [slots.enter('key_a'), slots.enter('key_a')]
  const ended: string[] = []
  const drains = [1, 2].map((i) => slots.drain().then(() => ended.push(`drain ${i}`)))
  expect(slots.isDraining()).toBe(true)
  expect(() => slots.enter('key_b')).toThrow(expect.objectContaining({ code: 'busy', status: 503 }))
  leaveFirst()
  await Promise.resolve()
  expect(ended).toEqual([])
  leaveLast()
  await Promise.all(drains)
  expect(ended).toEqual(['drain 1', 'drain 2'])
})

test('a drain of an idle gateway ends at once', async () => {
  const slots = createSlots({ perKey: 5, overall: 5 })
  expect(slots.isDraining()).toBe(false)
  await slots.drain()
})
