/**
 * Who: accounts and their API keys. A key acts for its account within scopes, spending limits and
 * an expiry; the keys that it makes can never do more than itself.
 */
import { type Clock, toRfc3339 } from '#core/clock'
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { currentRevision, type Db, nextRevision, type Store, type Tx } from '#store'
import { hashSecret, isMistyped, type KeyEnvironment, newSecret } from './api-key.js'
import { createKeyCache, type KeyCache } from './key-cache.js'
import { exceeding, type Limits, type LimitTerms, readLimits, showLimits } from './limits.js'
import { type AccountRow, type KeyRow, toAccount, toKey } from './rows.js'

export { newSecret } from './api-key.js'
export {
  LIMIT_NAMES,
  type LimitName,
  type Limits,
  limitsSchema,
  spendersOf,
  windowOf,
} from './limits.js'
export { isSelfDealing } from './self-dealing.js'

/** Counts the changes of keys, and of limits of accounts. */
const KEYS = 'keys_revision'

export const SCOPES = ['call', 'sell', 'read', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

export type Account = {
  id: Id<'account'>
  slug: string
  name: string
  kind: 'operator' | 'account'
  /** What all its keys together may spend, as the operator set it. */
  limits: Limits
}

export type ApiKey = {
  id: Id<'key'>
  accountId: Id<'account'>
  parentId: Id<'key'> | null
  name: string
  scopes: readonly Scope[]
  limits: Limits
  expiresAtMs: number | null
  createdAtMs: number
  revokedAtMs: number | null
}

/** Who is asking: an account, the key it used, and the keys that one descends from. */
export type Principal = {
  account: Account
  key: ApiKey
  /** The key itself and its ancestors, each with limits of its own. */
  lineage: readonly { id: Id<'key'>; limits: Limits }[]
}

export type NewAccount = {
  name: string
  slug?: string | undefined
  kind?: Account['kind']
  limits?: LimitTerms | undefined
}

export type NewKey = {
  name: string
  scopes: readonly Scope[]
  limits?: LimitTerms | undefined
  expiresAtMs?: number | undefined
}

export type Accounts = {
  /** @throws Problem `unauthenticated` for a key that is missing, unknown, revoked or expired. */
  authenticate(secret: string | undefined): Promise<Principal>
  /** @throws Problem `slug_taken`. */
  create(input: NewAccount): Promise<{ account: Account; secret: string }>
  /** @throws Problem `account_not_found`. */
  get(id: string): Promise<Account>
  /**
   * Replaces the limits of an account; those that are absent no longer hold. What was spent before
   * counts only where the same limit stood before.
   *
   * @throws Problem `account_not_found`.
   */
  setLimits(id: string, terms: LimitTerms): Promise<Account>
  bySlug(slug: string): Promise<Account | undefined>
  /** Makes a key below `parent`. The secret is shown only here. */
  createKey(parent: Principal, input: NewKey): Promise<{ key: ApiKey; secret: string }>
  listKeys(accountId: string): Promise<ApiKey[]>
  rotateKey(by: Principal, keyId: string): Promise<{ key: ApiKey; secret: string }>
  /** Ends a key and every key that descends from it. */
  revokeKey(by: Principal, keyId: string): Promise<void>
  /** Gives the first key of an account this secret, of any form, and makes it valid again. */
  fixSecret(accountId: string, secret: string): Promise<void>
  /** To be called every second: learns whether another gateway changed keys or limits. */
  follow(): Promise<void>
}

type Deps = { store: Store; clock: Clock; keyEnvironment: KeyEnvironment }

export function createAccounts(deps: Deps): Accounts {
  const cache = createKeyCache(deps.clock)
  const fixedHashes = new Set<string>()
  let seen: number | undefined
  return {
    authenticate: (secret) => authenticate(deps, cache, fixedHashes, secret),
    create: (input) => createAccount(deps, input),
    get: (id) => getAccount(deps.store.db, id),
    setLimits: async (id, terms) => {
      const limits = JSON.stringify(showLimits(readLimits(terms)))
      await changeKeys((tx) => tx('accounts').where({ id }).update({ limits }))
      return getAccount(deps.store.db, id)
    },
    bySlug: async (slug) => {
      const row = await deps.store.db<AccountRow>('accounts').where({ slug }).first()
      return row && toAccount(row)
    },
    createKey: (parent, input) => createKey(deps, parent, input),
    listKeys: async (accountId) => {
      const rows = await deps.store
        .db<KeyRow>('api_keys')
        .where({ account_id: accountId })
        .orderBy('id')
      return rows.map(toKey)
    },
    rotateKey: async (by, keyId) => {
      const key = await ownKey(deps.store.db, by, keyId)
      const secret = newSecret(deps.keyEnvironment)
      const hash = hashSecret(secret)
      await changeKeys((tx) => tx('api_keys').where({ id: key.id }).update({ hash }))
      return { key, secret }
    },
    revokeKey: async (by, keyId) => {
      const key = await ownKey(deps.store.db, by, keyId)
      const ids = await subtree(deps.store.db, key)
      const now = deps.clock.now()
      await changeKeys((tx) => tx('api_keys').whereIn('id', ids).update({ revoked_at: now }))
    },
    fixSecret: async (accountId, secret) => {
      const hash = hashSecret(secret)
      fixedHashes.add(hash)
      const first = { account_id: accountId, parent_id: null }
      await changeKeys((tx) => tx('api_keys').where(first).update({ hash, revoked_at: null }))
    },
    async follow() {
      const askedAtMs = deps.clock.now()
      const revision = await currentRevision(deps.store.db, KEYS)
      if (revision === seen) return cache.confirm(askedAtMs)
      cache.clear()
      seen = revision
    },
  }

  /** Other gateways learn of it by the revision. */
  async function changeKeys(change: (tx: Tx) => Promise<unknown>): Promise<void> {
    await deps.store.inTransaction(async (tx) => {
      await nextRevision(tx, KEYS)
      await change(tx)
    })
    cache.clear()
  }
}

/** @throws Problem `insufficient_scope` unless the key has one of `scopes`. */
export function requireScope(principal: Principal, ...scopes: Scope[]): void {
  if (scopes.some((scope) => principal.key.scopes.includes(scope))) return
  throw new Problem('insufficient_scope', `This key lacks the scope "${scopes.join('" or "')}".`, {
    action: `Use a key that has the scope "${scopes[0]}".`,
    facts: { required_scope: scopes[0] },
  })
}

/** @throws Problem `forbidden` unless the key is the operator's. */
export function requireOperator(principal: Principal): void {
  if (principal.account.kind === 'operator') return
  throw new Problem('forbidden', 'Only the operator may do this.', {
    action: 'Use the operator key.',
  })
}

/** An account as its owner and the operator see it. */
export function showAccount(account: Account) {
  return { ...account, limits: showLimits(account.limits) }
}

/** A key as its owner sees it; the secret is not part of it. */
export function showKey(key: ApiKey): Record<string, unknown> {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    limits: showLimits(key.limits),
    expires_at: key.expiresAtMs === null ? null : toRfc3339(key.expiresAtMs),
    created_at: toRfc3339(key.createdAtMs),
    revoked_at: key.revokedAtMs === null ? null : toRfc3339(key.revokedAtMs),
    parent_id: key.parentId,
  }
}

