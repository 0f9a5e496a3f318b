/** CPU time of a process and of all that it started. */
import { processTree } from './process-tree.js'

/** Linux tells times in hundredths of a second, whatever its own clock does. */
const MICROS_PER_TICK = 10_000

/** Microseconds since the processes began; `undefined` where the system does not tell. */
export function cpuMicros(pid: number): number | undefined {
  const tree = processTree(pid)
  return tree && tree.reduce((sum, { ticks }) => sum + ticks, 0) * MICROS_PER_TICK
}
