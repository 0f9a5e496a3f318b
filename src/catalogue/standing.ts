/**
 * Standing: what calls measured and buyers said about an endpoint. Observations are collected in
 * memory and added to what is stored every few seconds; a crash loses at most those seconds of
 * statistics. Everything else is read from the database, where all gateways add theirs.
 */

import type { Standing } from '#search'
import { int, intOrNull, nextRevision, type Store, type Tx } from '#store'
import { STANDINGS } from './revision.js'

/** Uptime and latency look at this many of the latest calls. */
const RECENT_CALLS = 100
/** Standings that are read or written in one go; other writers wait for as long as that takes. */
const PORTION = 200

export type EndpointStanding = Standing & { checkedAtMs: number | null }

export type Observation = {
  endpointId: string
  delivered: boolean
  latencyMs: number
  atMs: number
}

/** A standing as it is stored, or what has to be added to one. */
type Tally = {
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
  revision: bigint
}

/** A place in the order in which standings were written. */
export type Place = { revision: number; endpointId: string }

/** Before everything, also before what was written when standings had no revision. */
export const FIRST_PLACE: Place = { revision: -1, endpointId: '' }

/** What buyers said of an endpoint: the sum of all scores and their number. */
export type Ratings = { sum: number; count: number }

export type Standings = {
  /** One for each id, also where nothing is known. */
  of(endpointIds: readonly string[]): Promise<Map<string, EndpointStanding>>
  observe(observation: Observation): void
  /**
   * Sets what buyers said. `count` writes and counts the ratings in the transaction that it is
   * given; nobody else sets a standing meanwhile, so that no rating is left out.
   */
  setRatings(endpointId: string, count: (tx: Tx) => Promise<Ratings>): Promise<void>
  /** Adds what was observed since the last time to what is stored. */
  flush(): Promise<void>
  /** The next few that were written after `place`, by any gateway, and where they end. */
  changedAfter(place: Place): Promise<{ changed: Standing[]; place: Place }>
}

export function createStandings({ store }: { store: Store }): Standings {
  const observed = new Map<string, Tally>()
  let flushed: Promise<void> = Promise.resolve()

  return {
    async of(endpointIds) {
      await flushed.catch(() => {})
      const stored = new Map<string, Tally>()
      for (const ids of portionsOf(endpointIds)) {
        for (const [id, tally] of await read(store.db, ids)) stored.set(id, tally)
      }
      return new Map(
        endpointIds.map((id) => [id, toStanding(id, sum(stored.get(id), observed.get(id)))]),
      )
    },
    observe(observation) {
      const { endpointId } = observation
      const tally = observed.get(endpointId) ?? emptyTally()
      observed.set(endpointId, tally)
      include(tally, observation)
    },
    setRatings: (endpointId, count) =>
      store.inTransaction(async (tx) => {
        const revision = await nextRevision(tx, STANDINGS)
        const ratings = await count(tx)
        const stored = (await read(tx, [endpointId])).get(endpointId) ?? emptyTally()
        const tally = { ...stored, ratingSum: ratings.sum, ratings: ratings.count }
        await write(tx, revision, [[endpointId, tally]])
      }),
    flush() {
      flushed = flushed.catch(() => {}).then(flush)
      return flushed
    },
    async changedAfter(place) {
      const rows = await store.query<Row>(
        `select * from endpoint_standings where (revision, endpoint_id) > (?, ?)
         order by revision, endpoint_id limit ${PORTION}`,
        [place.revision, place.endpointId],
      )
      const changed = rows.map((row) => toStanding(row.endpoint_id, fromRow(row)))
      const last = rows.at(-1)
      if (!last) return { changed, place }
      return { changed, place: { revision: int(last.revision), endpointId: last.endpoint_id } }
    },
  }

  async function flush(): Promise<void> {
    for (const ids of portionsOf([...observed.keys()])) {
      const added = ids.map((id) => [id, observed.get(id)!] as const)
      for (const id of ids) observed.delete(id)
      try {
        await add(store, added)
      } catch (error) {
        // They are written another time, with what was observed since.
        for (const [id, tally] of added) observed.set(id, sum(tally, observed.get(id)))
        throw error
      }
    }
  }
}

