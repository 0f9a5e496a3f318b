import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepBest } from './best-of.js'

test('the best are kept in order, whatever order they come in', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat()), fc.nat({ max: 20 }), (numbers, most) => {
      const best = keepBest(most, (a, b) => a > b)
      for (const number of numbers) best.add(number)
      const expected = numbers.toSorted((a, b) => b - a).slice(0, most)
      expect(best.inOrder()).toEqual(expected)
      expect(best.last()).toBe(numbers.length < most ? undefined : expected.at(-1))
    }),
  )
})
