/** How Souk's relaying compares with that of others, as Markdown. */
import { DIRECT } from './contender.js'
import { type Cell, labelsOf } from './report.js'
import { byCallers, ratio } from './table.js'

/** For each number of callers, and each other: how many times its calls, and its CPU time, Souk has. */
export function comparison(cells: readonly Cell[]): string {
  const sold = labelsOf(cells.filter(({ souk }) => souk))
  const others = labelsOf(cells.filter(({ name, souk }) => !souk && name !== DIRECT))
  if (sold.length === 0 || others.length === 0) return ''
  const headings = sold.flatMap((label) => [`${label}: calls/s`, 'CPU/call'])
  return byCallers(cells, (own) => {
    const rates = (label: string) => valuesOf(own, label, ({ perSecond }) => perSecond)
    const micros = (label: string) => valuesOf(own, label, cpuOf)
    const rows = others.map((other) => [
      `to ${other}`,
      ...sold.flatMap((label) => [
        ratio(rates(label), rates(other)),
        ratio(micros(label), micros(other)),
      ]),
    ])
    return [['Souk', ...headings], ...rows]
  })
}

/** Not that of the database, nor of the echo that others run: what the gateway itself burns. */
function cpuOf({ cpuMicros }: Cell): number {
  return cpuMicros ?? Number.NaN
}

/** In the order of the rounds. */
function valuesOf(cells: readonly Cell[], label: string, take: (cell: Cell) => number) {
  return cells.filter(({ contender }) => contender === label).map(take)
}
