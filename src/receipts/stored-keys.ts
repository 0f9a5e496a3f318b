/** The signing keys in the database: private halves sealed, public halves kept for good. */
import type { Clock } from '#core/clock'
import type { Db, Tx } from '#store'
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
  await makeFirstKey(deps)
  const current = await deps
    .db<Row>('signing_keys')
    .whereNotNull('sealed_private_key')
    .orderBy('created_at', 'desc')
    .first()
  const pkcs8 = deps.vault.open(ownerOf(current!.kid), current!.sealed_private_key!)
  return keyRing(importSigningKey(pkcs8), await publicKeys(deps.db))
}

/** The public half of every key that ever signed, latest first. */
export async function publicKeys(db: Db): Promise<PublicJwk[]> {
  const rows = await db<Row>('signing_keys').orderBy('created_at', 'desc').orderBy('kid')
  return rows.map((row) => JSON.parse(row.public_jwk) as PublicJwk)
}

async function makeFirstKey(deps: Deps): Promise<void> {
  if (await hasKey(deps.db)) return
  await oneByOne(deps.db, async (tx) => {
    if (!(await hasKey(tx))) await replaceKey(tx, deps)
  })
}

async function hasKey(db: Db): Promise<boolean> {
  return (await db('signing_keys').whereNotNull('sealed_private_key').first('kid')) !== undefined
}

/**
 * Makes a new key, with which each gateway signs from its next start on. The private half of the old
 * one is destroyed; its public half stays, so that every receipt stays verifiable.
 *
 * @returns the `kid` of the new key.
 */
export function rotateKey(deps: Deps): Promise<string> {
  return oneByOne(deps.db, (tx) => replaceKey(tx, deps))
}

/** Of those that make a key at the same time, each sees what the one before it made. */
function oneByOne<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    // The row stays locked until the transaction ends.
    const turn = { name: 'first_signing_key', value: 'made' }
    await tx('settings').insert(turn).onConflict('name').merge()
    return work(tx)
  })
}

async function replaceKey(tx: Tx, { vault, clock }: Deps): Promise<string> {
  const { kid, pkcs8, publicJwk, createdAtMs } = newSigningKey(clock.now())
  await tx('signing_keys')
    .whereNotNull('sealed_private_key')
    .update({ sealed_private_key: null, retired_at: createdAtMs })
  await tx('signing_keys').insert({
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
