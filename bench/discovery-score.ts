/** How good the answers are: recall, hits, nDCG and reciprocal rank, by set and over the sets. */
import type { Aliases, Query } from './discovery-rows.js'

/** Places that count. */
const DEPTH = 10

/** Means, each 0 to 1. Gains are binary; `mrr` looks at the first ten places. */
export type Metrics = {
  recall1: number
  recall5: number
  recall10: number
  hit5: number
  ndcg10: number
  mrr: number
}

export type Scores = {
  sets: Record<string, Metrics & { queries: number }>
  /** Each set counts once. */
  macro: Metrics
}

const METRICS = ['recall1', 'recall5', 'recall10', 'hit5', 'ndcg10', 'mrr'] as const

/**
 * Scores answers: the ids that were found for each query, by the query's id, best first. A query
 * without an answer found nothing.
 */
export function scoresOf(
  queries: readonly Query[],
  answers: ReadonlyMap<string, readonly string[]>,
  aliases: Aliases,
): Scores {
  const names = [...new Set(queries.map(({ set }) => set))].sort()
  const sets: Scores['sets'] = {}
  for (const set of names) {
    const asked = queries.filter((query) => query.set === set)
    const scored = asked.map((query) => metricsOf(query, answers.get(query.id) ?? [], aliases))
    sets[set] = { queries: asked.length, ...meanOf(scored) }
  }
  return { sets, macro: meanOf(Object.values(sets)) }
}

function metricsOf(query: Query, found: readonly string[], aliases: Aliases): Metrics {
  const canonical = (id: string) => aliases[id] ?? id
  const isJudged = (id: string) => !query.ignore?.some((prefix) => id.startsWith(prefix))
  const ids = [...new Set(found.map(canonical))].filter(isJudged).slice(0, DEPTH)
  const relevant = new Set(query.relevant.map(canonical))
  const isHit = ids.map((id) => relevant.has(id))
  const hitsIn = (places: number) => isHit.slice(0, places).filter(Boolean).length
  const first = isHit.indexOf(true)
  return {
    recall1: hitsIn(1) / relevant.size,
    recall5: hitsIn(5) / relevant.size,
    recall10: hitsIn(DEPTH) / relevant.size,
    hit5: hitsIn(5) > 0 ? 1 : 0,
    ndcg10: gainOf(isHit) / gainOf(Array(Math.min(DEPTH, relevant.size)).fill(true)),
    mrr: first === -1 ? 0 : 1 / (first + 1),
  }
}

function gainOf(isHit: readonly boolean[]): number {
  return isHit.reduce((sum, hit, place) => sum + (hit ? 1 / Math.log2(place + 2) : 0), 0)
}

function meanOf(all: readonly Metrics[]): Metrics {
  const mean = (name: keyof Metrics) => all.reduce((sum, one) => sum + one[name], 0) / all.length
  return Object.fromEntries(METRICS.map((name) => [name, mean(name)])) as Metrics
}
