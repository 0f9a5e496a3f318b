import fc from 'fast-check'
import { expect, test } from 'vitest'
import { likingOf, NO_OPINION, type Opinion, scoreOf } from './opinion.js'

const opinion = (mark: number, weight: number): Opinion => ({
  ...{ sum: mark, count: 1 },
  ...{ weight, weighted: weight * mark },
})

const aMark = fc.double({ min: 1, max: 5, noNaN: true })
const aMean = fc.double({ min: 1.01, max: 4.99, noNaN: true })
const aWeight = fc.double({ min: 0, max: 1e6, noNaN: true })

test('nobody’s opinion has no score and lifts nothing', () => {
  expect(scoreOf(NO_OPINION, 4)).toBeNull()
  expect(likingOf(NO_OPINION, 4)).toBe(0)
})

test('a mark without weight has the mean of all for its score and lifts nothing', () => {
  fc.assert(
    fc.property(aMark, aMean, (mark, mean) => {
      expect(scoreOf(opinion(mark, 0), mean)).toBeCloseTo(mean)
      expect(likingOf(opinion(mark, 0), mean)).toBeCloseTo(0)
    }),
  )
})

test('a score lies between the mean of all and the marks, nearer to these the more they weigh', () => {
  fc.assert(
    fc.property(aMark, aMean, aWeight, aWeight, (mark, mean, a, b) => {
      const [light, heavy] = [Math.min(a, b), Math.max(a, b)]
      const distance = (weight: number) => Math.abs(scoreOf(opinion(mark, weight), mean)! - mark)
      expect(distance(heavy)).toBeLessThanOrEqual(distance(light) + 1e-9)
      expect(distance(light)).toBeLessThanOrEqual(Math.abs(mean - mark) + 1e-9)
    }),
  )
})

test('liking has the sign of what is above the mean, and stays between -1 and 1', () => {
  fc.assert(
    fc.property(aMark, aMean, aWeight, (mark, mean, weight) => {
      const liking = likingOf(opinion(mark, weight), mean)
      expect(Math.abs(liking)).toBeLessThanOrEqual(1)
      expect(liking * (mark - mean)).toBeGreaterThanOrEqual(-1e-9)
    }),
  )
})
