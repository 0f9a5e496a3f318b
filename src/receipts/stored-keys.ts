/** The signing keys in the database: private halves sealed, public halves kept for good. */
import type { Clock } from '#core/clock'
import type { Db } from '#store'
import {
  importSigningKey,
  type KeyRing,
  keyRing,
  newSigningKey,
  type PublicJwk,
} from './signing-keys.js'

type Sealer = {
  seal(owner: string, plaintext: Uint8Array): Buffer
  open(owner: string, sealed: Uint8Array): Buffer
}

type Deps = { db: Db; vault: Sealer; clock: Clock }

type Row = { kid: string; public_jwk: string; sealed_private_key: Buffer | null }

/** All keys, latest first; the first start makes one. */
export async function loadKeyRing(deps: Deps): Promise<KeyRing> {
  const rows = await deps.db<Row>('signing_keys').orderBy('created_at', 'desc').orderBy('kid')
  const current = rows.find((row) => row.sealed_private_key !== null)
  if (!current) {
    await rotateKey(deps)
    return loadKeyRing(deps)
  }
  const pkcs8 = deps.vault.open(ownerOf(current.kid), current.sealed_private_key!)
  const publicJwks = rows.map((row) => JSON.parse(row.public_jwk) as PublicJwk)
  return keyRing(importSigningKey(pkcs8), publicJwks)
}

/**
 * Makes a new key that signs from the next start on. The private half of the old one is destroyed;
 * its public half stays, so that every receipt stays verifiable.
 *
 * @returns the `kid` of the new key.
 */
export async function rotateKey({ db, vault, clock }: Deps): Promise<string> {
  const { kid, pkcs8, publicJwk, createdAtMs } = newSigningKey(clock.now())
  await db('signing_keys')
    .whereNotNull('sealed_private_key')
    .update({ sealed_private_key: null, retired_at: createdAtMs })
  await db('signing_keys').insert({
    kid,
    public_jwk: JSON.stringify(publicJwk),
    sealed_private_key: vault.seal(ownerOf(kid), pkcs8),
    created_at: createdAtMs,
  })
  return kid
}

/** Whose secret a private half is: it binds the sealed record to its key. */
export function ownerOf(kid: string): string {
  return `receipts|${kid}`
}
