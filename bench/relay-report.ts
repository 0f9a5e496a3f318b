/** How Souk's relaying compares with that of others, as Markdown. */
import { DIRECT } from './contender.js'
import { type Cell, labelsOf } from './report.js'
import { byCallers, ratio } from './table.js'

/**
 * For each number of callers, and each other: how many times its calls Souk has, and how many times
 * the CPU time, without what each asks and with it.
 */
export function comparison(cells: readonly Cell[]): string {
  const sold = labelsOf(cells.filter(({ souk }) => souk))
  const others = labelsOf(cells.filter(({ name, souk }) => !souk && name !== DIRECT))
  if (sold.length === 0 || others.length === 0) return ''
  const headings = sold.flatMap((label) => [`${label}: calls/s`, 'CPU/call', 'with its server'])
  return byCallers(cells, (own) => {
    const rates = (label: string) => valuesOf(own, label, ({ perSecond }) => perSecond)
    const micros = (label: string) => valuesOf(own, label, ownMicros)
    const allMicros = (label: string) => valuesOf(own, label, withServerMicros)
    const rows = others.map((other) => [
      `to ${other}`,
      ...sold.flatMap((label) => [
        ratio(rates(label), rates(other)),
        ratio(micros(label), micros(other)),
        ratio(allMicros(label), allMicros(other)),
      ]),
    ])
    return [['Souk', ...headings], ...rows]
  })
}

/** What the gateway itself burns. */
function ownMicros({ cpuMicros }: Cell): number {
  return cpuMicros ?? Number.NaN
}

/** With its database, or the echo that it runs as a program. */
function withServerMicros(cell: Cell): number {
  return ownMicros(cell) + (cell.serverMicros ?? 0)
}

/** In the order of the rounds. */
function valuesOf(cells: readonly Cell[], label: string, take: (cell: Cell) => number) {
  return cells.filter(({ contender }) => contender === label).map(take)
}
