/** Asks a contender the queries one after the other, and times the answers. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { Contender } from './discovery-contender.js'
import type { Query } from './discovery-rows.js'

export type Answer = { query_id: string; ids: string[]; ms: number }

export type Asked = {
  answers: Answer[]
  /** The longest time in which this process could do nothing else. */
  stallMs: number
}

/** How finely the event loop is watched; it is part of each delay that is seen. */
const RESOLUTION_MS = 1

export async function ask(
  { find }: Pick<Contender, 'find'>,
  queries: readonly Query[],
): Promise<Asked> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const answers: Answer[] = []
  for (const { id, query } of queries) {
    const startedAt = performance.now()
    const ids = await find(query)
    const ms = Math.round((performance.now() - startedAt) * 1_000) / 1_000
    answers.push({ query_id: id, ids, ms })
    await turn()
  }
  delays.disable()
  return { answers, stallMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS) }
}

/** What so much of the answers took at most. */
export function latencyAt(answers: readonly Answer[], share: number): number {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
