/**
 * The ceilings that a call must stay below, as counters of its hold: spending limits of the key, of
 * those it descends from and of the account, the seller's limits, the free calls of a day. One
 * mechanism, counted in one transaction with the hold, so that no race can push past any of them.
 */
import { type Principal, spendersOf, windowOf } from '#accounts'
import type { Offer } from '#catalogue'
import { endOfUtcDay, toRfc3339, utcDay } from '#core/clock'
import { formatUsdc, nanos } from '#core/money'
import { Problem } from '#core/problem'
import type { Counter } from '#ledger'
import type { Quote } from './call.js'

const WINDOW_LIMITS = ['day', 'month', 'lifetime'] as const
/** What a buyer may best wait for a listing at its limit of open calls. */
const CONCURRENCY_RETRY_MS = 1_000

export function countersFor(
  principal: Principal,
  offer: Offer,
  quote: Quote,
  nowMs: number,
): Counter[] {
  return [
    ...spendingCounters(principal, quote, nowMs),
    ...listingCounters(offer, nowMs),
    ...freeCounters(principal, offer, nowMs),
  ]
}

/** @throws Problem `limit_exceeded` when one call may cost more than key or account allow for one. */
export function refuseAboveCallLimit(principal: Principal, quote: Quote): void {
  for (const { scope, limits } of spendersOf(principal)) {
    if (limits.call === undefined || quote.maxTotal <= limits.call) continue
    const limit = formatUsdc(limits.call)
    const who = ofAccount(scope) ? 'account' : 'key'
    throw new Problem(
      'limit_exceeded',
      `This call may cost ${formatUsdc(quote.maxTotal)} USDC; the ${who} allows ${limit} per call.`,
      {
        action:
          who === 'key'
            ? 'Choose a cheaper endpoint, or use a key with a higher limit per call.'
            : `Choose a cheaper endpoint, or ask ${raiserOf(scope, principal)} to raise the account's limit per call.`,
        facts: { scope: nameOf('call', scope, principal), limit },
      },
    )
  }
}

/** What to tell a buyer whose hold would have pushed past a counter. */
export function counterProblem(
  counter: Counter,
  used: bigint,
  { principal, nowMs }: { principal: Principal; nowMs: number },
): Problem {
  const retryAfterMs =
    counter.endsAtMs === null ? CONCURRENCY_RETRY_MS : Math.max(counter.endsAtMs - nowMs, 1)
  if (counter.kind === 'spend') return spendingProblem(counter, used, principal)
  if (counter.scope.startsWith('free:')) {
    return new Problem('rate_limited', `The ${counter.ceiling} free calls of today are used up.`, {
      action: 'Wait until the next UTC day, or choose another endpoint.',
      retryAfterMs,
    })
  }
  const span = counter.window.split(':')[0]
  return new Problem(
    'rate_limited',
    `The listing is at its limit of ${counter.ceiling} (${span}).`,
    {
      retryAfterMs,
    },
  )
}

function spendingProblem(counter: Counter, used: bigint, principal: Principal): Problem {
  const scope = nameOf(counter.window.split(':')[0]!, counter.scope, principal)
  const limit = formatUsdc(nanos(counter.ceiling))
  const spent = formatUsdc(nanos(used))
  const resets_at = counter.endsAtMs === null ? null : toRfc3339(counter.endsAtMs)
  return new Problem(
    'limit_exceeded',
    `This call may cost ${formatUsdc(nanos(counter.amount))} USDC; ${spent} of the ${scope} limit of ${limit} are spent or held.`,
    {
      facts: { scope, limit, spent, resets_at },
      ...(ofAccount(counter.scope) && {
        action: `Wait until it resets, or ask ${raiserOf(counter.scope, principal)} to raise the account's limit.`,
      }),
    },
  )
}

function ofAccount(scope: string): boolean {
  return scope.startsWith('account:')
}

/** A limit as its buyer knows it. */
function nameOf(limit: string, scope: string, { parent }: Principal): string {
  if (!ofAccount(scope)) return limit
  return scope === `account:${parent?.id}` ? `${limit} of parent account` : `${limit} of account`
}

/** Who sets the limits of an account: the one above it, else the operator. */
function raiserOf(scope: string, { account, parent }: Principal): string {
  return parent && scope === `account:${account.id}` ? 'the account above it' : 'the operator'
}

function spendingCounters(principal: Principal, quote: Quote, nowMs: number): Counter[] {
  if (quote.maxTotal === 0n) return []
  return spendersOf(principal).flatMap(({ scope, limits }) =>
    WINDOW_LIMITS.flatMap((name) => {
      const ceiling = limits[name]
      if (ceiling === undefined) return []
      const span = windowOf(name, nowMs)
      return [{ scope, kind: 'spend' as const, amount: quote.maxTotal, ceiling, ...span }]
    }),
  )
}

/** What the seller's limits count, over all buyers. */
export function listingCounters(
  { listingId, limits }: Pick<Offer, 'listingId' | 'limits'>,
  nowMs: number,
): Counter[] {
  const counters: Counter[] = []
  const scope = `listing:${listingId}`
  const attempt = (window: string, ceiling: number | undefined, endsAtMs: number) => {
    if (ceiling === undefined) return
    counters.push({
      scope,
      window,
      kind: 'attempt',
      amount: 1n,
      ceiling: BigInt(ceiling),
      endsAtMs,
    })
  }
  const second = Math.floor(nowMs / 1_000)
  const minute = Math.floor(nowMs / 60_000)
  attempt(`per_second:${second}`, limits.per_second, (second + 1) * 1_000)
  attempt(`per_minute:${minute}`, limits.per_minute, (minute + 1) * 60_000)
  attempt(`per_day:${utcDay(nowMs)}`, limits.per_day, endOfUtcDay(nowMs))
  if (limits.concurrency !== undefined) {
    const ceiling = BigInt(limits.concurrency)
    counters.push({
      scope,
      window: 'concurrency',
      kind: 'open',
      amount: 1n,
      ceiling,
      endsAtMs: null,
    })
  }
  return counters
}

/** Accounts below an account share its free calls. */
function freeCounters({ account }: Principal, offer: Offer, nowMs: number): Counter[] {
  if (offer.price.model !== 'free' || offer.price.dailyCap === undefined) return []
  return [
    {
      scope: `free:${account.parentId ?? account.id}:${offer.endpointId}`,
      window: `day:${utcDay(nowMs)}`,
      kind: 'use',
      amount: 1n,
      ceiling: offer.price.dailyCap,
      endsAtMs: endOfUtcDay(nowMs),
    },
  ]
}
