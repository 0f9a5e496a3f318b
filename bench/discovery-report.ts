/** The measurements as values, for `--json`, and the scores that belong to them. */
import { type Asked, latencyAt } from './discovery-asking.js'
import { type EngineName, SLOW_ENGINES } from './discovery-contender.js'
import type { GatewayMeasured } from './discovery-gateway.js'
import type { Measured } from './discovery-measured.js'
import { type Aliases, type Query, type Row, sampleOf } from './discovery-rows.js'
import { type Scores, scoresOf } from './discovery-score.js'

/** How many queries of each set slow engines are asked, and all engines are compared by. */
export const SAMPLE = 40

export type Timed = { queries: number; p50Ms: number; p99Ms: number; stallMs: number }

export type EngineReport = Timed & {
  engine: EngineName
  documents: number
  indexMs: number
  indexBytes: number | undefined
  memoryBytes: number
  /** Over all queries; `undefined` for an engine that was asked the sample only. */
  scores: Scores | undefined
  /** Over the sample. */
  sampled: { scores: Scores } & Timed
}

export type Report = {
  rows: number
  queries: number
  /** Relevant ids that no row has: nobody can find them. */
  absent: number
  engines: EngineReport[]
  souk:
    | {
        endpoints: number
        refusals: Record<string, number>
        loadMs: number
        operationsPerSecond: number
        databaseBytes: number
        gateway: Omit<GatewayMeasured, 'answers'> & Timed
        ablations: ({ name: string; indexMs: number; scores: Scores } & Timed)[]
      }
    | undefined
}

type Given = {
  rows: readonly Row[]
  queries: readonly Query[]
  aliases: Aliases
  measured: readonly Measured[]
  gateway: GatewayMeasured | undefined
}

export function reportOf({ rows, queries, aliases, measured, gateway }: Given): Report {
  const sample = sampleOf(queries, SAMPLE)
  const score = (asked: Asked, of: readonly Query[]) =>
    scoresOf(of, new Map(asked.answers.map(({ query_id, ids }) => [query_id, ids])), aliases)
  const souk = measured.find(({ engine }) => engine === 'souk')?.souk
  return {
    rows: rows.length,
    queries: queries.length,
    absent: absentOf(rows, queries, aliases),
    engines: measured.map((one) => ({
      ...{ engine: one.engine, documents: one.documents, ...timed(one) },
      ...{ indexMs: one.indexMs, indexBytes: one.indexBytes },
      // What loaded Souk is larger than what serves it.
      memoryBytes: one.souk && gateway ? gateway.memoryBytes : one.memoryBytes,
      scores: SLOW_ENGINES.includes(one.engine) ? undefined : score(one, queries),
      sampled: { scores: score(one, sample), ...timed(only(one, sample)) },
    })),
    souk: souk &&
      gateway && {
        ...{ endpoints: souk.endpoints, refusals: souk.refusals, loadMs: souk.loadMs },
        operationsPerSecond: (1_000 * souk.endpoints) / souk.loadMs,
        databaseBytes: souk.databaseBytes,
        gateway: { ...withoutAnswers(gateway), ...timed(gateway) },
        ablations: souk.ablations.map((one) => ({
          ...{ name: one.name, indexMs: one.indexMs, scores: score(one, queries), ...timed(one) },
        })),
      },
  }
}

function absentOf(rows: readonly Row[], queries: readonly Query[], aliases: Aliases): number {
  const known = new Set(rows.map(({ id }) => id))
  const relevant = queries.flatMap((query) => query.relevant)
  return relevant.filter((id) => !known.has(aliases[id] ?? id)).length
}

function withoutAnswers({ answers, ...rest }: GatewayMeasured) {
  return rest
}

function only(asked: Asked, queries: readonly Query[]): Asked {
  const wanted = new Set(queries.map(({ id }) => id))
  return { ...asked, answers: asked.answers.filter(({ query_id }) => wanted.has(query_id)) }
}

function timed({ answers, stallMs }: Asked): Timed {
  const [p50Ms, p99Ms] = [latencyAt(answers, 0.5), latencyAt(answers, 0.99)]
  return { queries: answers.length, p50Ms, p99Ms, stallMs }
}
