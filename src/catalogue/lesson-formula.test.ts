import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { type Credit, createTally, strongest, voiceOf } from './lesson-formula.js'

const NOW_EPOCH = 600
const usdc = (amount: number) => nanos(BigInt(Math.round(amount * 1e9)))

function aCredit(changes: Partial<Credit> = {}): Credit {
  const full = { epoch: NOW_EPOCH, percent: 100, spent: usdc(1) }
  return { endpointId: 'met.now', buyerId: 'acct_a', ...full, ...changes }
}

function strengthsOf(credits: readonly Credit[], nowEpoch = NOW_EPOCH) {
  const tally = createTally(nowEpoch)
  for (const credit of credits) tally.add(credit)
  return tally.strengths()
}

const buyers = (count: number, changes: Partial<Credit> = {}) =>
  Array.from({ length: count }, (_, i) =>
    aCredit({ buyerId: `${changes.endpointId ?? ''}_${i}`, ...changes }),
  )

describe('what a buyer counts', () => {
  test.each([
    [{}, 1],
    [{ spent: usdc(50) }, 1],
    [{ spent: usdc(0.25) }, 0.25],
    [{ spent: usdc(0.009) }, 0],
    [{ percent: 50 }, 0.5],
    [{ percent: -100 }, -1],
    [{ epoch: NOW_EPOCH - 3 }, 0.5],
    [{ epoch: NOW_EPOCH - 12 }, 0.0625],
    [{ epoch: NOW_EPOCH - 13 }, 0],
    [{ epoch: NOW_EPOCH + 1 }, 1],
  ])('of %o is %d', (changes, voice) => {
    expect(voiceOf(aCredit(changes), NOW_EPOCH)).toBeCloseTo(voice, 9)
  })
})

describe('the strength of a word', () => {
  test('is nothing until three buyers bought after it', () => {
    expect(strengthsOf(buyers(2))).toEqual(new Map())
    expect(strengthsOf(buyers(3)).get('met.now')).toBeCloseTo(3 / 3.5, 4)
  })

  test('is shared by the endpoints that were bought after it', () => {
    const strengths = strengthsOf([...buyers(9), ...buyers(3, { endpointId: 'sky.now' })])
    expect(strengths.get('met.now')).toBeCloseTo((9 / 12) * (9 / 9.5), 4)
    expect(strengths.get('sky.now')).toBeCloseTo((3 / 12) * (3 / 3.5), 4)
  })

  test('goes when its buyers are disappointed', () => {
    const disappointed = buyers(4, { percent: -50, epoch: NOW_EPOCH })
    const pleased = buyers(3).map((it, i) => ({ ...it, buyerId: `other_${i}` }))
    expect(strengthsOf([...pleased, ...disappointed]).get('met.now')).toBeCloseTo(1 / 1.5, 4)
    expect(strengthsOf([...pleased.slice(1), ...disappointed]).size).toBe(0)
  })

  test('is more than 0 and less than 1, whoever bought what', () => {
    const credit = fc.record({
      endpointId: fc.constantFrom('a.a', 'b.b', 'c.c'),
      buyerId: fc.constantFrom('1', '2', '3', '4', '5'),
      epoch: fc.integer({ min: NOW_EPOCH - 20, max: NOW_EPOCH + 1 }),
      percent: fc.constantFrom(100, 50, -50, -100),
      spent: fc.bigInt({ min: 0n, max: 10n ** 12n }).map(nanos),
    })
    fc.assert(
      fc.property(fc.array(credit), (credits) => {
        const values = [...strengthsOf(credits).values()]
        for (const value of values) expect(value).toBeGreaterThan(0)
        expect(values.reduce((sum, value) => sum + value, 0)).toBeLessThan(1)
      }),
    )
  })

  test('of an endpoint is never raised by splitting what was spent over more accounts', () => {
    const honest = buyers(5, { endpointId: 'sky.now' })
    const strengthWith = (accounts: number) => {
      const own = buyers(accounts, { spent: usdc(4 / accounts) })
      return strengthsOf([...honest, ...own]).get('met.now') ?? 0
    }
    for (const accounts of [8, 16, 100, 399]) {
      expect(strengthWith(accounts)).toBeLessThanOrEqual(strengthWith(4) + 1e-4)
    }
  })
})

test('an endpoint keeps its thirty-two strongest words', () => {
  const words = Array.from({ length: 40 }, (_, i) => [`word${i}`, (i + 1) / 50] as const)
  const kept = strongest(new Map(words))
  expect(Object.keys(kept)).toHaveLength(32)
  expect(kept).toHaveProperty('word39')
  expect(kept).not.toHaveProperty('word7')
})
