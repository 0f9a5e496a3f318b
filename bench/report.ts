/** The measurements as Markdown. */
import { arch, cpus, loadavg, platform, totalmem } from 'node:os'
import { DIRECT } from './contender.js'
import type { Load } from './load.js'

/** One contender under load by so many callers in one round. */
export type Cell = Load & {
  contender: string
  round: number
  callers: number
  /** Of the contender's processes, for each call; `undefined` where the system does not tell. */
  cpuMicros: number | undefined
}

const HEADINGS = [
  'contender',
  'calls/s median',
  'best',
  'p50 ms',
  'p99 ms',
  'added p50 ms',
  'added p99 ms',
  'CPU µs/call',
  'bad',
]

/** What the numbers were taken on. */
export function machine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  return `${cpu?.model.trim()}, ${cpus().length} cores, ${memory}, ${platform()} ${arch()}, node ${process.version}, load average ${load}`
}

/** A table for each number of callers. Where a column does not say otherwise, medians of rounds. */
export function tables(cells: Cell[]): string {
  const callers = [...new Set(cells.map((cell) => cell.callers))]
  return callers
    .map((count) => {
      const rows = rowsOf(cells.filter((cell) => cell.callers === count))
      return `${count} ${count === 1 ? 'caller' : 'callers'}\n\n${markdown([HEADINGS, ...rows])}`
    })
    .join('\n\n')
}

function rowsOf(cells: Cell[]): string[][] {
  const direct = new Map(
    cells.filter(({ contender }) => contender === DIRECT).map((cell) => [cell.round, cell]),
  )
  const names = [...new Set(cells.map((cell) => cell.contender))]
  return names.map((name) => {
    const own = cells.filter((cell) => cell.contender === name)
    const added = (percentile: 'p50Ms' | 'p99Ms') =>
      median(own.map((cell) => cell[percentile] - direct.get(cell.round)![percentile]))
    const cpu = own.flatMap(({ cpuMicros }) => cpuMicros ?? [])
    return [
      name,
      whole(median(own.map((cell) => cell.perSecond))),
      whole(Math.max(...own.map((cell) => cell.perSecond))),
      median(own.map((cell) => cell.p50Ms)).toFixed(2),
      median(own.map((cell) => cell.p99Ms)).toFixed(2),
      name === DIRECT ? '–' : added('p50Ms').toFixed(2),
      name === DIRECT ? '–' : added('p99Ms').toFixed(2),
      cpu.length === 0 ? 'n/a' : whole(median(cpu)),
      String(own.reduce((sum, cell) => sum + cell.bad, 0)),
    ]
  })
}

export function markdown([headings, ...rows]: string[][]): string {
  const rule = headings!.map((_, column) => (column === 0 ? '---' : '---:'))
  return [headings!, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
