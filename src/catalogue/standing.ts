/**
 * Standing: what calls measured and buyers said about an endpoint. Observations are collected in
 * memory and written every few seconds; a crash loses at most those seconds of statistics.
 */
import type { Db } from '#store'
import { int, intOrNull } from '#store'
import type { Search, Standing } from './search.js'

/** Uptime and latency look at this many of the latest calls. */
const RECENT_CALLS = 100
/** Standings kept in memory; the least recently changed are dropped after they were written. */
const MAX_KEPT = 50_000

export type EndpointStanding = Standing & { checkedAtMs: number | null }

export type Observation = {
  endpointId: string
  delivered: boolean
  latencyMs: number
  atMs: number
}

type Kept = {
  delivered: number
  failed: number
  /** Latest calls, oldest first: latency in ms, negative for one that failed. */
  recent: number[]
  ratingSum: number
  ratings: number
  checkedAtMs: number | null
}

type Row = {
  endpoint_id: string
  delivered: bigint
  failed: bigint
  recent: string
  rating_sum: bigint
  ratings: bigint
  checked_at: bigint | null
}

export type Standings = {
  of(endpointId: string): Promise<EndpointStanding>
  observe(observation: Observation): void
  /** Sets what buyers said: the sum of all scores and their number. */
  setRatings(endpointId: string, ratings: { sum: number; count: number }): Promise<void>
  /** Writes what was observed since the last time, and tells the search. */
  flush(): Promise<void>
}

export function createStandings(deps: { db: Db; search: Search }): Standings {
  const kept = new Map<string, Kept>()
  const changed = new Set<string>()
  const early = new Map<string, Observation[]>()

  return {
    of: async (endpointId) => toStanding(endpointId, await load(endpointId)),
    observe(observation) {
      const standing = kept.get(observation.endpointId)
      changed.add(observation.endpointId)
      if (standing) include(standing, observation)
      else
        early.set(observation.endpointId, [
          ...(early.get(observation.endpointId) ?? []),
          observation,
        ])
    },
    async setRatings(endpointId, { sum, count }) {
      const standing = await load(endpointId)
      standing.ratingSum = sum
      standing.ratings = count
      changed.add(endpointId)
      await flush()
    },
    flush,
  }

  async function load(endpointId: string): Promise<Kept> {
    const known = kept.get(endpointId)
    if (known) return known
    const row = await deps.db<Row>('endpoint_standings').where({ endpoint_id: endpointId }).first()
    const standing = kept.get(endpointId) ?? (row ? fromRow(row) : emptyStanding())
    kept.set(endpointId, standing)
    for (const observation of early.get(endpointId) ?? []) include(standing, observation)
    early.delete(endpointId)
    return standing
  }

  async function flush(): Promise<void> {
    const ids = [...changed]
    changed.clear()
    const standings: Standing[] = []
    for (const id of ids) {
      const standing = await load(id)
      await deps
        .db('endpoint_standings')
        .insert(toRow(id, standing))
        .onConflict('endpoint_id')
        .merge()
      standings.push(toStanding(id, standing))
    }
    if (standings.length > 0) await deps.search.putStanding(standings)
    if (kept.size > MAX_KEPT) for (const id of kept.keys()) if (!changed.has(id)) kept.delete(id)
  }
}

function emptyStanding(): Kept {
  return { delivered: 0, failed: 0, recent: [], ratingSum: 0, ratings: 0, checkedAtMs: null }
}

function include(standing: Kept, { delivered, latencyMs, atMs }: Observation): void {
  if (delivered) standing.delivered++
  else standing.failed++
  const latency = Math.max(1, Math.round(latencyMs))
  standing.recent.push(delivered ? latency : -latency)
  if (standing.recent.length > RECENT_CALLS) standing.recent.shift()
  standing.checkedAtMs = atMs
}

function toStanding(endpointId: string, standing: Kept): EndpointStanding {
  const { recent, ratings, ratingSum } = standing
  const latencies = recent.filter((latency) => latency > 0).sort((a, b) => a - b)
  return {
    endpointId,
    rating: ratings === 0 ? null : Math.round((ratingSum / ratings) * 100) / 100,
    ratings,
    uptime: recent.length === 0 ? null : Math.round((latencies.length / recent.length) * 1e4) / 1e4,
    latencyMs: latencies.length === 0 ? null : latencies[(latencies.length - 1) >> 1]!,
    calls: standing.delivered + standing.failed,
    checkedAtMs: standing.checkedAtMs,
  }
}

function fromRow(row: Row): Kept {
  return {
    delivered: int(row.delivered),
    failed: int(row.failed),
    recent: JSON.parse(row.recent),
    ratingSum: int(row.rating_sum),
    ratings: int(row.ratings),
    checkedAtMs: intOrNull(row.checked_at),
  }
}

function toRow(endpointId: string, standing: Kept) {
  return {
    endpoint_id: endpointId,
    delivered: standing.delivered,
    failed: standing.failed,
    recent: JSON.stringify(standing.recent),
    rating_sum: standing.ratingSum,
    ratings: standing.ratings,
    checked_at: standing.checkedAtMs,
  }
}
