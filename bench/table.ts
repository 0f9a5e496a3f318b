/** Tables of medians as Markdown, and what they were taken on. */
import { arch, cpus, loadavg, platform, totalmem } from 'node:os'

/** What the numbers were taken on. */
export function machine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  return `${cpu?.model.trim()}, ${cpus().length} cores, ${memory}, ${platform()} ${arch()}, node ${process.version}, load average ${load}`
}

/** A table for each number of callers. */
export function byCallers<Cell extends { callers: number }>(
  cells: readonly Cell[],
  rowsOf: (cells: readonly Cell[]) => string[][],
): string {
  const counts = [...new Set(cells.map(({ callers }) => callers))]
  const tables = counts.map((count) => {
    const rows = rowsOf(cells.filter(({ callers }) => callers === count))
    return `${count} ${count === 1 ? 'caller' : 'callers'}\n\n${markdown(rows)}`
  })
  return tables.join('\n\n')
}

/** @param others under the headings but the first; without it columns are numbers, to the right. */
export function markdown([headings, ...rows]: string[][], others = '---:'): string {
  const rule = headings!.map((_, column) => (column === 0 ? '---' : others))
  return [headings!, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** How many times the one as the other, round by round; the median of that. */
export function ratio(rates: readonly number[], others: readonly number[]): string {
  return `${median(rates.map((rate, round) => rate / others[round]!)).toFixed(2)} ×`
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