async function authenticate(
  { store, clock }: Deps,
  cache: KeyCache,
  fixedHashes: ReadonlySet<string>,
  secret: string | undefined,
): Promise<Principal> {
  if (secret === undefined || secret === '') {
    throw new Problem('unauthenticated', 'No API key was sent.')
  }
  const hash = hashSecret(secret)
  if (isMistyped(secret) && !fixedHashes.has(hash)) {
    throw new Problem('unauthenticated', 'The API key is mistyped.')
  }
  const principal = await cache.read(hash, () => loadPrincipal(store.db, hash))
  const expiresAtMs = principal?.key.expiresAtMs ?? null
  if (!principal || (expiresAtMs !== null && expiresAtMs <= clock.now())) {
    throw new Problem('unauthenticated', 'The API key is unknown, revoked or expired.')
  }
  return principal
}

async function loadPrincipal(db: Db, hash: string): Promise<Principal | undefined> {
  const row = await db<KeyRow>('api_keys').where({ hash, revoked_at: null }).first()
  if (!row) return undefined
  const key = toKey(row)
  const lineage = [{ id: key.id, limits: key.limits }]
  for (let parentId = key.parentId; parentId !== null; ) {
    const parent = toKey((await db<KeyRow>('api_keys').where({ id: parentId }).first())!)
    // A child that was being made while its parent was revoked.
    if (parent.revokedAtMs !== null) return undefined
    lineage.push({ id: parent.id, limits: parent.limits })
    parentId = parent.parentId
  }
  return { account: await getAccount(db, key.accountId), key, lineage }
}

