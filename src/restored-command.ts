/**
 * `souk restored`: to be run once on a database that was restored, before the first start on it.
 *
 * Buyers may hold receipts that the backup does not know of. If chains went on from where the backup
 * ends, a `seq` of theirs would be given twice; so no chain goes on, and new ones begin.
 */
import { CATALOGUE_NAME } from '#catalogue'
import { openStore, type Store } from '#store'
import { type Config, ConfigFault } from './config.js'
import { lockFolder } from './folder-lock.js'
import { openServer } from './home.js'
import { fileOf, requireKnown } from './known-database.js'

/**
 * @returns the exit code.
 * @throws ConfigFault for wrong usage, without a database or its master key, and while a gateway
 *   has it to itself.
 */
export async function restoredCommand(
  config: Config,
  args: string[],
  say: (line: string) => void,
): Promise<number> {
  if (args.length > 0) throw new ConfigFault(['usage: souk restored'])
  await requireKnown(config)
  if (config.databaseUrl === undefined) await retireInFile(config)
  else await retireOnServer(config.databaseUrl)
  say('The chains of receipts end here; from the next start on, new ones begin.')
  return 0
}

async function retireInFile(config: Config): Promise<void> {
  // A gateway that runs would go on with the chain that it knows.
  const unlock = lockFolder(config.dataDir)
  try {
    await retire(await openStore({ file: fileOf(config) }))
  } finally {
    unlock()
  }
}

async function retireOnServer(url: string): Promise<void> {
  await retire(await openServer(url))
}

/** Whoever starts without a chain takes a new one. Here it is a setting, there one of the seats. */
async function retire({ kind, db, close }: Store): Promise<void> {
  try {
    // A search on a server may hold what the backup does not know of: it gets a new index there.
    await db('settings').where({ name: CATALOGUE_NAME }).delete()
    if (kind === 'sqlite') await db('settings').where({ name: 'chain_id' }).delete()
    else await db('leases').where('name', 'like', 'chain/%').delete()
  } finally {
    await close()
  }
}
