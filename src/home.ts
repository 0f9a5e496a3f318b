/** Where all state lives: SQLite in the data folder, or a PostgreSQL that gateways share. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '#core/clock'
import { startThread } from '#core/thread'
import {
  inlineWriter,
  type Ledger,
  nearestWriter,
  type OnFlush,
  postgresLedger,
  sqliteLedger,
  threadWriter,
} from '#ledger'
import { receiptRecorder, type SigningKey } from '#receipts'
import {
  type Leases,
  openPostgresStore,
  openStore,
  type PostgresStore,
  postgresLeases,
  readSetting,
  type Store,
  soleLeases,
  writeSetting,
} from '#store'
import { type Config, ConfigFault } from './config.js'
import type { WriterHome, WriterThreadData } from './writer-thread.js'

export type Home = {
  store: Store
  leases: Leases
  /** Whether this gateway alone uses the database. */
  isSole: boolean
  openLedger(options: {
    clock: Clock
    issuer: string
    key: SigningKey
    onFlush: OnFlush
  }): Promise<Ledger>
}

/** @throws ConfigFault when the database cannot be opened. */
export function openHome({ databaseUrl, dataDir }: Config): Promise<Home> {
  return databaseUrl === undefined ? inFile(join(dataDir, 'souk.db')) : onServer(databaseUrl)
}

async function inFile(file: string): Promise<Home> {
  const store = await openStore({ file })
  return {
    store,
    leases: soleLeases(),
    isSole: true,
    async openLedger({ clock, onFlush, ...signing }) {
      const { money, turnstile } = store
      const chainId = await ownChainId(store)
      const recorder = receiptRecorder({ ...signing, connection: money, chainId })
      const here = inlineWriter(money, { recorder, onFlush })
      const writer = nearestWriter(here, inThread({ file, chainId }, signing, onFlush))
      return sqliteLedger({ money, turnstile, file, clock, writer })
    },
  }
}

/** @throws ConfigFault saying why the database cannot be used. */
export function openServer(url: string): Promise<PostgresStore> {
  return openPostgresStore({ url }).catch((error: Error & { code?: string }) => {
    throw new ConfigFault([`DATABASE_URL: the database cannot be used (${whyNot(error)})`])
  })
}

/** Why a server cannot be used, in words for a person. */
export function whyNot({ message, code }: Error & { code?: string }): string {
  if (/password must be a string/.test(message)) return 'it asks for a password'
  // Where a host has several addresses that all refuse, there is a code and no message.
  return message || (code ?? 'it does not answer')
}

async function onServer(url: string): Promise<Home> {
  const store = await openServer(url)
  return {
    store,
    leases: postgresLeases({ store }),
    isSole: false,
    async openLedger({ clock, onFlush, ...signing }) {
      return postgresLedger({ store, clock, writer: inThread({ url }, signing, onFlush) })
    },
  }
}

function inThread(home: WriterHome, signing: Omit<WriterThreadData, 'home'>, onFlush: OnFlush) {
  const workerData: WriterThreadData = { home, ...signing }
  return threadWriter(
    startThread(new URL('./writer-thread.js', import.meta.url), { workerData }),
    onFlush,
  )
}

/** A gateway with a database of its own has one chain of receipts a buyer, from start to start. */
async function ownChainId({ db }: Store): Promise<string> {
  const known = await readSetting(db, 'chain_id')
  if (known !== undefined) return known
  const made = randomBytes(8).toString('hex')
  await writeSetting(db, 'chain_id', made)
  return made
}
