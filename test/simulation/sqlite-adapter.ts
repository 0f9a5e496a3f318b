/** SQLite in a real file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '#core/clock'
import { inlineWriter, sqliteLedger } from '#ledger'
import { loadKeyRing, receiptRecorder } from '#receipts'
import { openConnection, openFileForReading, openStore } from '#store'
import {
  type Adapter,
  atTheStart,
  type Connected,
  type Database,
  findingsOf,
  ISSUER,
  vault,
} from './adapter.js'

/**
 * In one process several gateways can have one file, as each transaction is over before another
 * begins: the spine is under the same strain as on a database that they share in earnest.
 */
export const sqlite: Adapter = { name: 'SQLite', gateways: [1, 1, 3], open }

async function open(): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-simulation-'))
  const file = join(folder, 'souk.db')
  const store = await openStore({ file })
  const ring = await loadKeyRing({ db: store.db, vault, clock: atTheStart })
  // A process that dies loses nothing that was given to the system; only a power cut would.
  await store.db.raw('pragma synchronous = off')
  const reader = connectTo('reader', atTheStart)
  return {
    store,
    ledger: reader.ledger,
    ring,
    connect: async ({ slot, clock }) => connectTo(`chain-${slot}`, clock),
    findings: async () => findingsOf(reader.ledger, (await openFileForReading(file))!),
    async close() {
      await reader.abandon()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  /** A connection that writes, of a ledger of its own, as each process has one. */
  function connectTo(chainId: string, clock: Clock): Connected {
    const connection = openConnection(file)
    connection.pragma('synchronous = off')
    const recorder = receiptRecorder({ connection, issuer: ISSUER, chainId, key: ring.current })
    const { money, turnstile } = store
    const writer = inlineWriter(connection, { recorder })
    return {
      ledger: sqliteLedger({ money, turnstile, file, clock, writer }),
      store,
      abandon: async () => {
        connection.close()
      },
    }
  }
}
