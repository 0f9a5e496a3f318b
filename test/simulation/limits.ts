/** Limits, counted anew from the calls: none may be exceeded at any moment, by however little. */
import { spendersOf, windowOf } from '#accounts'
import { endOfUtcDay, utcDay } from '#core/clock'
import type { Market } from './market.js'
import type { View } from './promises.js'
import type { StoredCall } from './records.js'

type Counted = {
  scope: string
  window: string
  /** The calls in it, weighed. */
  used: bigint
  ceiling: bigint
  endsAtMs: number | null
}

const WINDOWS = ['day', 'month', 'lifetime'] as const
const MINUTE_MS = 60_000

export async function brokenLimits(
  { database, market, memory }: View,
  calls: readonly StoredCall[],
): Promise<string[]> {
  const counted = new Map<string, Counted>()
  for (const call of calls) {
    for (const one of countersOf(market, call)) {
      const name = `${one.scope} ${one.window}`
      const so = counted.get(name)
      const ceiling = so && so.ceiling > one.ceiling ? so.ceiling : one.ceiling
      counted.set(name, { ...one, ceiling, used: (so?.used ?? 0n) + one.used })
    }
  }
  // What a purge may have forgotten counts from nothing again.
  const kept = [...counted.values()].filter(
    ({ endsAtMs }) => endsAtMs === null || endsAtMs >= memory.purgedMs,
  )
  const stored = await database.ledger.usedOf(kept)
  const shown = ({ scope, window }: Counted) => `${scope.split(':')[0]} ${window.split(':')[0]}`
  return [
    ...kept
      .filter(({ used, ceiling }) => used > ceiling)
      .map((one) => `the limit ${shown(one)} of ${one.ceiling} is exceeded, by ${one.used}`),
    ...kept
      .filter(({ used }, i) => used !== stored[i])
      .map((one) => `the counter ${shown(one)} is not the ${one.used} of its calls`),
    ...calls
      .filter((call) =>
        spendersFor(market, call).some(({ limits }) => call.hold > (limits.call ?? call.hold)),
      )
      .map(() => 'a call is above the limit of its key per call'),
  ]
}

function countersOf(market: Market, call: StoredCall): Counted[] {
  const spent = call.outcome === 'held' ? call.hold : call.charge + call.fee
  const startedMs = Number(call.started_at)
  const spending = spendersFor(market, call).flatMap(({ scope, limits }) =>
    WINDOWS.flatMap((name) => {
      const ceiling = limits[name]
      if (ceiling === undefined) return []
      return [{ scope, used: spent, ceiling, ...windowOf(name, startedMs) }]
    }),
  )
  return [...spending, ...sellersCounters(market, call, startedMs)]
}

/** What protects the seller: attempts are counted for good, what is open only while it is. */
function sellersCounters(market: Market, call: StoredCall, startedMs: number): Counted[] {
  const { offer } = market.sales.get(call.endpoint_id)![Number(call.version) - 1]!
  const isOpen = call.outcome === 'held'
  const isUse = isOpen || call.outcome === 'charged' || call.outcome === 'free'
  const scope = `listing:${offer.listingId}`
  const minute = Math.floor(startedMs / MINUTE_MS)
  const free = offer.price.model === 'free' ? offer.price.dailyCap : undefined
  const counter = (
    ceiling: number | bigint | undefined,
    of: Omit<Counted, 'ceiling' | 'used'> & { counts: boolean },
  ): Counted[] => {
    const { counts, ...rest } = of
    return ceiling === undefined
      ? []
      : [{ ...rest, ceiling: BigInt(ceiling), used: counts ? 1n : 0n }]
  }
  return [
    ...counter(offer.limits.per_minute, {
      scope,
      window: `per_minute:${minute}`,
      counts: true,
      endsAtMs: (minute + 1) * MINUTE_MS,
    }),
    ...counter(offer.limits.concurrency, {
      scope,
      window: 'concurrency',
      counts: isOpen,
      endsAtMs: null,
    }),
    ...counter(free, {
      scope: `free:${call.buyer_id}:${call.endpoint_id}`,
      window: `day:${utcDay(startedMs)}`,
      counts: isUse,
      endsAtMs: endOfUtcDay(startedMs),
    }),
  ]
}

function spendersFor({ buyers }: Market, call: StoredCall) {
  const principals = buyers.flatMap(({ principals: own }) => own)
  return spendersOf(principals.find(({ key }) => key.id === call.key_id)!)
}
