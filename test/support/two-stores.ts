/** Two stores on one database, as two gateways have them. */
import { openPostgresStore, openStore, type Store } from '#store'
import { aPostgresUrl } from './a-postgres.js'
import { aStore } from './a-store.js'

export type TwoStores = { stores: readonly [Store, Store]; close(): Promise<void> }

export async function twoOnSqlite(): Promise<TwoStores> {
  const { store, close } = await aStore()
  const other = await openStore({ file: store.file })
  // SQLite waits for a lock in place: in one process it would wait for ever for a transaction that
  // the same thread has to end. So they pass one turnstile.
  const { inTransaction } = other
  other.inTransaction = (work) => store.turnstile.pass(() => inTransaction(work))
  return {
    stores: [store, other],
    close: async () => {
      await other.close()
      await close()
    },
  }
}

export async function twoOnPostgres(): Promise<TwoStores> {
  const { url, drop } = await aPostgresUrl()
  const stores = [await openPostgresStore({ url }), await openPostgresStore({ url })] as const
  return {
    stores,
    close: async () => {
      for (const store of stores) await store.close()
      await drop()
    },
  }
}
