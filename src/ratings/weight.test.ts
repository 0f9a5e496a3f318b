import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { opinionOf, weightOf } from './weight.js'

const usdc = (amount: number) => BigInt(Math.round(amount * 1e9))

describe('the weight of a buyer', () => {
  test('is what the doc says at its corners', () => {
    const at = [0, 0.1, 1, 10].map((amount) => weightOf(usdc(amount)))
    expect(at.map((weight) => Math.round(weight * 10) / 10)).toEqual([0, 0.5, 3.3, 6.6])
  })

  test('never falls with what it paid, and stops growing at 10 USDC', () => {
    const amount = fc.bigInt({ min: 0n, max: usdc(1_000_000) })
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        expect(weightOf(less)).toBeLessThanOrEqual(weightOf(more))
        expect(weightOf(more)).toBeLessThanOrEqual(weightOf(usdc(10)))
      }),
    )
  })

  test('is less for accounts that share a spend below 0.1 USDC than for one that paid it', () => {
    const spend = fc.bigInt({ min: 1_000n, max: usdc(0.1) })
    fc.assert(
      fc.property(spend, fc.integer({ min: 2, max: 1_000 }), (all, accounts) => {
        expect(accounts * weightOf(all / BigInt(accounts))).toBeLessThan(weightOf(all))
      }),
    )
  })
})

describe('an opinion', () => {
  test('has the plain sum and number of all marks', () => {
    const voices = [
      { sum: 9, count: 2, spent: 0n },
      { sum: 1, count: 1, spent: usdc(5) },
    ]
    expect(opinionOf(voices)).toMatchObject({ sum: 10, count: 3 })
  })

  test('weighs a buyer once, by the mean of its marks', () => {
    const once = opinionOf([{ sum: 4, count: 1, spent: usdc(1) }])
    const often = opinionOf([{ sum: 40, count: 10, spent: usdc(1) }])
    expect({ ...often, sum: 4, count: 1 }).toEqual(once)
  })

  test('of nobody is none', () => {
    expect(opinionOf([])).toEqual({ sum: 0, count: 0, weight: 0, weighted: 0 })
  })
})
