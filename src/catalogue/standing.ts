/**
 * Standing: what calls and probes measured and buyers said about an endpoint. Observations are
 * collected in memory and added to what is stored every few seconds; a crash loses at most those
 * seconds of statistics. Everything else is read from the database, where all gateways add theirs.
 */

import type { Standing } from '#search'
import { int, intOrNull, nextRevision, type Store, type Tx } from '#store'
import {
  latencyWithin,
  type Measured,
  measure,
  measuredTogether,
  nothingMeasured,
  uptimeOf,
} from './measured.js'
import { countMarks, likingOf, meanOfAll, NO_OPINION, type Opinion, scoreOf } from './opinion.js'
import { STANDINGS } from './revision.js'

/** Standings that are read or written in one go; other writers wait for as long as that takes. */
const PORTION = 200

export type EndpointStanding = Standing & {
  latencyP95Ms: number | null
  checkedAtMs: number | null
}

export type Observation = {
  endpointId: string
  delivered: boolean
  latencyMs: number
  atMs: number
  /** Who called; absent for a probe, which does not count as a call. */
  buyerId?: string
  /** A failure that the call's arguments may have caused: its provider answered, and may be well. */
  isArguable?: boolean
}

/** A standing as it is stored, or what has to be added to one. */
type Tally = {
  /** Calls, of all time. */
  delivered: number
  failed: number
  measured: Measured
  opinion: Opinion
}

type Row = {
  endpoint_id: string
  delivered: bigint
  failed: bigint
  recent: string
  measured: string
  rating_sum: bigint
  ratings: bigint
  weight: number
  weighted: number
  checked_at: bigint | null
  revision: bigint
}

/** A place in the order in which standings were written. */
export type Place = { revision: number; endpointId: string }

/** Before everything, also before what was written when standings had no revision. */
export const FIRST_PLACE: Place = { revision: -1, endpointId: '' }

export type Standings = {
  /** One for each id, also where nothing is known. */
  of(endpointIds: readonly string[]): Promise<Map<string, EndpointStanding>>
  observe(observation: Observation): void
  /**
   * Sets what buyers said. `count` writes and counts the ratings in the transaction that it is
   * given; nobody else sets a standing meanwhile, so that no rating is left out.
   */
  setRatings(endpointId: string, count: (tx: Tx) => Promise<Opinion>): Promise<void>
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
      const mean = await meanOfAll(store)
      return new Map(
        endpointIds.map((id) => [id, toStanding(id, sum(stored.get(id), observed.get(id)), mean)]),
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
        const opinion = await count(tx)
        const stored = (await read(tx, [endpointId])).get(endpointId) ?? emptyTally()
        await write(tx, revision, [[endpointId, { ...stored, opinion }]])
        const hasMoved = await countMarks(tx, stored.opinion, opinion)
        // Every score leans on the mean of all: where that moved, all of them are told again.
        if (hasMoved) await tx('endpoint_standings').where('ratings', '>', 0).update({ revision })
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
      const last = rows.at(-1)
      if (!last) return { changed: [], place }
      const mean = await meanOfAll(store)
      const changed = rows.map((row) => toStanding(row.endpoint_id, fromRow(row), mean))
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
  return { delivered: 0, failed: 0, measured: nothingMeasured(), opinion: NO_OPINION }
}

function include(tally: Tally, observation: Observation): void {
  if (observation.buyerId !== undefined) {
    if (observation.delivered) tally.delivered++
    else tally.failed++
  }
  measure(tally.measured, observation)
}

/** Both together; what `later` observed comes after what `earlier` did. Opinions are only stored. */
function sum(earlier: Tally = emptyTally(), later: Tally = emptyTally()): Tally {
  return {
    delivered: earlier.delivered + later.delivered,
    failed: earlier.failed + later.failed,
    measured: measuredTogether(earlier.measured, later.measured),
    opinion: earlier.opinion,
  }
}

function toStanding(endpointId: string, tally: Tally, mean: number): EndpointStanding {
  const { measured, opinion } = tally
  const { sum, count } = opinion
  return {
    endpointId,
    score: scoreOf(opinion, mean),
    liking: likingOf(opinion, mean),
    rating: count === 0 ? null : Math.round((sum / count) * 100) / 100,
    ratings: count,
    uptime: uptimeOf(measured),
    latencyMs: latencyWithin(measured, 0.5),
    latencyP95Ms: latencyWithin(measured, 0.95),
    calls: tally.delivered + tally.failed,
    checkedAtMs: measured.checkedAtMs,
  }
}

function fromRow(row: Row): Tally {
  return {
    delivered: int(row.delivered),
    failed: int(row.failed),
    measured: {
      periods: JSON.parse(row.measured),
      latencies: JSON.parse(row.recent),
      checkedAtMs: intOrNull(row.checked_at),
    },
    opinion: {
      sum: int(row.rating_sum),
      count: int(row.ratings),
      weight: row.weight,
      weighted: row.weighted,
    },
  }
}

function toRow(endpointId: string, { delivered, failed, measured, opinion }: Tally) {
  return {
    endpoint_id: endpointId,
    delivered,
    failed,
    recent: JSON.stringify(measured.latencies),
    measured: JSON.stringify(measured.periods),
    rating_sum: opinion.sum,
    ratings: opinion.count,
    weight: opinion.weight,
    weighted: opinion.weighted,
    checked_at: measured.checkedAtMs,
  }
}
