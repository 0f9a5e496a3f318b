/** A database of its own in a temporary folder, and the ledger on it, for tests below the gateway. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handClock } from '#core/clock'
import { startThread } from '#core/thread'
import {
  inlineWriter,
  type Ledger,
  nearestWriter,
  type OnFlush,
  postgresBatchWriter,
  postgresLedger,
  serialWriter,
  sqliteLedger,
  threadWriter,
  type Writer,
} from '#ledger'
import { connectPipeline, openPostgresStore, openStore, type SqliteStore, type Store } from '#store'
import { aPostgresUrl } from './a-postgres.js'
import { linkRecorder, linkRecorderOnPostgres } from './link-recorder.js'

export type OpenedStore = { store: SqliteStore; close(): Promise<void> }

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

/** A ledger that records links, and writes in this thread. */
export function aSqliteLedger(): Promise<OpenedLedger> {
  return openLedger(({ money }, onFlush) =>
    inlineWriter(money, { recorder: linkRecorder(money), onFlush }),
  )
}

/** The same, written in a thread of its own. */
export function aThreadedLedger(): Promise<OpenedLedger> {
  return openLedger(inThread)
}

/** The same, written wherever it is nearest, as a gateway does. Told of flushes in this thread. */
export function aNearbyLedger(): Promise<OpenedLedger> {
  return openLedger((store, onFlush) => {
    const here = inlineWriter(store.money, { recorder: linkRecorder(store.money), onFlush })
    return nearestWriter(here, inThread(store))
  })
}

function inThread({ file }: SqliteStore, onFlush?: OnFlush): Writer {
  const url = new URL('./link-writer-thread.js', import.meta.url)
  return threadWriter(startThread(url, { workerData: { file } }), onFlush)
}

async function openLedger(
  makeWriter: (store: SqliteStore, onFlush: OnFlush) => Writer,
): Promise<OpenedLedger> {
  const { store, close } = await aStore()
  const { money, turnstile, file } = store
  const clock = handClock()
  const flushes: number[] = []
  const writer = makeWriter(store, (units) => flushes.push(units))
  const ledger = sqliteLedger({ money, turnstile, file, clock, writer })
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

/** A ledger on a PostgreSQL database of its own, or on the one at `url`, beside others. */
export async function aPostgresLedger(url?: string): Promise<{
  store: Store
  ledger: Ledger
  close(): Promise<void>
}> {
  const database = url === undefined ? await aPostgresUrl() : { url, drop: async () => {} }
  const store = await openPostgresStore({ url: database.url })
  const connect = () => connectPipeline(database.url)
  const writer = serialWriter(postgresBatchWriter({ connect, recorderOf: linkRecorderOnPostgres }))
  const ledger = postgresLedger({ store, clock: handClock(), writer })
  return {
    store,
    ledger,
    close: async () => {
      await ledger.close()
      await store.close()
      await database.drop()
    },
  }
}
