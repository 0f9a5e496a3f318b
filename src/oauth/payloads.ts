/**
 * Where the library keeps its things: one table for all kinds, on both databases. Ids, which are
 * often secrets, are kept as SHA-256, the things themselves sealed.
 */
import { hash } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { Clock } from '#core/clock'
import { intOrNull, type Store } from '#store'

/** Registering costs nothing, so a client that nobody let in is forgotten soon. */
const UNUSED_CLIENT_LIFE_MS = 24 * 60 * 60_000
/** After it last got a token. */
const CLIENT_LIFE_MS = 200 * 24 * 60 * 60_000

export type Sealer = {
  seal(owner: string, plaintext: Uint8Array): Buffer
  open(owner: string, sealed: Uint8Array): Buffer
}

type PayloadDeps = { store: Store; clock: Clock; sealer: Sealer }

type Deps = PayloadDeps & {
  /** Told when what a grant gave must end; by the hash of the grant. */
  onGrantEnded(grantHash: string): Promise<void>
  /** The error of the library for a code or refresh token that is used a second time. */
  usedTwice(): Error
}

type PayloadRow = {
  kind: string
  hash: string
  sealed: Buffer
  grant_hash: string | null
  uid_hash: string | null
  consumed_at: bigint | null
  expires_at: bigint | null
}

export function hashOf(id: string): string {
  return hash('sha256', id)
}

/** What is kept of one thing, if it did not run out yet. */
export async function readPayload(
  { store, clock, sealer }: PayloadDeps,
  kind: string,
  where: { hash: string } | { uid_hash: string },
): Promise<AdapterPayload | undefined> {
  const row = await store
    .db<PayloadRow>('oauth_payloads')
    .where({ kind })
    .where(where)
    .where((alive) => alive.whereNull('expires_at').orWhere('expires_at', '>', clock.now()))
    .first()
  if (!row) return undefined
  const payload = JSON.parse(sealer.open(ownerOf(kind, row.hash), row.sealed).toString())
  const consumedAtMs = intOrNull(row.consumed_at)
  return consumedAtMs === null ? payload : { ...payload, consumed: Math.floor(consumedAtMs / 1000) }
}

/** What the library takes for its database: an adapter for each kind of thing. */
export function createPayloads(deps: Deps): (kind: string) => Adapter {
  const { store, clock, sealer } = deps
  return (kind) => ({
    async upsert(id, payload, expiresInS) {
      const row = {
        kind,
        hash: hashOf(id),
        sealed: sealer.seal(ownerOf(kind, hashOf(id)), Buffer.from(JSON.stringify(payload))),
        grant_hash: payload.grantId === undefined ? null : hashOf(payload.grantId),
        uid_hash: payload.uid === undefined ? null : hashOf(payload.uid),
        expires_at: expiryOf(kind, clock.now(), expiresInS),
      }
      await store.db('oauth_payloads').insert(row).onConflict(['kind', 'hash']).merge()
    },
    find: (id) => readPayload(deps, kind, { hash: hashOf(id) }),
    findByUid: (uid) => readPayload(deps, kind, { uid_hash: hashOf(uid) }),
    findByUserCode: async () => undefined,
    async consume(id) {
      const mine = { kind, hash: hashOf(id) }
      const [row] = await store
        .db<PayloadRow>('oauth_payloads')
        .where(mine)
        .whereNull('consumed_at')
        .update({ consumed_at: BigInt(clock.now()) })
        .returning('hash')
      if (row) return
      // Two came with the same at the same time. One of them is a thief, and who can say which.
      const used = await store.db<PayloadRow>('oauth_payloads').where(mine).first('grant_hash')
      if (used?.grant_hash) await deps.onGrantEnded(used.grant_hash)
      throw deps.usedTwice()
    },
    async destroy(id) {
      if (kind === 'Grant') await deps.onGrantEnded(hashOf(id))
      await store
        .db('oauth_payloads')
        .where({ kind, hash: hashOf(id) })
        .delete()
    },
    async revokeByGrantId(grantId) {
      await store
        .db('oauth_payloads')
        .where({ kind, grant_hash: hashOf(grantId) })
        .delete()
    },
  })
}

/** A client that gets a token stays known for a while. */
export async function keepClient({ store, clock }: PayloadDeps, clientId: string): Promise<void> {
  await store
    .db('oauth_payloads')
    .where({ kind: 'Client', hash: hashOf(clientId) })
    .update({ expires_at: clock.now() + CLIENT_LIFE_MS })
}

/** Deletes what ran out. */
export async function purgePayloads({ store, clock }: PayloadDeps): Promise<void> {
  await store.db('oauth_payloads').where('expires_at', '<', clock.now()).delete()
}

function expiryOf(kind: string, nowMs: number, expiresInS: number | undefined): number | null {
  if (expiresInS !== undefined) return nowMs + expiresInS * 1000
  return kind === 'Client' ? nowMs + UNUSED_CLIENT_LIFE_MS : null
}

function ownerOf(kind: string, idHash: string): string {
  return `oauth:${kind}:${idHash}`
}
