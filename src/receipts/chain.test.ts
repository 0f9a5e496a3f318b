import { expect, test } from 'vitest'
import { chainHeads, type Head } from './chain.js'

const hash = (n: number) => n.toString(16).padStart(64, '0')

/** Heads over a database of which every read is remembered. */
function overStored(stored: Record<string, Head>, limit = 10) {
  const reads: string[] = []
  const heads = chainHeads(limit, (buyer) => {
    reads.push(buyer)
    return stored[buyer]
  })
  return { heads, reads }
}

test('a chain starts at seq 0 and moves one step at a time', () => {
  const { heads } = overStored({})
  expect(heads.at('a')).toEqual({ seq: 0, prev: null })
  heads.advance('a', hash(1))
  heads.advance('a', hash(2))
  expect(heads.at('a')).toEqual({ seq: 2, prev: hash(2) })
})

test('a chain goes on from its stored head, which is read once', () => {
  const { heads, reads } = overStored({ a: { seq: 4, prev: hash(4) } })
  heads.advance('a', hash(5))
  expect(heads.at('a')).toEqual({ seq: 5, prev: hash(5) })
  expect(reads).toEqual(['a'])
})

test('what was forgotten is read again', () => {
  const stored = { a: { seq: 4, prev: hash(4) } }
  const { heads, reads } = overStored(stored)
  heads.advance('a', hash(5))
  heads.forget()
  expect(heads.at('a')).toEqual(stored.a)
  expect(reads).toEqual(['a', 'a'])
})

test('a stored head must be one that a chain can have', () => {
  const at = (head: Head) => overStored({ a: head }).heads.at('a')
  expect(() => at({ seq: 1, prev: null })).toThrow('only an empty chain')
  expect(() => at({ seq: 0, prev: hash(1) })).toThrow('only an empty chain')
  expect(() => at({ seq: 1.5, prev: hash(1) })).toThrow('whole number')
})

test('only so many heads are kept, and the one unused for longest goes first', () => {
  const { heads, reads } = overStored({}, 2)
  for (const buyer of ['a', 'b', 'a', 'c', 'a', 'b']) heads.at(buyer)
  expect(reads).toEqual(['a', 'b', 'c', 'b'])
})

test('a head that was asked for is not the next one to be dropped', () => {
  const { heads, reads } = overStored({}, 2)
  heads.learn('a', undefined)
  heads.learn('b', undefined)
  expect(heads.knows('a')).toBe(true)
  heads.learn('c', undefined)
  heads.at('a')
  expect(reads).toEqual([])
})
