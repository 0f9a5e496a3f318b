import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chainHeads } from './chain.js'

const hash = (n: number) => n.toString(16).padStart(64, '0')

test('a chain starts at seq 0 and moves one step at a time', () => {
  const heads = chainHeads(10)
  heads.seed('a', undefined)
  expect(heads.at('a')).toEqual({ seq: 0, prev: null })
  heads.advance('a', hash(1))
  heads.advance('a', hash(2))
  expect(heads.at('a')).toEqual({ seq: 2, prev: hash(2) })
})

test('a chain that was never seeded, or was forgotten, cannot be continued', () => {
  const heads = chainHeads(10)
  expect(() => heads.advance('a', hash(1))).toThrow('seeded')
  heads.seed('a', { seq: 4, prev: hash(4) })
  heads.forget('a')
  expect(heads.has('a')).toBe(false)
  expect(() => heads.at('a')).toThrow('seeded')
})

test('a head in memory is not overwritten by a stored one that lags behind', () => {
  const heads = chainHeads(10)
  heads.seed('a', undefined)
  heads.advance('a', hash(1))
  heads.seed('a', undefined)
  expect(heads.at('a')).toEqual({ seq: 1, prev: hash(1) })
})

test('a stored head must be one that a chain can have', () => {
  const heads = chainHeads(10)
  expect(() => heads.seed('a', { seq: 1, prev: null })).toThrow()
  expect(() => heads.seed('a', { seq: 0, prev: hash(1) })).toThrow()
  expect(() => heads.seed('a', { seq: 1.5, prev: hash(1) })).toThrow()
})

test('steps taken back, in whatever order, leave the chain where the first of them began', () => {
  const order = fc
    .integer({ min: 1, max: 8 })
    .chain((n) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n }))
  fc.assert(
    fc.property(order, (steps) => {
      const heads = chainHeads(10)
      heads.seed('a', { seq: 5, prev: hash(5) })
      const undos = steps.map((_, i) => heads.advance('a', hash(6 + i)))
      for (const step of steps) undos[step]!()
      expect(heads.at('a')).toEqual({ seq: 5, prev: hash(5) })
    }),
  )
})

test('taking a step back does not bring back a head that was forgotten', () => {
  const heads = chainHeads(10)
  heads.seed('a', undefined)
  const undo = heads.advance('a', hash(1))
  heads.forget('a')
  undo()
  expect(heads.has('a')).toBe(false)
})

test('only so many heads are kept, and the one unused for longest goes first', () => {
  const heads = chainHeads(2)
  heads.seed('a', undefined)
  heads.seed('b', undefined)
  expect(heads.has('a')).toBe(true)
  heads.seed('c', undefined)
  expect([heads.has('a'), heads.has('b'), heads.has('c')]).toEqual([true, false, true])
})
