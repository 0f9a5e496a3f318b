/** The ledger on PostgreSQL as gateways have it: one, or several that share a database. */
import { systemClock } from '#core/clock'
import { startThread } from '#core/thread'
import { type Ledger, postgresLedger, threadWriter } from '#ledger'
import { openPostgresStore } from '#store'
import { commitPair, openBuyers, requireBooks } from './ledger-books.js'
import type { LedgerThreadData } from './ledger-thread.js'
import type { LedgerWay } from './ledger-way.js'

/** How often a gateway tends its ledger. */
const TEND_MS = 3_000

export type OpenedLedger = { ledger: Ledger; close(): Promise<void> }

/** Group commit from so many gateways, each with a thread of its own; callers are spread over them. */
export async function postgresInBatches(
  way: Pick<LedgerWay, 'name' | 'naive'> & { url: string; gateways: number },
): Promise<LedgerWay> {
  const { url, gateways, ...named } = way
  const opened: OpenedLedger[] = []
  for (let i = 0; i < gateways; i++) opened.push(await openLedger(url))
  const [first] = opened
  await openBuyers(first!.ledger)
  return {
    ...named,
    pair(call, caller) {
      const { ledger } = opened[caller % gateways]!
      return commitPair((unit) => ledger.commit(unit), call)
    },
    async close(pairs) {
      await requireBooks(first!.ledger, pairs)
      for (const { close } of opened) await close()
    },
  }
}

/** The ledger of one gateway, tended as its timetable does. */
export async function openLedger(url: string): Promise<OpenedLedger> {
  const store = await openPostgresStore({ url })
  const workerData: LedgerThreadData = { url }
  const thread = startThread(new URL('./ledger-thread.js', import.meta.url), { workerData })
  const ledger = postgresLedger({ store, clock: systemClock, writer: threadWriter(thread) })
  let tended: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    tended = tended.then(() => ledger.tend())
  }, TEND_MS)
  return {
    ledger,
    async close() {
      clearInterval(timer)
      await tended
      await ledger.close()
      await store.close()
    },
  }
}
