import { expect, test } from 'vitest'
import { groupCommit } from './group-commit.js'
import { createTurnstile } from './turnstile.js'

type Flushed = { batches: number[][]; inside: number; most: number }

/** A group commit whose flushes are recorded, and answer each number with its tenfold. */
function recorded(answer: (units: readonly number[]) => readonly (number | Error)[]) {
  const flushed: Flushed = { batches: [], inside: 0, most: 0 }
  const turnstile = createTurnstile()
  const queue = groupCommit<number, number>({
    turnstile,
    flush: async (units) => {
      flushed.most = Math.max(flushed.most, ++flushed.inside)
      flushed.batches.push([...units])
      // Longer than a turn, so that flushes can meet.
      await nextTurn()
      await nextTurn()
      flushed.inside--
      return answer(units)
    },
  })
  return { queue, flushed, turnstile }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
const tenfold = (units: readonly number[]) => units.map((unit) => unit * 10)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

test('callers of one turn of the event loop share a flush, in order', async () => {
  const { queue, flushed } = recorded(tenfold)
  const outcomes = await Promise.all(upTo(10).map(queue.submit))
  expect(outcomes).toEqual(upTo(10).map((unit) => unit * 10))
  expect(flushed.batches).toEqual([upTo(10)])
})

test('a flush takes at most 64, and the rest follow in order', async () => {
  const { queue, flushed } = recorded(tenfold)
  const submitted = upTo(150).map(queue.submit)
  expect(queue.waiting()).toBe(150)
  await Promise.all(submitted)
  expect(flushed.batches.map(({ length }) => length)).toEqual([64, 64, 22])
  expect(flushed.batches.flat()).toEqual(upTo(150))
  expect(queue.waiting()).toBe(0)
})

test('callers that arrive during a flush are sent on without waiting for it', async () => {
  const { queue, flushed } = recorded(tenfold)
  const first = queue.submit(1)
  while (flushed.inside === 0) await nextTurn()
  const later = [2, 3].map(queue.submit)
  await nextTurn()
  expect(flushed).toMatchObject({ batches: [[1], [2, 3]], most: 2 })
  expect(await Promise.all([first, ...later])).toEqual([10, 20, 30])
})

test('in a long turn the writer gets work before its end', async () => {
  const { queue, flushed } = recorded(tenfold)
  const first = queue.submit(100)
  while (flushed.inside === 0) await nextTurn()
  const later = upTo(20).map(queue.submit)
  expect(flushed.batches).toEqual([[100], upTo(8), upTo(16).slice(8)])
  await Promise.all([first, ...later])
  expect(flushed.batches.flat()).toEqual([100, ...upTo(20)])
})

test('a caller who comes back after each answer does not starve another', async () => {
  const { queue, flushed } = recorded(tenfold)
  const eager = async () => {
    for (const unit of upTo(20)) await queue.submit(unit)
  }
  const others = upTo(100).map((unit) => queue.submit(1_000 + unit))
  await Promise.all([eager(), ...others])
  expect(flushed.batches.flat()).toHaveLength(120)
})

test('a unit whose outcome is an error is rejected alone', async () => {
  const { queue } = recorded((units) => units.map((unit) => (unit === 1 ? new Error('one') : unit)))
  const outcomes = await Promise.allSettled([0, 1, 2].map(queue.submit))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a flush that fails rejects its units, and later ones are flushed', async () => {
  let fails = true
  const { queue } = recorded((units) => {
    if (fails) throw new Error('the disk')
    return tenfold(units)
  })
  const outcomes = await Promise.allSettled([1, 2].map(queue.submit))
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  fails = false
  expect(await queue.submit(3)).toBe(30)
})

test('a flush waits for who is inside the turnstile', async () => {
  const { queue, flushed, turnstile } = recorded(tenfold)
  let leave: () => void = () => {}
  const inside = turnstile.pass(
    () =>
      new Promise<void>((resolve) => {
        leave = resolve
      }),
  )
  const submitted = queue.submit(1)
  await nextTurn()
  await nextTurn()
  expect(flushed.batches).toEqual([])
  leave()
  await inside
  expect(await submitted).toBe(10)
})

test('who waits at the turnstile comes in, however much keeps coming', async () => {
  const { queue, flushed, turnstile } = recorded(tenfold)
  let isIn = false
  let units = 0
  const caller = async () => {
    while (!isIn) await queue.submit(units++)
  }
  const callers = Array.from({ length: 20 }, caller)
  while (flushed.batches.length < 5) await nextTurn()
  const visit = turnstile.pass(async () => {
    expect(flushed.inside).toBe(0)
    isIn = true
  })
  await Promise.all([visit, ...callers])
  expect(flushed.batches.flat()).toEqual(upTo(units))
})

test('what was scheduled while it was inside is not sent after it has left', async () => {
  const turnstile = createTurnstile()
  const answers: (() => void)[] = []
  let isOtherInside = false
  const queue = groupCommit<number, number>({
    turnstile,
    flush: (units) =>
      new Promise((resolve) => {
        expect(isOtherInside).toBe(false)
        answers.push(() => resolve(units))
      }),
  })
  const first = queue.submit(1)
  while (answers.length === 0) await nextTurn()
  let leave: () => void = () => {}
  const other = turnstile.pass(async () => {
    isOtherInside = true
    await new Promise<void>((resolve) => {
      leave = resolve
    })
    isOtherInside = false
  })
  const second = queue.submit(2)
  answers[0]!()
  expect(await first).toBe(1)
  await nextTurn()
  expect([isOtherInside, answers.length]).toEqual([true, 1])
  leave()
  await other
  while (answers.length === 1) await nextTurn()
  answers[1]!()
  expect(await second).toBe(2)
  expect(await turnstile.pass(async () => 'in')).toBe('in')
  await queue.settled()
})

test('it has settled when all that was submitted is flushed', async () => {
  const { queue, flushed } = recorded(tenfold)
  const submitted = upTo(100).map(queue.submit)
  await queue.settled()
  expect(flushed.batches.flat()).toHaveLength(100)
  await Promise.all(submitted)
  await queue.settled()
})
