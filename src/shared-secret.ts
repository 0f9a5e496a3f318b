/**
 * Secrets that one gateway made and all gateways on the database know: sealed in its settings, so
 * that they open with the master key alone.
 */
import { readSetting, type Store, writeSetting } from '#store'
import type { Vault } from '#vault'

type Deps = { store: Store; vault: Vault }

/** Names a secret; it is also the name of its setting. */
type SecretName = 'operator_key' | 'sandbox_keys'

export async function readShared({ store, vault }: Deps, name: SecretName) {
  const sealed = await readSetting(store.db, name)
  if (sealed === undefined) return undefined
  return vault.open(`setting|${name}`, Buffer.from(sealed, 'base64')).toString('utf8')
}

export async function share({ store, vault }: Deps, name: SecretName, secret: string) {
  const sealed = vault.seal(`setting|${name}`, Buffer.from(secret, 'utf8'))
  await writeSetting(store.db, name, sealed.toString('base64'))
}

export async function stopSharing({ store }: Deps, name: SecretName): Promise<void> {
  await store.db('settings').where({ name }).delete()
}
