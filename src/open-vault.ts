/** Opens the vault with the master key that the database was sealed with. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { readSetting, type Store } from '#store'
import { createVault, type Vault } from '#vault'
import { type Config, ConfigFault } from './config.js'
import { readOrMakeSecret, readSecret } from './secret-file.js'

/** The setting that names the master key. */
const FINGERPRINT = 'master_key_fingerprint'

/** Gateways on one database must have the same master key, or nothing sealed would open again. */
export async function openVault({ masterKey, dataDir }: Config, { db }: Store): Promise<Vault> {
  const known = await readSetting(db, FINGERPRINT)
  const vault = createVault(masterKey ?? masterKeyIn(dataDir, known === undefined))
  await db('settings')
    .insert({ name: FINGERPRINT, value: vault.fingerprint })
    .onConflict('name')
    .ignore()
  if ((await readSetting(db, FINGERPRINT)) === vault.fingerprint) return vault
  throw new ConfigFault(['SOUK_MASTER_KEY: it is not the key that this database was sealed with'])
}

/** @param mayBeMade for a database in which nothing is sealed yet. */
function masterKeyIn(dataDir: string, mayBeMade: boolean): Buffer {
  const file = join(dataDir, 'master.key')
  if (!mayBeMade && readSecret(file) === undefined) {
    throw new ConfigFault([`SOUK_MASTER_KEY: it is not set, and there is no ${file}`])
  }
  const key = Buffer.from(
    readOrMakeSecret(file, () => randomBytes(32).toString('base64')),
    'base64',
  )
  if (key.length === 32) return key
  throw new ConfigFault([`SOUK_MASTER_KEY: ${file} does not hold 32 bytes in base64`])
}
