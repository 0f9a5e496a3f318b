import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPostings, type FoldedPostings, GONE, type Postings } from './postings.js'

const scoresOf = (postings: Postings, word: number, documents = 64) => {
  const into = {
    values: new Float32Array(documents),
    touched: new Uint32Array(documents),
    count: 0,
  }
  postings.score(word, 1, into)
  const found = [...into.touched.subarray(0, into.count)].sort((a, b) => a - b)
  return new Map(found.map((document) => [document, into.values[document]!]))
}

function foldedBy(postings: Postings, numbers: Uint32Array): FoldedPostings {
  const folding = postings.fold(numbers)
  for (;;) {
    const step = folding.next()
    if (step.done) return step.value
  }
}

test('a word is found with its strength in each document that has it, to a thousandth', () => {
  const postings = createPostings()
  postings.add(3, 7, 0.25)
  postings.add(3, 9, 1)
  postings.add(4, 9, 0)
  expect([...scoresOf(postings, 3).keys()]).toEqual([7, 9])
  expect(scoresOf(postings, 3).get(7)).toBeCloseTo(0.25, 3)
  expect(scoresOf(postings, 3).get(9)).toBeCloseTo(1, 2)
  expect(scoresOf(postings, 4).get(9)).toBeGreaterThan(0)
  expect(scoresOf(postings, 5).size).toBe(0)
  expect([3, 4, 5].map(postings.frequencyOf)).toEqual([2, 1, 0])
})

const entries = fc.uniqueArray(fc.tuple(fc.nat({ max: 8 }), fc.nat({ max: 63 })), {
  selector: ([word, document]) => word * 64 + document,
})

test('a fold changes nothing but the numbers, and drops what is gone', () => {
  fc.assert(
    fc.property(entries, entries, fc.uniqueArray(fc.nat({ max: 63 })), (first, second, gone) => {
      const renumbered = new Uint32Array(64)
      let next = 0
      for (let n = 0; n < 64; n++) renumbered[n] = gone.includes(n) ? GONE : next++
      const whole = createPostings()
      for (const [word, document] of first) whole.add(word, document, 0.5)
      const same = Uint32Array.from({ length: 64 }, (_, n) => n)
      const folded = createPostings(foldedBy(whole, same))
      const known = new Set(first.map(([word, document]) => word * 64 + document))
      for (const [word, document] of second) {
        if (!known.has(word * 64 + document)) folded.add(word, document, 0.5)
      }
      const after = createPostings(foldedBy(folded, renumbered))
      for (let word = 0; word <= 8; word++) {
        const left = [...scoresOf(folded, word)].filter(([document]) => !gone.includes(document))
        const expected = left.map(([document, score]) => [renumbered[document], score])
        expect([...scoresOf(after, word)]).toEqual(expected)
        expect(after.frequencyOf(word)).toBe(left.length)
      }
    }),
  )
})

test('strengths are collected for the documents that have a place', () => {
  const postings = createPostings()
  postings.add(1, 5, 0.5)
  postings.add(1, 6, 0.25)
  const of = new Uint32Array(10)
  of[6] = 2
  const into = new Float32Array(4)
  postings.collect(1, { of, stride: 2, offset: 1, worth: 1 }, into)
  expect([...into].map((value) => value > 0)).toEqual([false, false, false, true])
  expect(into[3]).toBeCloseTo(0.25, 3)
})
