import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRounds } from './rounds.js'

/** Work that ends when it is told, and what of it is on. */
function held() {
  const ends: (() => void)[] = []
  const on = new Set<string>()
  const begun: string[] = []
  const work = async (id: string) => {
    expect(on).not.toContain(id)
    on.add(id)
    begun.push(id)
    await new Promise<void>((resolve) => ends.push(resolve))
    on.delete(id)
  }
  return { work, begun, endFirst: () => ends.shift()!() }
}

test('one thing is worked on once at a time, and those who wait share the next round', async () => {
  const { work, begun, endFirst } = held()
  const rounds = createRounds(work)
  const first = rounds.run('a')
  const others = [rounds.run('a'), rounds.run('a')]
  expect(begun).toEqual(['a'])
  endFirst()
  await first
  await turn()
  expect(begun).toEqual(['a', 'a'])
  endFirst()
  await Promise.all(others)
  expect(begun).toEqual(['a', 'a'])
})

test('many things are worked on at once', async () => {
  const { work, begun, endFirst } = held()
  const rounds = createRounds(work)
  const both = [rounds.run('a'), rounds.run('b')]
  expect(begun).toEqual(['a', 'b'])
  endFirst()
  endFirst()
  await Promise.all(both)
})

test('a round that fails fails those who asked for it, and not the next one', async () => {
  let count = 0
  const rounds = createRounds(async () => {
    if (++count === 1) throw new Error('the first fails')
  })
  const first = rounds.run('a')
  const next = rounds.run('a')
  await expect(first).rejects.toThrow('the first fails')
  await next
  expect(count).toBe(2)
})

test('closing waits for what is on, and begins nothing', async () => {
  const { work, begun, endFirst } = held()
  const rounds = createRounds(work)
  const first = rounds.run('a')
  const next = rounds.run('a')
  const closing = rounds.close()
  endFirst()
  await Promise.all([first, next, closing, rounds.run('b')])
  expect(begun).toEqual(['a'])
})