/** Only who has the revision writes standings, so that none is written between read and write. */
function add(store: Store, added: readonly (readonly [id: string, Tally])[]): Promise<void> {
  return store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, STANDINGS)
    const ids = added.map(([id]) => id)
    const stored = await read(tx, ids)
    const tallies = added.map(([id, tally]) => [id, sum(stored.get(id), tally)] as const)
    await write(tx, revision, tallies)
  })
}

async function read(db: Store['db'] | Tx, ids: readonly string[]): Promise<Map<string, Tally>> {
  const rows: Row[] = await db('endpoint_standings').whereIn('endpoint_id', ids)
  return new Map(rows.map((row) => [row.endpoint_id, fromRow(row)]))
}

async function write(
  tx: Tx,
  revision: number,
  tallies: readonly (readonly [id: string, Tally])[],
): Promise<void> {
  await tx('endpoint_standings')
    .insert(tallies.map(([id, tally]) => ({ ...toRow(id, tally), revision })))
    .onConflict('endpoint_id')
    .merge()
}

function portionsOf(ids: readonly string[]): string[][] {
  const count = Math.ceil(ids.length / PORTION)
  return Array.from({ length: count }, (_, i) => ids.slice(i * PORTION, (i + 1) * PORTION))
}

function emptyTally(): Tally {
  return { delivered: 0, failed: 0, recent: [], ratingSum: 0, ratings: 0, checkedAtMs: null }
}

function include(tally: Tally, { delivered, latencyMs, atMs }: Observation): void {
  if (delivered) tally.delivered++
  else tally.failed++
  const latency = Math.max(1, Math.round(latencyMs))
  tally.recent.push(delivered ? latency : -latency)
  if (tally.recent.length > RECENT_CALLS) tally.recent.shift()
  tally.checkedAtMs = atMs
}

/** Both together; what `later` observed comes after what `earlier` did. */
function sum(earlier: Tally = emptyTally(), later: Tally = emptyTally()): Tally {
  const times = [earlier.checkedAtMs, later.checkedAtMs].filter((at) => at !== null)
  return {
    delivered: earlier.delivered + later.delivered,
    failed: earlier.failed + later.failed,
    recent: [...earlier.recent, ...later.recent].slice(-RECENT_CALLS),
    ratingSum: earlier.ratingSum + later.ratingSum,
    ratings: earlier.ratings + later.ratings,
    checkedAtMs: times.length === 0 ? null : Math.max(...times),
  }
}

function toStanding(endpointId: string, tally: Tally): EndpointStanding {
  const { recent, ratings, ratingSum } = tally
  const latencies = recent.filter((latency) => latency > 0).sort((a, b) => a - b)
  return {
    endpointId,
    score: ratings === 0 ? null : ratingSum / ratings,
    rating: ratings === 0 ? null : Math.round((ratingSum / ratings) * 100) / 100,
    ratings,
    uptime: recent.length === 0 ? null : Math.round((latencies.length / recent.length) * 1e4) / 1e4,
    latencyMs: latencies.length === 0 ? null : latencies[(latencies.length - 1) >> 1]!,
    calls: tally.delivered + tally.failed,
    checkedAtMs: tally.checkedAtMs,
  }
}

function fromRow(row: Row): Tally {
  return {
    delivered: int(row.delivered),
    failed: int(row.failed),
    recent: JSON.parse(row.recent),
    ratingSum: int(row.rating_sum),
    ratings: int(row.ratings),
    checkedAtMs: intOrNull(row.checked_at),
  }
}

function toRow(endpointId: string, tally: Tally) {
  return {
    endpoint_id: endpointId,
    delivered: tally.delivered,
    failed: tally.failed,
    recent: JSON.stringify(tally.recent),
    rating_sum: tally.ratingSum,
    ratings: tally.ratings,
    checked_at: tally.checkedAtMs,
  }
}
