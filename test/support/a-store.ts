/** A database of its own in a temporary folder, and the ledger on it, for tests below the gateway. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handClock } from '#core/clock'
import { inlineWriter, type Ledger, sqliteLedger, type Writer } from '#ledger'
import { openStore, type Store } from '#store'

export type OpenedStore = { store: Store; close(): Promise<void> }

export async function aStore(): Promise<OpenedStore> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-store-'))
  const store = await openStore({ file: join(folder, 'souk.db') })
  return {
    store,
    close: async () => {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type OpenedLedger = OpenedStore & {
  ledger: Ledger
  clock: ReturnType<typeof handClock>
  /** How many units each flush held, in order. */
  flushes: number[]
}

/** @param makeWriter where batches are written; in this thread when absent. */
export async function aSqliteLedger(
  makeWriter: (store: Store) => Writer = ({ money }) => inlineWriter(money),
): Promise<OpenedLedger> {
  const { store, close } = await aStore()
  const { money, turnstile, file } = store
  const clock = handClock()
  const flushes: number[] = []
  const onFlush = (units: number) => flushes.push(units)
  const writer = makeWriter(store)
  const ledger = sqliteLedger({ money, turnstile, file, clock, writer, onFlush })
  return {
    store,
    ledger,
    clock,
    flushes,
    close: async () => {
      await ledger.close()
      await close()
    },
  }
}
