/** Who is asking: by the secret of a key, or by an access token that stands for one. */
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import type { Db, Store } from '#store'
import type { Principal, Scope } from './accounts.js'
import { hashSecret, isMistyped } from './api-key.js'
import type { KeyCache } from './key-cache.js'
import { getAccount, type KeyRow, toKey } from './rows.js'

/** What finds the key of an access token. */
export type AccessTokens = {
  find(secret: string): Promise<
    | {
        keyId: Id<'key'>
        /** The only resource that it opens. */
        audience: string
        scopes: readonly Scope[]
        expiresAtMs: number
      }
    | undefined
  >
}

/** What is accepted besides the secret of a key. */
export type Accepts = {
  /** Access tokens for this resource, or for any of ours; none when absent. */
  audience?: string | 'any' | undefined
}

type Deps = { store: Store; clock: Clock; tokens?: AccessTokens | undefined }

/** @throws Problem `unauthenticated`. */
export async function authenticate(
  deps: Deps,
  cache: KeyCache,
  fixedHashes: ReadonlySet<string>,
  secret: string | undefined,
  accepts: Accepts,
): Promise<Principal> {
  if (secret === undefined || secret === '') {
    throw new Problem('unauthenticated', 'No API key was sent.')
  }
  const hash = hashSecret(secret)
  if (isMistyped(secret) && !fixedHashes.has(hash)) {
    throw new Problem('unauthenticated', 'The API key is mistyped.')
  }
  const principal = await cache.read(hash, () => load(deps, secret, hash))
  if (!principal || isOver(principal, deps.clock.now())) {
    throw new Problem('unauthenticated', 'The API key is unknown, revoked or expired.')
  }
  const { token } = principal
  if (token && accepts.audience !== 'any' && token.audience !== accepts.audience) {
    throw new Problem('unauthenticated', 'This access token is for another resource.', {
      action: 'Get a token for the address that you call, or use an API key.',
    })
  }
  return principal
}

/** The principal as it stands now. @throws Problem `unauthenticated` where its key ended meanwhile. */
export async function renew(
  { store, clock }: Omit<Deps, 'tokens'>,
  cache: KeyCache,
  { key, token }: Principal,
): Promise<Principal> {
  const now = await cache.read(key.id, () => loadPrincipal(store.db, { id: key.id }))
  const principal = now && token ? { ...now, key: { ...now.key, scopes: key.scopes }, token } : now
  if (principal && !isOver(principal, clock.now())) return principal
  throw new Problem('unauthenticated', 'The API key was revoked or expired meanwhile.')
}

function isOver({ key, token }: Principal, nowMs: number): boolean {
  const ends = [key.expiresAtMs, token?.expiresAtMs ?? null]
  return ends.some((endMs) => endMs !== null && endMs <= nowMs)
}

async function load(
  { store, tokens }: Deps,
  secret: string,
  hash: string,
): Promise<Principal | undefined> {
  const principal = await loadPrincipal(store.db, { hash })
  if (principal) return principal
  const token = await tokens?.find(secret)
  const behind = token && (await loadPrincipal(store.db, { id: token.keyId }))
  if (!behind) return undefined
  const scopes = behind.key.scopes.filter((scope) => token.scopes.includes(scope))
  const { audience, expiresAtMs } = token
  return { ...behind, key: { ...behind.key, scopes }, token: { audience, expiresAtMs } }
}

async function loadPrincipal(
  db: Db,
  where: { hash: string } | { id: string },
): Promise<Principal | undefined> {
  const row = await db<KeyRow>('api_keys')
    .where({ ...where, revoked_at: null })
    .first()
  if (!row) return undefined
  const key = toKey(row)
  const lineage = [{ id: key.id, limits: key.limits, allow: key.allow }]
  for (let parentId = key.parentId; parentId !== null; ) {
    const parent = toKey((await db<KeyRow>('api_keys').where({ id: parentId }).first())!)
    // A child that was being made while its parent was revoked.
    if (parent.revokedAtMs !== null) return undefined
    lineage.push({ id: parent.id, limits: parent.limits, allow: parent.allow })
    parentId = parent.parentId
  }
  const account = await getAccount(db, key.accountId)
  // A key that was being made while its account was closed.
  if (account.status === 'closed') return undefined
  const parent = account.parentId === null ? undefined : await getAccount(db, account.parentId)
  return { account, parent, key, lineage }
}
