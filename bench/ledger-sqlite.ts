/** The ledger on SQLite: as the gateway has it, and with a transaction for each command. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#core/clock'
import { startThread } from '#core/thread'
import { inlineWriter, type Ledger, sqliteLedger, threadWriter, type Writer } from '#ledger'
import { openStore, type SqliteStore } from '#store'
import { type Commit, commitPair, openBuyers, requireBooks } from './ledger-books.js'
import type { LedgerThreadData } from './ledger-thread.js'
import type { LedgerWay } from './ledger-way.js'

const NAIVE = 'SQLite, one transaction a command'

/** A thread writes what has come together. */
export function sqliteInBatches(): Promise<LedgerWay> {
  return onSqlite({
    name: 'SQLite, group commit',
    openWriter({ file }) {
      const workerData: LedgerThreadData = { file }
      const thread = startThread(new URL('./ledger-thread.js', import.meta.url), { workerData })
      return threadWriter(thread)
    },
    commitBy: (ledger) => (unit) => ledger.commit(unit),
  })
}

/** The same statements, each unit in a transaction of its own. */
export function sqliteOneByOne(): Promise<LedgerWay> {
  return onSqlite({
    name: NAIVE,
    openWriter: ({ money }) => inlineWriter(money),
    commitBy: (_ledger, writer) => async (unit) => (await writer.write([unit]))[0],
  })
}

async function onSqlite(way: {
  name: string
  openWriter(store: SqliteStore): Writer
  commitBy(ledger: Ledger, writer: Writer): Commit
}): Promise<LedgerWay> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-bench-'))
  const store = await openStore({ file: join(folder, 'souk.db') })
  const { money, turnstile, file } = store
  const writer = way.openWriter(store)
  const ledger = sqliteLedger({ money, turnstile, file, clock: systemClock, writer })
  await openBuyers(ledger)
  const commit = way.commitBy(ledger, writer)
  return {
    name: way.name,
    naive: NAIVE,
    pair: (call) => commitPair(commit, call),
    async close(pairs) {
      await requireBooks(ledger, pairs)
      await ledger.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
