/**
 * The ledger alone: pairs of hold and capture a second, durable, from so many callers at once, with
 * one buyer for all of them and with a thousand. Beside the ledger of each home the way that one
 * would write first there. All in turns in one run; at the end the books of all are audited.
 */
import { systemClock } from '#core/clock'
import { cpuMicros } from './cpu.js'
import { inTurns, type Turn } from './in-turns.js'
import { forUpdate } from './ledger-for-update.js'
import { postgresInBatches } from './ledger-postgres.js'
import { sqliteInBatches, sqliteOneByOne } from './ledger-sqlite.js'
import { type LedgerCell, ledgerTables } from './ledger-tables.js'
import { buyerAt, type LedgerWay } from './ledger-way.js'
import { type Postgres, startBenchPostgres } from './postgres.js'
import type { Home, Settings } from './settings.js'

export async function benchLedger(settings: Settings): Promise<string> {
  const needsPostgres = settings.homes.some((home) => home !== 'sqlite')
  const postgres = needsPostgres ? await startBenchPostgres() : undefined
  const ways = await openWays(settings.homes, postgres)
  const contenders = ways.flatMap((way) => settings.buyers.map((buyers) => ({ way, buyers })))
  const all = await inTurns(settings, contenders, async ({ way, buyers }, turn) => {
    const { name, naive } = way
    return { name, naive, buyers, ...turn, ...(await loaded(way, buyers, turn, postgres?.pid)) }
  })
  const pairsOf = (cells: readonly LedgerCell[]) => cells.reduce((sum, cell) => sum + cell.pairs, 0)
  for (const { name, close } of ways) await close(pairsOf(all.filter((cell) => cell.name === name)))
  await postgres?.close()
  const tables = ledgerTables(all.filter(({ round }) => round > 0))
  return `${tables}\n\n${pairsOf(all)} pairs; the books of each ledger are those of its pairs, no holds are open.`
}

async function openWays(homes: readonly Home[], postgres: Postgres | undefined) {
  const ways: LedgerWay[] = []
  if (homes.includes('sqlite')) ways.push(await sqliteInBatches(), await sqliteOneByOne())
  if (!postgres) return ways
  const naive = 'PostgreSQL, FOR UPDATE'
  for (const [home, gateways, name] of [
    ['postgres', 1, 'PostgreSQL, one gateway'],
    ['postgres-3', 3, 'PostgreSQL, three gateways'],
  ] as const) {
    if (!homes.includes(home)) continue
    const url = await postgres.createDatabase(`gateways_${gateways}`)
    ways.push(await postgresInBatches({ name, naive, url, gateways }))
  }
  const url = await postgres.createDatabase('for_update')
  ways.push(await forUpdate({ name: naive, naive, url }))
  return ways
}

let references = 0

async function loaded(
  way: LedgerWay,
  buyers: number,
  { callers, seconds }: Turn,
  databasePid: number | undefined,
) {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const databaseBefore = databaseMicros()
  let pairs = 0
  const ask = async (_: unknown, caller: number) => {
    while (performance.now() - startedAt < seconds * 1000) {
      const n = ++references
      const reference = `call_${String(n).padStart(12, '0')}`
      await way.pair({ reference, account: buyerAt(n % buyers), atMs: systemClock.now() }, caller)
      pairs++
    }
  }
  await Promise.all(Array.from({ length: callers }, ask))
  const tookSeconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return {
    pairs,
    pairsPerSecond: pairs / tookSeconds,
    cpuMicros: (cpu.user + cpu.system) / pairs,
    databaseMicros: (databaseMicros() - databaseBefore) / pairs,
  }

  function databaseMicros(): number {
    return (databasePid !== undefined && cpuMicros([databasePid])) || 0
  }
}
