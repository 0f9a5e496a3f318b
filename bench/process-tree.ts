/** A process and all that it started, from `/proc`. */
import { readdirSync, readFileSync } from 'node:fs'

export type ProcessStat = {
  pid: number
  parent: number
  /** User and system time, that of its ended children included, in clock ticks. */
  ticks: number
}

/** Places in `/proc/PID/stat` behind the name, which may hold spaces itself. */
const PARENT = 1
const TIMES = [11, 12, 13, 14]

/** The process first; `undefined` where the system has no `/proc`, empty when the process is gone. */
export function processTree(pid: number): ProcessStat[] | undefined {
  const all = allProcesses()
  if (all.length === 0) return undefined
  const tree = all.filter((stat) => stat.pid === pid)
  // It grows while it is walked: children of children follow their parents.
  for (const { pid: parent } of tree) tree.push(...all.filter((stat) => stat.parent === parent))
  return tree
}

function allProcesses(): ProcessStat[] {
  try {
    const names = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return names.flatMap((name) => statOf(name) ?? [])
  } catch {
    return []
  }
}

/** `undefined` for a process that has just ended. */
function statOf(name: string): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = TIMES.reduce((sum, place) => sum + Number(fields[place]), 0)
    return { pid: Number(name), parent: Number(fields[PARENT]), ticks }
  } catch {
    return undefined
  }
}
