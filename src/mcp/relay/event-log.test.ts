import { expect, test } from 'vitest'
import { createEventLogs } from './event-log.js'

const text = 'x'.repeat(100)
const numbersIn = (log: ReturnType<ReturnType<typeof createEventLogs>>) =>
  log.after(1, 0)?.map(({ number }) => number)

test('a log that fills all of them forgets its own oldest, and says that it did', () => {
  const open = createEventLogs(250)
  const [quiet, loud] = [open(), open()]
  quiet.add({ stream: 1, number: 1, text })
  for (const number of [1, 2, 3]) loud.add({ stream: 1, number, text })
  expect(numbersIn(quiet)).toEqual([1])
  expect(numbersIn(loud)).toBeUndefined()
  expect(loud.after(1, 2)?.map(({ number }) => number)).toEqual([3])
})

test('a log that was closed keeps nothing, and leaves its room to the others', () => {
  const open = createEventLogs(250)
  const [gone, next] = [open(), open()]
  gone.add({ stream: 1, number: 1, text })
  gone.close()
  gone.add({ stream: 1, number: 2, text })
  expect(gone.has(1)).toBe(false)
  for (const number of [1, 2]) next.add({ stream: 1, number, text })
  expect(numbersIn(next)).toEqual([1, 2])
})

test('an event that is longer than all may be is not kept', () => {
  const log = createEventLogs(50)()
  log.add({ stream: 1, number: 1, text })
  expect(log.has(1)).toBe(false)
  expect(numbersIn(log)).toBeUndefined()
})
