/** Credentials at rest: sealed for their owner, opened only to be sent. */
import type { Vault } from '#vault'
import type { Credential } from './credential.js'

export type CredentialVault = Pick<Vault, 'seal' | 'open'>

/** @param owner whose secret it is; only the same owner opens it. */
export function sealCredential(
  vault: CredentialVault,
  owner: string,
  credential: Credential,
): Buffer {
  return vault.seal(owner, Buffer.from(JSON.stringify(credential)))
}

export function openCredential(
  vault: CredentialVault,
  owner: string,
  sealed: Uint8Array,
): Credential {
  return JSON.parse(vault.open(owner, sealed).toString('utf8')) as Credential
}
