/** The measurements of paid calls as Markdown. */
import { type Contender, DIRECT, labelOf } from './contender.js'
import type { Load } from './load.js'
import { byCallers, median, ratio, whole } from './table.js'

/** One contender under load by so many callers in one round. */
export type Cell = Load &
  Pick<Contender, 'name' | 'souk'> & {
    /** Name, home and buyers. */
    contender: string
    round: number
    callers: number
    /** Of the contender's processes, for each call; `undefined` where the system does not tell. */
    cpuMicros: number | undefined
    /** Of what they ask for each call; `undefined` also where there is none. */
    serverMicros: number | undefined
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
  'its server',
  'bad',
]

/** A table for each number of callers. Where a column does not say otherwise, medians of rounds. */
export function tables(cells: readonly Cell[]): string {
  return byCallers(cells, (own) => [HEADINGS, ...rowsOf(own)])
}

function rowsOf(cells: readonly Cell[]): string[][] {
  const direct = new Map(
    cells.filter(({ contender }) => contender === DIRECT).map((cell) => [cell.round, cell]),
  )
  return labelsOf(cells).map((label) => {
    const own = cells.filter(({ contender }) => contender === label)
    const added = (percentile: 'p50Ms' | 'p99Ms') =>
      median(own.map((cell) => cell[percentile] - direct.get(cell.round)![percentile]))
    const micros = (which: 'cpuMicros' | 'serverMicros') => {
      const known = own.flatMap((cell) => cell[which] ?? [])
      return known.length === 0 ? '–' : whole(median(known))
    }
    return [
      label,
      whole(median(own.map((cell) => cell.perSecond))),
      whole(Math.max(...own.map((cell) => cell.perSecond))),
      median(own.map((cell) => cell.p50Ms)).toFixed(2),
      median(own.map((cell) => cell.p99Ms)).toFixed(2),
      label === DIRECT ? '–' : added('p50Ms').toFixed(2),
      label === DIRECT ? '–' : added('p99Ms').toFixed(2),
      micros('cpuMicros'),
      micros('serverMicros'),
      String(own.reduce((sum, cell) => sum + cell.bad, 0)),
    ]
  })
}

/**
 * How many times as many calls Souk sells in a second as others answer in the same round, and as it
 * sells to the most buyers.
 */
export function ratios(cells: readonly Cell[]): string {
  const others = labelsOf(cells.filter(({ name, souk }) => !souk && name !== DIRECT))
  const sold = cells.filter(({ souk }) => souk)
  if (sold.length === 0) return ''
  const most = Math.max(...sold.map(({ souk }) => souk!.buyers))
  const headings = ['calls/s', ...others.map((other) => `to ${other}`), `to ${most} buyers`]
  return byCallers(cells, (own) => {
    const rates = (label: string) =>
      own.filter(({ contender }) => contender === label).map(({ perSecond }) => perSecond)
    const rows = labelsOf(sold).map((label) => {
      const { name, souk } = sold.find(({ contender }) => contender === label)!
      const toMost = labelOf({ name, souk: { ...souk!, buyers: most } })
      const ratios = [...others, toMost].map((other) => ratio(rates(label), rates(other)))
      return [label, ...ratios]
    })
    return [headings, ...rows]
  })
}

/** One line for each contender that gave a wrong answer in some round. */
export function faultsIn(cells: readonly Cell[]): string[] {
  return cells
    .filter(({ bad }) => bad > 0)
    .map((cell) => `${cell.contender}: ${cell.bad} bad answers, the first: ${cell.firstBad}`)
}

export function labelsOf(cells: readonly Cell[]): string[] {
  return [...new Set(cells.map(({ contender }) => contender))]
}