async function getAccount(db: Db, id: string): Promise<Account> {
  const row = await db<AccountRow>('accounts').where({ id }).first()
  if (!row) throw new Problem('account_not_found', 'There is no account with this id.')
  return toAccount(row)
}

async function createAccount(
  { store, clock, keyEnvironment }: Deps,
  input: NewAccount,
): Promise<{ account: Account; secret: string }> {
  const now = clock.now()
  const id = newId('account', now)
  const slug = input.slug ?? slugFrom(input.name, id)
  const secret = newSecret(keyEnvironment)
  const limits = readLimits(input.limits ?? {})
  const account: Account = { id, slug, name: input.name, kind: input.kind ?? 'account', limits }
  await store.inTransaction(async (tx) => {
    const row = { ...account, limits: JSON.stringify(showLimits(limits)), created_at: now }
    const made = await tx('accounts').insert(row).onConflict('slug').ignore().returning('id')
    if (made.length === 0) throw new Problem('slug_taken', `The slug "${slug}" is taken.`)
    await tx('api_keys').insert({
      id: newId('key', now),
      account_id: id,
      name: 'first key',
      hash: hashSecret(secret),
      scopes: JSON.stringify(SCOPES),
      limits: '{}',
      created_at: now,
    })
  })
  return { account, secret }
}

function slugFrom(name: string, id: string): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['account']
  return `${words.join('-').slice(0, 32).replace(/-$/, '')}-${id.slice(-6)}`
}

async function createKey(
  { store, clock, keyEnvironment }: Deps,
  parent: Principal,
  input: NewKey,
): Promise<{ key: ApiKey; secret: string }> {
  const limits = readLimits(input.limits ?? {})
  refuseMoreThanParent(parent, input, limits)
  const secret = newSecret(keyEnvironment)
  const now = clock.now()
  const key: ApiKey = {
    id: newId('key', now),
    accountId: parent.account.id,
    parentId: parent.key.id,
    name: input.name,
    scopes: input.scopes,
    limits,
    expiresAtMs: input.expiresAtMs ?? parent.key.expiresAtMs,
    createdAtMs: now,
    revokedAtMs: null,
  }
  await store.db('api_keys').insert({
    id: key.id,
    account_id: key.accountId,
    parent_id: key.parentId,
    name: key.name,
    hash: hashSecret(secret),
    scopes: JSON.stringify(key.scopes),
    limits: JSON.stringify(showLimits(limits)),
    expires_at: key.expiresAtMs,
    created_at: now,
  })
  return { key, secret }
}

function refuseMoreThanParent(parent: Principal, input: NewKey, limits: Limits): void {
  const scope = input.scopes.find((wanted) => !parent.key.scopes.includes(wanted))
  if (scope) {
    throw new Problem(
      'insufficient_scope',
      `This key lacks the scope "${scope}" and cannot give it.`,
    )
  }
  const limit = exceeding(limits, parent.key.limits)
  if (limit) {
    throw new Problem('invalid_request', `limits.${limit} is more than this key's own limit.`)
  }
  const { expiresAtMs } = parent.key
  if (expiresAtMs !== null && (input.expiresAtMs ?? 0) > expiresAtMs) {
    throw new Problem('invalid_request', 'expires_at is later than that of this key.')
  }
}

/** The key, if `by` is it or one that it descends from; the same 404 for all others. */
async function ownKey(db: Db, by: Principal, keyId: string): Promise<ApiKey> {
  const rows = await db<KeyRow>('api_keys').where({ account_id: by.account.id, revoked_at: null })
  const keys = new Map(rows.map((row) => [row.id, toKey(row)]))
  const wanted = keys.get(keyId as Id<'key'>)
  for (let key = wanted; key; key = key.parentId === null ? undefined : keys.get(key.parentId)) {
    if (key.id === by.key.id) return wanted!
  }
  throw new Problem('key_not_found', 'There is no such key below the one that asks.')
}

async function subtree(db: Db, root: ApiKey): Promise<string[]> {
  const ids: string[] = [root.id]
  for (let level = [root.id as string]; level.length > 0; ) {
    const rows = await db('api_keys').whereIn('parent_id', level).select('id')
    level = rows.map((row) => row.id as string)
    ids.push(...level)
  }
  return ids
}
