/** Both databases for tests that go through them by themselves, each opened empty. */
import { openPostgresStore, type Store } from '#store'
import { aPostgresUrl } from './a-postgres.js'
import { aStore } from './a-store.js'

export const databases: [string, () => Promise<{ store: Store; close(): Promise<void> }>][] = [
  ['SQLite', aStore],
  [
    'PostgreSQL',
    async () => {
      const { url, drop } = await aPostgresUrl()
      const store = await openPostgresStore({ url })
      return { store, close: () => store.close().then(drop) }
    },
  ],
]
