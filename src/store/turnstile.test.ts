import { expect, test } from 'vitest'
import { createTurnstile } from './turnstile.js'

/** Work that is inside until it is let out. */
function aVisit(log: string[], name: string) {
  let leave: () => void = () => {}
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const work = async () => {
    log.push(`${name} in`)
    await left
    log.push(`${name} out`)
    return name
  }
  return { work, leave }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

test('one is inside at a time, in the order of arrival, whoever is ready first', async () => {
  const turnstile = createTurnstile()
  const log: string[] = []
  const visits = ['a', 'b', 'c'].map((name) => aVisit(log, name))
  const passes = visits.map(({ work }) => turnstile.pass(work))
  visits[2]!.leave()
  visits[1]!.leave()
  await nextTurn()
  expect(log).toEqual(['a in'])
  visits[0]!.leave()
  expect(await Promise.all(passes)).toEqual(['a', 'b', 'c'])
  expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
})

test('work that fails leaves, and the next one comes in', async () => {
  const turnstile = createTurnstile()
  const failing = turnstile.pass(async () => {
    throw new Error('no')
  })
  const throwing = turnstile.pass(() => {
    throw new Error('not even a promise')
  })
  const after = turnstile.pass(async () => 'in')
  await expect(failing).rejects.toThrow('no')
  await expect(throwing).rejects.toThrow('not even a promise')
  expect(await after).toBe('in')
})

test('nobody is passed by, even while others keep arriving', async () => {
  const turnstile = createTurnstile()
  let isLate = false
  const crowd = async (left: number): Promise<void> => {
    if (left === 0 || isLate) return
    await turnstile.pass(async () => {
      void crowd(left - 1)
      await nextTurn()
    })
  }
  const first = crowd(1_000)
  await turnstile.pass(async () => {
    isLate = true
  })
  await first
  expect(isLate).toBe(true)
})
