/**
 * The ledger alone: pairs of hold and capture a second, durable, from so many callers at once. Beside
 * it the plain way, in which each command has a transaction of its own, with the same statements on
 * the same database; and one buyer for all callers beside a thousand. All in turns in one run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#core/clock'
import { nanos } from '#core/money'
import { startThread } from '#core/thread'
import { inlineWriter, type Ledger, sqliteLedger, threadWriter, type Unit } from '#ledger'
import { openStore } from '#store'
import { markdown, median, whole } from './report.js'
import type { Settings } from './settings.js'

const BUYERS = 1_000
const CREDIT = nanos(1_000_000_000_000_000n)
const CHARGE = nanos(1_000_000n)
const FEE = nanos(50_000n)
const HOLD = nanos(1_050_000n)

type Commit = (unit: Unit) => Promise<unknown>
type Contender = { name: string; commit: Commit; ledger: Ledger; close(): Promise<void> }
type Cell = { name: string; callers: number; pairsPerSecond: number; cpuMicros: number }

export async function benchLedger(settings: Settings): Promise<string> {
  const contenders = [await inBatches(), await oneByOne()]
  const ways = [
    ...contenders.map((contender) => ({ ...contender, buyers: 1 })),
    { ...contenders[0]!, name: `${contenders[0]!.name}, ${BUYERS} buyers`, buyers: BUYERS },
  ]
  const cells: Cell[] = []
  for (let round = 0; round <= settings.rounds; round++) {
    for (const callers of settings.callers) {
      for (const { name, commit, buyers } of ways) {
        const cell = await load(commit, { callers, buyers, seconds: settings.seconds })
        // The first round warms up.
        if (round > 0) cells.push({ name, callers, ...cell })
      }
    }
  }
  for (const { name, ledger, close } of contenders) {
    const { balanced, openHolds } = await ledger.audit()
    if (!balanced || openHolds > 0) throw new Error(`${name}: the books are wrong`)
    await close()
  }
  return settings.callers.map((callers) => table(cells, callers)).join('\n\n')
}

/** The ledger as the gateway has it: a thread writes what has come together. */
async function inBatches(): Promise<Contender> {
  const { store, remove } = await aStore()
  const thread = startThread(new URL('./ledger-thread.js', import.meta.url), {
    workerData: { file: store.file },
  })
  const { money, turnstile, file } = store
  const writer = threadWriter(thread)
  const ledger = sqliteLedger({ money, turnstile, file, clock: systemClock, writer })
  await openBuyers(ledger)
  const close = async () => {
    await ledger.close()
    await remove()
  }
  return { name: 'group commit', commit: (unit) => ledger.commit(unit), ledger, close }
}

/** Each unit in a transaction of its own. */
async function oneByOne(): Promise<Contender> {
  const { store, remove } = await aStore()
  const { money, turnstile, file } = store
  const writer = inlineWriter(money)
  const ledger = sqliteLedger({ money, turnstile, file, clock: systemClock, writer })
  await openBuyers(ledger)
  return {
    name: 'one transaction a command',
    commit: (unit) => writer.write([unit]),
    ledger,
    close: remove,
  }
}

async function aStore() {
  const folder = mkdtempSync(join(tmpdir(), 'souk-bench-'))
  const store = await openStore({ file: join(folder, 'souk.db') })
  const remove = async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { store, remove }
}

async function openBuyers(ledger: Ledger): Promise<void> {
  const grants = Array.from({ length: BUYERS }, (_, i) =>
    ledger.commit({
      commands: [
        {
          kind: 'grant',
          reference: `grant_${i}`,
          account: `acct_${i}`,
          amount: CREDIT,
          memo: 'benchmark',
          atMs: systemClock.now(),
        },
      ],
    }),
  )
  await Promise.all(grants)
}

let references = 0

async function load(
  commit: Commit,
  { callers, buyers, seconds }: { callers: number; buyers: number; seconds: number },
): Promise<{ pairsPerSecond: number; cpuMicros: number }> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  let pairs = 0
  const caller = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      await pair(commit, `acct_${references % buyers}`)
      pairs++
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const tookSeconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return { pairsPerSecond: pairs / tookSeconds, cpuMicros: (cpu.user + cpu.system) / pairs }
}

async function pair(commit: Commit, account: string): Promise<void> {
  const atMs = systemClock.now()
  const reference = `call_${String(++references).padStart(12, '0')}`
  const deadlineMs = atMs + 60_000
  await commit({
    commands: [{ kind: 'hold', reference, account, amount: HOLD, deadlineMs, counters: [], atMs }],
  })
  const seller = 'acct_seller'
  await commit({
    commands: [{ kind: 'capture', reference, seller, charge: CHARGE, fee: FEE, atMs }],
  })
}

function table(all: readonly Cell[], callers: number): string {
  const cells = all.filter((cell) => cell.callers === callers)
  const names = [...new Set(cells.map(({ name }) => name))]
  const of = (name: string) => cells.filter((cell) => cell.name === name)
  const plain = of('one transaction a command').map(({ pairsPerSecond }) => pairsPerSecond)
  const rows = names.map((name) => {
    const rates = of(name).map(({ pairsPerSecond }) => pairsPerSecond)
    return [
      name,
      whole(median(rates)),
      whole(Math.max(...rates)),
      `${median(rates.map((rate, round) => rate / plain[round]!)).toFixed(1)} ×`,
      whole(median(of(name).map(({ cpuMicros }) => cpuMicros))),
    ]
  })
  const headings = ['ledger', 'pairs/s median', 'best', 'to one by one', 'CPU µs/pair']
  return `${callers} callers, hold and capture\n\n${markdown([headings, ...rows])}`
}
