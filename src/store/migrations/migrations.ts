/** The migrations in order. They are listed, not found on disk, so that source and build agree. */
import type { Knex } from 'knex'
import * as accounts from './0001-accounts.js'
import * as catalogue from './0002-catalogue.js'
import * as ledger from './0003-ledger.js'
import * as calls from './0004-calls.js'
import * as statement from './0005-statement.js'
import * as accountLimits from './0006-account-limits.js'
import * as catalogueRevision from './0007-catalogue-revision.js'
import * as severalGateways from './0008-several-gateways.js'
import * as importSource from './0009-import-source.js'
import * as health from './0010-health.js'
import * as textFlags from './0011-text-flags.js'
import * as learning from './0012-learning.js'
import * as backends from './0013-backends.js'
import * as market from './0014-market.js'
import * as people from './0015-people.js'
import * as servers from './0016-servers.js'
import * as tools from './0017-tools.js'
import * as gateways from './0018-gateways.js'
import * as approvals from './0019-approvals.js'
import * as auditWaiting from './0020-audit-waiting.js'

const ordered: [name: string, migration: Knex.Migration][] = [
  ['0001-accounts', accounts],
  ['0002-catalogue', catalogue],
  ['0003-ledger', ledger],
  ['0004-calls', calls],
  ['0005-statement', statement],
  ['0006-account-limits', accountLimits],
  ['0007-catalogue-revision', catalogueRevision],
  ['0008-several-gateways', severalGateways],
  ['0009-import-source', importSource],
  ['0010-health', health],
  ['0011-text-flags', textFlags],
  ['0012-learning', learning],
  ['0013-backends', backends],
  ['0014-market', market],
  ['0015-people', people],
  ['0016-servers', servers],
  ['0017-tools', tools],
  ['0018-gateways', gateways],
  ['0019-approvals', approvals],
  ['0020-audit-waiting', auditWaiting],
]

/** What a database of this version has gone through. */
export const migrationNames: readonly string[] = ordered.map(([name]) => name)

export const migrations: Knex.MigrationSource<string> = {
  getMigrations: async () => ordered.map(([name]) => name),
  getMigrationName: (name) => name,
  getMigration: async (name) => ordered.find(([known]) => known === name)![1],
}
