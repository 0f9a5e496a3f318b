import { describe, expect, test } from 'vitest'
import type { Limits } from '#accounts'
import { nanos, parseUsdc } from '#core/money'
import { anOffer, aPrincipal, NO_LIMITS } from '../../test/support/an-offer.js'
import type { Quote } from './call.js'
import { counterProblem, countersFor, refuseAboveCallLimit } from './counters.js'

const NOON = Date.UTC(2026, 0, 15, 12)
const MIDNIGHT = Date.UTC(2026, 0, 16)

/** A buyer whose account has these limits, and whose key has none. */
function ofAccount(limits: Limits) {
  const principal = aPrincipal()
  return { ...principal, account: { ...principal.account, limits } }
}

function quoteOf(total: string): Quote {
  const maxTotal = parseUsdc(total)
  return { maxCharge: maxTotal, maxFee: nanos(0n), maxTotal, id: undefined }
}

test('a key without limits and a listing without limits are counted nowhere', () => {
  expect(countersFor(aPrincipal(), anOffer(), quoteOf('1'), NOON)).toEqual([])
})

test('each limit of the key and of its ancestors counts the most that the buyer pays', () => {
  const principal = aPrincipal({ call: parseUsdc('1'), day: parseUsdc('5') }, NO_LIMITS, {
    month: parseUsdc('50'),
    lifetime: parseUsdc('500'),
  })
  const amount = parseUsdc('0.00105')
  expect(countersFor(principal, anOffer(), quoteOf('0.00105'), NOON)).toEqual([
    {
      scope: 'key:key_0',
      window: 'day:2026-01-15',
      kind: 'spend',
      amount,
      ceiling: parseUsdc('5'),
      endsAtMs: MIDNIGHT,
    },
    {
      scope: 'key:key_2',
      window: 'month:2026-01',
      kind: 'spend',
      amount,
      ceiling: parseUsdc('50'),
      endsAtMs: Date.UTC(2026, 1, 1),
    },
    {
      scope: 'key:key_2',
      window: 'lifetime',
      kind: 'spend',
      amount,
      ceiling: parseUsdc('500'),
      endsAtMs: null,
    },
  ])
})

test('the limits of the account count what all of its keys pay', () => {
  const principal = ofAccount({ day: parseUsdc('5') })
  expect(countersFor(principal, anOffer(), quoteOf('0.00105'), NOON)).toMatchObject([
    { scope: 'account:acct_buyer', window: 'day:2026-01-15', kind: 'spend', endsAtMs: MIDNIGHT },
  ])
})

test('a call that costs nothing counts on no spending limit', () => {
  const principal = aPrincipal({ day: nanos(0n), lifetime: nanos(0n) })
  expect(countersFor(principal, anOffer(), quoteOf('0'), NOON)).toEqual([])
})

test('the limits of a listing count attempts per window, and what is open', () => {
  const limits = { per_second: 2, per_minute: 30, per_day: 1000, concurrency: 4 }
  const counters = countersFor(aPrincipal(), anOffer({ limits }), quoteOf('1'), NOON + 1_500)
  const second = NOON / 1_000 + 1
  expect(
    counters.map(({ window, kind, ceiling, endsAtMs }) => [window, kind, ceiling, endsAtMs]),
  ).toEqual([
    [`per_second:${second}`, 'attempt', 2n, NOON + 2_000],
    [`per_minute:${NOON / 60_000}`, 'attempt', 30n, NOON + 60_000],
    ['per_day:2026-01-15', 'attempt', 1000n, MIDNIGHT],
    ['concurrency', 'open', 4n, null],
  ])
  expect(new Set(counters.map(({ scope }) => scope))).toEqual(new Set(['listing:lst_1']))
  expect(counters.every(({ amount }) => amount === 1n)).toBe(true)
})

test('free calls are counted per buyer account, endpoint and UTC day', () => {
  const offer = anOffer({ terms: { model: 'free', daily_cap: 3 } })
  expect(countersFor(aPrincipal(), offer, quoteOf('0'), NOON)).toEqual([
    {
      scope: 'free:acct_buyer:wiki.search',
      window: 'day:2026-01-15',
      kind: 'use',
      amount: 1n,
      ceiling: 3n,
      endsAtMs: MIDNIGHT,
    },
  ])
})

describe('the limit for one call', () => {
  test('lets a call through that costs exactly as much', () => {
    refuseAboveCallLimit(aPrincipal({ call: parseUsdc('0.5') }), quoteOf('0.5'))
  })

  test.each([
    ['the key', 'call', aPrincipal({ call: parseUsdc('0.5') })],
    ['an ancestor', 'call', aPrincipal(NO_LIMITS, { call: parseUsdc('0.5') })],
    ['the account', 'call of account', ofAccount({ call: parseUsdc('0.5') })],
  ])('of %s refuses a nano more', (_whose, scope, principal) => {
    expect(() => refuseAboveCallLimit(principal, quoteOf('0.500000001'))).toThrow(
      expect.objectContaining({
        code: 'limit_exceeded',
        facts: { scope, limit: '0.5' },
      }),
    )
  })
})

describe('a counter at its ceiling tells', () => {
  const problemOf = (
    principal: ReturnType<typeof aPrincipal>,
    offer: ReturnType<typeof anOffer>,
  ) => {
    const [counter] = countersFor(principal, offer, quoteOf('2'), NOON)
    return counterProblem(counter!, counter!.ceiling, { principal, nowMs: NOON })
  }

  test('a buyer which spending limit, how much of it is spent, and when it starts anew', () => {
    const problem = problemOf(aPrincipal({ day: parseUsdc('1.5') }), anOffer())
    expect(problem).toMatchObject({
      code: 'limit_exceeded',
      facts: { scope: 'day', limit: '1.5', spent: '1.5', resets_at: '2026-01-16T00:00:00.000Z' },
    })
  })

  test('a buyer that the limit is the account’s, which a key with a higher one does not help', () => {
    const problem = problemOf(ofAccount({ day: parseUsdc('1.5') }), anOffer())
    expect(problem.facts).toMatchObject({ scope: 'day of account', limit: '1.5', spent: '1.5' })
    expect(problem.action).toContain('operator')
  })

  test('a buyer that a lifetime never starts anew', () => {
    const problem = problemOf(aPrincipal({ lifetime: parseUsdc('1') }), anOffer())
    expect(problem.facts).toMatchObject({ scope: 'lifetime', resets_at: null })
  })

  test('a buyer of a listing at its rate to come back when the window ends', () => {
    const problem = problemOf(aPrincipal(), anOffer({ limits: { per_minute: 30 } }))
    expect(problem).toMatchObject({ code: 'rate_limited', status: 429, retryAfterMs: 60_000 })
  })

  test('a buyer of a listing at its limit of open calls to come back soon', () => {
    const problem = problemOf(aPrincipal(), anOffer({ limits: { concurrency: 1 } }))
    expect(problem).toMatchObject({ code: 'rate_limited', retryAfterMs: 1_000 })
  })

  test('a buyer of free calls to come back on the next UTC day', () => {
    const offer = anOffer({ terms: { model: 'free', daily_cap: 3 } })
    const problem = problemOf(aPrincipal(), offer)
    expect(problem).toMatchObject({ code: 'rate_limited', retryAfterMs: MIDNIGHT - NOON })
  })
})
