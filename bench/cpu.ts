/** CPU time of processes and of all that they started. */
import { processTree } from './process-tree.js'

/** Linux tells times in hundredths of a second, whatever its own clock does. */
const MICROS_PER_TICK = 10_000

/**
 * Microseconds since the processes began, but for the one that is not counted and what that started;
 * `undefined` where the system does not tell.
 */
export function cpuMicros(pids: readonly number[], uncounted?: number): number | undefined {
  const trees = pids.map(processTree)
  const left = uncounted === undefined ? [] : processTree(uncounted)
  if (left === undefined || trees.includes(undefined)) return undefined
  const ticks = new Map(trees.flatMap((tree) => tree!).map((stat) => [stat.pid, stat.ticks]))
  for (const { pid } of left) ticks.delete(pid)
  return [...ticks.values()].reduce((sum, value) => sum + value, 0) * MICROS_PER_TICK
}
