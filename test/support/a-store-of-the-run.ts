/** A store on the database that this test file runs on, and a reader of it from outside. */
import { inject } from 'vitest'
import {
  openFileForReading,
  openPostgresStore,
  openServerForReading,
  type Reader,
  type Store,
} from '#store'
import { aPostgresUrl } from './a-postgres.js'
import { aStore } from './a-store.js'

export type StoreOfTheRun = {
  store: Store
  openReader(): Promise<Reader>
  close(): Promise<void>
}

export async function aStoreOfTheRun(): Promise<StoreOfTheRun> {
  if (inject('database') === 'sqlite') {
    const { store, close } = await aStore()
    return { store, openReader: async () => (await openFileForReading(store.file))!, close }
  }
  const { url, drop } = await aPostgresUrl()
  const store = await openPostgresStore({ url })
  return {
    store,
    openReader: () => openServerForReading(url),
    async close() {
      await store.close()
      await drop()
    },
  }
}
