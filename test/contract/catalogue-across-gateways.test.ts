import { openPostgresStore, openStore } from '#store'
import { aPostgresUrl } from '../support/a-postgres.js'
import { aStore } from '../support/a-store.js'
import { catalogueAcrossGateways } from './catalogue-across-gateways.contract.js'

catalogueAcrossGateways('one SQLite file', async () => {
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
})

catalogueAcrossGateways('PostgreSQL', async () => {
  const { url, drop } = await aPostgresUrl()
  const stores = [await openPostgresStore({ url }), await openPostgresStore({ url })] as const
  return {
    stores,
    close: async () => {
      for (const store of stores) await store.close()
      await drop()
    },
  }
})
