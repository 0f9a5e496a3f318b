import { expect, test } from 'vitest'
import { GONE } from './postings.js'
import { createSequences } from './sequences.js'

test('a text is what it was last set to; one that was never set has no words', () => {
  const texts = createSequences()
  texts.set(2, [7, 8, 9])
  texts.set(0, [5])
  texts.set(2, [6])
  expect([0, 1, 2, 3].map((text) => [...texts.of(text)])).toEqual([[5], [], [6], []])
})

test('a fold keeps what has a number, and no word of the past', () => {
  const texts = createSequences()
  for (let round = 0; round < 100; round++) texts.set(1, [round, round + 1])
  texts.set(3, [4])
  const folded = texts.fold(Uint32Array.from([GONE, 1, GONE, 0, 2]))
  expect(folded.words.length).toBe(3)
  const after = createSequences(folded)
  expect([0, 1, 2].map((text) => [...after.of(text)])).toEqual([[4], [99, 100], []])
})

test('what was stored stays as it is, since it may be on its way into the file', () => {
  const before = createSequences()
  before.set(0, [1, 2])
  const stored = before.fold(Uint32Array.of(0))
  createSequences(stored).set(0, [3])
  expect([...createSequences(stored).of(0)]).toEqual([1, 2])
})
