/**
 * The database as commands find it that must not make one: it exists, its schema is that of this
 * version, and the master key is the one that it was sealed with.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFileForReading, openServerForReading, type Reader, settingOn } from '#store'
import { createVault, type Vault } from '#vault'
import { type Config, ConfigFault } from './config.js'
import { whyNot } from './home.js'

/** @throws ConfigFault without a database or its master key. */
export async function openKnown(config: Config): Promise<{ reader: Reader; vault: Vault }> {
  const reader = await openDatabase(config)
  try {
    return { reader, vault: await openVault(config, reader) }
  } catch (error) {
    await reader.close()
    throw error
  }
}

/** @throws ConfigFault as {@link openKnown}. */
export async function requireKnown(config: Config): Promise<void> {
  const { reader } = await openKnown(config)
  await reader.close()
}

export function fileOf({ dataDir }: Config): string {
  return join(dataDir, 'souk.db')
}

async function openDatabase(config: Config): Promise<Reader> {
  const { databaseUrl } = config
  if (databaseUrl !== undefined) {
    return openServerForReading(databaseUrl).catch((error: Error) => {
      throw new ConfigFault([`DATABASE_URL: the database cannot be read (${whyNot(error)})`])
    })
  }
  const file = fileOf(config)
  const reader = await openFileForReading(file).catch((error: Error) => {
    throw new ConfigFault([`SOUK_DATA_DIR: ${file}: ${error.message}`])
  })
  if (reader) return reader
  throw new ConfigFault([`SOUK_DATA_DIR: there is no database ${file}`])
}

async function openVault(config: Config, reader: Reader): Promise<Vault> {
  const vault = createVault(config.masterKey ?? readMasterKey(join(config.dataDir, 'master.key')))
  if ((await settingOn(reader, 'master_key_fingerprint')) === vault.fingerprint) return vault
  throw new ConfigFault(['SOUK_MASTER_KEY: it is not the key that this database was sealed with'])
}

function readMasterKey(file: string): Buffer {
  if (!existsSync(file)) {
    throw new ConfigFault([`SOUK_MASTER_KEY: it is not set, and there is no ${file}`])
  }
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
  if (key.length === 32) return key
  throw new ConfigFault([`SOUK_MASTER_KEY: ${file} does not hold 32 bytes in base64`])
}
