/** A database that a simulation runs on: what a gateway is opened on, and what is left of it. */
import { checkCalls } from '#calls'
import type { Clock } from '#core/clock'
import type { Ledger } from '#ledger'
import { checkChains, type loadKeyRing } from '#receipts'
import type { Reader, Store } from '#store'
import { createVault } from '#vault'
import { START_MS } from './market.js'

/** What a gateway process has of its own of the database. */
export type Connected = {
  ledger: Ledger
  store: Store
  /** As the death of the process does: nothing that waits is written any more. */
  abandon(): Promise<void>
}

/** How the way to a database breaks at a commit: before it is made, or before that is known. */
export type Break = 'before' | 'after'

export type Process = {
  /** Which of the gateways, from 0; one that is dead is followed by another. */
  slot: number
  clock: Clock
  /** Whether the connection breaks at this commit. A database in a file has none. */
  breaks(): Break | undefined
}

export type Database = {
  /** For those who look at what is stored; it is never abandoned. */
  store: Store
  ledger: Ledger
  ring: Awaited<ReturnType<typeof loadKeyRing>>
  connect(process: Process): Promise<Connected>
  /** Sets the clock of a database that has one of its own, by which it judges deadlines. */
  setClock?: (nowMs: number) => Promise<void>
  /** What audit and doctor find wrong with the whole database. */
  findings(): Promise<string[]>
  close(): Promise<void>
}

export type Adapter = {
  name: 'SQLite' | 'PostgreSQL'
  /** How many gateways share the database, seed by seed. */
  gateways: readonly number[]
  open(): Promise<Database>
}

export const ISSUER = 'https://souk.example'
export const vault = createVault(Buffer.alloc(32, 7))
/** The time at which every storm begins. */
export const atTheStart: Clock = { now: () => START_MS }

/** What audit and doctor find wrong; closes the reader. */
export async function findingsOf(ledger: Ledger, reader: Reader): Promise<string[]> {
  try {
    const audit = await ledger.audit()
    const calls = await checkCalls({ reader, progress: () => {} })
    const chains = await checkChains({ reader, vault, progress: () => {} })
    return [
      ...audit.findings.map(({ address, fault }) => `${address}: ${fault}`),
      ...[...calls.first, ...chains.first].map(({ what }) => what),
    ]
  } finally {
    await reader.close()
  }
}
