/** The tools of a gateway of which there is the catalogue alone. */
import { createAccounts } from '#accounts'
import { createTools, type Tools } from '#tools'
import { createVault } from '#vault'
import type { ACatalogue } from './a-catalogue.js'

const KEYS = createVault(Buffer.alloc(32, 3))

export function createToolsOn({ store, clock, catalogue, upstreams }: ACatalogue): Tools {
  return createTools({
    ...{ store, clock, catalogue, upstreams, vault: KEYS },
    accounts: createAccounts({ store, clock, keyEnvironment: 'test' }),
    publicUrl: 'http://127.0.0.1:8402',
    timeMs: 1_000,
    report: (error) => {
      throw error
    },
  })
}
