/** The measurements of the ledger alone as Markdown: a table for each number of callers. */
import { byCallers, median, ratio, whole } from './table.js'

/** One way under load by so many callers for so many buyers in one round. */
export type LedgerCell = {
  name: string
  naive: string
  round: number
  callers: number
  buyers: number
  pairs: number
  pairsPerSecond: number
  /** Of this process, the load included, for each pair. */
  cpuMicros: number
  /** Of the database server, for each pair; nothing where there is none. */
  databaseMicros: number
}

const HEADINGS = [
  'ledger',
  'buyers',
  'pairs/s median',
  'best',
  'to the naive way',
  'to most buyers',
  'CPU µs/pair',
  'its server',
]

export function ledgerTables(cells: readonly LedgerCell[]): string {
  return byCallers(cells, (own) => [HEADINGS, ...rowsOf(own)])
}

function rowsOf(cells: readonly LedgerCell[]): string[][] {
  const of = (name: string, buyers: number) =>
    cells.filter((cell) => cell.name === name && cell.buyers === buyers)
  const rates = (name: string, buyers: number) =>
    of(name, buyers).map(({ pairsPerSecond }) => pairsPerSecond)
  const most = Math.max(...cells.map(({ buyers }) => buyers))
  return cells
    .filter(({ round }) => round === 1)
    .map(({ name, naive, buyers }) => {
      const own = of(name, buyers)
      const ownRates = rates(name, buyers)
      return [
        name,
        whole(buyers),
        whole(median(ownRates)),
        whole(Math.max(...ownRates)),
        ratio(ownRates, rates(naive, buyers)),
        ratio(ownRates, rates(name, most)),
        whole(median(own.map(({ cpuMicros }) => cpuMicros))),
        whole(median(own.map(({ databaseMicros }) => databaseMicros))),
      ]
    })
}
