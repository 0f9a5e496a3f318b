/**
 * What calls and probes measured of an endpoint over the seven days before it was last checked. Pure.
 *
 * Answers are counted in periods of six hours, of which each weighs at most as much as a period of
 * probes: an hour of heavy traffic neither hides an outage nor makes one. The days end with the last
 * check, not now, so that search and description agree; `checkedAtMs` says how old they are.
 */

const HOUR_MS = 60 * 60 * 1_000
const PERIOD_MS = 6 * HOUR_MS
/** Seven days. */
const PERIODS = 28
/** The most answers that a period weighs: as many as probes every quarter of an hour give. */
const FULL_PERIOD = 24
/** The latest answers whose latency is kept. */
const LATENCIES = 100

/** The number of the period since the epoch, and its answers. */
type Period = [period: number, delivered: number, failed: number]

export type Measured = {
  /** Oldest first. */
  periods: Period[]
  /** Of the latest delivered answers, in ms, oldest first. */
  latencies: number[]
  checkedAtMs: number | null
}

export type Measurement = { delivered: boolean; latencyMs: number; atMs: number }

export function nothingMeasured(): Measured {
  return { periods: [], latencies: [], checkedAtMs: null }
}

/** Adds one answer to `measured`, in place: this runs for every call. */
export function measure(measured: Measured, { delivered, latencyMs, atMs }: Measurement): void {
  const period = periodAt(measured.periods, Math.floor(atMs / PERIOD_MS))
  period[delivered ? 1 : 2]++
  if (delivered) {
    measured.latencies.push(Math.max(1, Math.round(latencyMs)))
    if (measured.latencies.length > LATENCIES) measured.latencies.shift()
  }
  measured.checkedAtMs = Math.max(measured.checkedAtMs ?? 0, atMs)
}

/** Both together; what `later` measured came after what `earlier` did. */
export function measuredTogether(earlier: Measured, later: Measured): Measured {
  // A period that lies ahead of what came after it is that of a clock that ran ahead.
  const newest = later.periods.at(-1)?.[0] ?? Number.POSITIVE_INFINITY
  const all = earlier.periods
    .filter(([number]) => number <= newest + 1)
    .map(([...period]): Period => period)
  for (const [number, delivered, failed] of later.periods) {
    const period = periodAt(all, number)
    period[1] += delivered
    period[2] += failed
  }
  const last = all.at(-1)?.[0] ?? 0
  const periods = all.filter(([number]) => number > last - PERIODS)
  const delivered = periods.reduce((sum, period) => sum + period[1], 0)
  const kept = Math.min(LATENCIES, delivered)
  const latencies = [...earlier.latencies, ...later.latencies]
  return {
    periods,
    // Each delivered answer left one latency, so those of periods that are gone are known by number.
    latencies: kept === 0 ? [] : latencies.slice(-kept),
    checkedAtMs: later.checkedAtMs ?? earlier.checkedAtMs,
  }
}

/** The share of answers that were delivered, 0 to 1 with four decimals; null without any. */
export function uptimeOf({ periods }: Measured): number | null {
  let share = 0
  let weight = 0
  for (const [, delivered, failed] of periods) {
    const all = delivered + failed
    const own = Math.min(all, FULL_PERIOD)
    share += (own * delivered) / all
    weight += own
  }
  return weight === 0 ? null : Math.round((share / weight) * 1e4) / 1e4
}

/** The latency in ms that `share` of the delivered answers stayed within; null without any. */
export function latencyWithin({ latencies }: Measured, share: number): number | null {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

/** The counts of a period, put in its place where there were none. A clock may have been set back. */
function periodAt(periods: Period[], number: number): Period {
  let after = periods.length
  while (after > 0 && periods[after - 1]![0] > number) after--
  const known = periods[after - 1]
  if (known?.[0] === number) return known
  const period: Period = [number, 0, 0]
  periods.splice(after, 0, period)
  return period
}
