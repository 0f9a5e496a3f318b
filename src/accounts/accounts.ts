/**
 * Who: accounts and their API keys. A key acts for its account within scopes, spending limits and
 * an expiry; the keys that it makes can never do more than itself.
 */
import { type Clock, toRfc3339 } from '#core/clock'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { currentRevision, nextRevision, type Store, type Tx } from '#store'
import type { Allow } from './allowance.js'
import { hashSecret, type KeyEnvironment, newSecret } from './api-key.js'
import { type Accepts, type AccessTokens, authenticate, renew } from './authenticate.js'
import { createGrantKeys, type GrantKeys, NO_SECRET, refuseGrantKey } from './grant-keys.js'
import { createKeyCache } from './key-cache.js'
import { createKey, listKeys, ownKey, subtree } from './keys.js'
import { type Limits, type LimitTerms, showLimits } from './limits.js'
import { type AccountQuery, listAccounts } from './listing-accounts.js'
import { openAccount } from './opening.js'
import { type AccountRow, getAccount, toAccount } from './rows.js'
import { createParties, type Parties } from './self-dealing.js'
import { createSignUps, type SignUpMode, type SignUps } from './signing-up.js'
import {
  type AccountChange,
  columnsOf,
  createSubAccounts,
  type SubAccounts,
} from './sub-accounts.js'
import {
  type NewSuspension,
  refuseSuspended,
  resume,
  type Suspension,
  suspend,
} from './suspension.js'

export {
  allowedListings,
  allowSchema,
  listsEdition,
  mayUse,
  serversNamedFor,
  type Thing,
} from './allowance.js'
export { newSecret } from './api-key.js'
export {
  LIMIT_NAMES,
  type LimitName,
  type Limits,
  type LimitTerms,
  limitsSchema,
  spendersOf,
  windowOf,
} from './limits.js'
export type { Parties } from './self-dealing.js'
export { INVITE_CODE, SIGN_UP_MODES, type SignUp, type SignUpMode } from './signing-up.js'
export { payerOf } from './sub-accounts.js'
export {
  refuseSuspended,
  SUSPENSION_CATEGORIES,
  type Suspension,
  stoppedSellers,
  suspensionOf,
} from './suspension.js'

/** Counts the changes of keys, and of what accounts may do. */
const KEYS = 'keys_revision'

export const SCOPES = ['call', 'sell', 'read', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

export type Account = {
  id: Id<'account'>
  slug: string
  name: string
  kind: 'operator' | 'account'
  /** What all its keys together may spend, as the operator set it, or the account above. */
  limits: Limits
  /** The account above it, for a sub-account. */
  parentId: Id<'account'> | null
  /** Whose money it spends. */
  balance: 'own' | 'parent'
  /** What its keys may use, as the operator set it, or the account above. */
  allow: Allow
  /** `closed`: a sub-account that its parent ended. */
  status: 'active' | 'suspended' | 'closed'
  /** Why it is suspended; the account above it may be, too. */
  suspension: Suspension | null
}

export type ApiKey = {
  id: Id<'key'>
  accountId: Id<'account'>
  parentId: Id<'key'> | null
  name: string
  scopes: readonly Scope[]
  limits: Limits
  allow: Allow
  expiresAtMs: number | null
  createdAtMs: number
  revokedAtMs: number | null
}

/** Who is asking: an account, the key it used, and the keys that one descends from. */
export type Principal = {
  account: Account
  key: ApiKey
  /** The account above, for a key of a sub-account. */
  parent?: Account | undefined
  /** Where an access token was used: the only resource that it opens, and until when. */
  token?: { audience: string; expiresAtMs: number }
  /** The key itself and its ancestors, each with limits and a list of its own. */
  lineage: readonly { id: Id<'key'>; limits: Limits; allow?: Allow }[]
}

/**
 * What is written in the transaction of a change, last, so that the two stand or fall together.
 *
 * @param id of what was made or changed.
 * @param found what only the change knows of itself.
 */
export type Along = (
  tx: Tx,
  id: string,
  found?: Readonly<Record<string, unknown>>,
) => Promise<unknown>

export type NewAccount = {
  name: string
  slug?: string | undefined
  kind?: Account['kind']
  limits?: LimitTerms | undefined
  allow?: Allow | undefined
}

export type NewKey = {
  name: string
  scopes: readonly Scope[]
  limits?: LimitTerms | undefined
  allow?: Allow | undefined
  expiresAtMs?: number | undefined
}

export type Accounts = Parties &
  GrantKeys & {
    /**
     * @param accepts which access tokens do, besides the secrets of keys; none when absent.
     * @throws Problem `unauthenticated` for what is missing, unknown, revoked, expired or for elsewhere.
     */
    authenticate(secret: string | undefined, accepts?: Accepts): Promise<Principal>
    /**
     * Who was asking, as that stands now: for what takes longer than a moment.
     *
     * @throws Problem `unauthenticated` where the key ended meanwhile.
     */
    renew(principal: Principal): Promise<Principal>
    /** @throws Problem `slug_taken`. */
    create(input: NewAccount, along?: Along): Promise<{ account: Account; secret: string }>
    /** @throws Problem `account_not_found`. */
    get(id: string): Promise<Account>
    /** Those that a query lets through, by their ids; `next` where there are more. */
    list(query: AccountQuery): Promise<{ accounts: Account[]; next?: string }>
    /**
     * Replaces the limits of an account, or its list. Limits that are absent no longer hold. What was
     * spent before counts only where the same limit stood before.
     *
     * @throws Problem `account_not_found`.
     */
    change(id: string, change: AccountChange, along?: Along): Promise<Account>
    /** Stops an account and those below it, see `suspension.ts`. */
    suspend(id: string, why: NewSuspension, along?: Along): Promise<Account>
    resume(id: string, along?: Along): Promise<Account>
    subAccounts: SubAccounts
    /** How people get an account by themselves; see `signing-up.ts`. */
    signUps: SignUps
    bySlug(slug: string): Promise<Account | undefined>
    /** Makes a key below `parent`. The secret is shown only here. */
    createKey(
      parent: Principal,
      input: NewKey,
      along?: Along,
    ): Promise<{ key: ApiKey; secret: string }>
    listKeys(accountId: string): Promise<ApiKey[]>
    rotateKey(by: Principal, keyId: string, along?: Along): Promise<{ key: ApiKey; secret: string }>
    /** Ends a key and every key that descends from it. */
    revokeKey(by: Principal, keyId: string, along?: Along): Promise<void>
    /** Gives the first key of an account this secret, of any form, and makes it valid again. */
    fixSecret(accountId: string, secret: string): Promise<void>
    /** To be called every second: learns whether another gateway changed keys or limits. */
    follow(): Promise<void>
  }

type Deps = {
  store: Store
  clock: Clock
  keyEnvironment: KeyEnvironment
  /** Finds the keys of access tokens; there are none when absent. */
  tokens?: AccessTokens
  /** Who may sign up; nobody when absent. */
  signUp?: SignUpMode
}

export function createAccounts(deps: Deps): Accounts {
  const cache = createKeyCache(deps.clock)
  const fixedHashes = new Set<string>()
  const { db } = deps.store
  let seen: number | undefined
  return {
    ...createGrantKeys({ ...deps, changeKeys }),
    authenticate: (secret, accepts = {}) => authenticate(deps, cache, fixedHashes, secret, accepts),
    renew: (principal) => renew(deps, cache, principal),
    create: (input, along) =>
      deps.store.inTransaction((tx) =>
        openAccount(tx, input, { scopes: SCOPES }, { ...deps, nowMs: deps.clock.now(), along }),
      ),
    get: (id) => getAccount(db, id),
    list: (query) => listAccounts(db, query),
    change: async (id, change, along) => {
      await getAccount(db, id)
      await changeKeys(async (tx) => {
        await tx('accounts').where({ id }).update(columnsOf(change))
        await along?.(tx, id)
      })
      return getAccount(db, id)
    },
    suspend: (id, why, along) => suspend({ ...deps, db, changeKeys }, id, why, along),
    resume: (id, along) => resume({ ...deps, db, changeKeys }, id, along),
    subAccounts: createSubAccounts({ ...deps, changeKeys }),
    signUps: createSignUps({ ...deps, mode: deps.signUp ?? 'off' }),
    ...createParties(deps.store),
    bySlug: async (slug) => {
      const row = await db<AccountRow>('accounts').where({ slug }).first()
      return row && toAccount(row)
    },
    createKey: (parent, input, along) => createKey(deps, parent, parent.account, input, along),
    listKeys: (accountId) => listKeys(db, accountId),
    rotateKey: async (by, keyId, along) => {
      const key = await ownKey(db, by, keyId)
      const secret = newSecret(deps.keyEnvironment)
      const hash = hashSecret(secret)
      await changeKeys(async (tx) => {
        await refuseGrantKey(tx, key.id)
        await tx('api_keys').where({ id: key.id }).update({ hash })
        await along?.(tx, key.id)
      })
      return { key, secret }
    },
    revokeKey: async (by, keyId, along) => {
      const key = await ownKey(db, by, keyId)
      const ids = await subtree(db, key)
      const now = deps.clock.now()
      await changeKeys(async (tx) => {
        await tx('api_keys').whereIn('id', ids).update({ revoked_at: now })
        await along?.(tx, key.id)
      })
    },
    fixSecret: async (accountId, secret) => {
      const hash = hashSecret(secret)
      fixedHashes.add(hash)
      const first = { account_id: accountId, parent_id: null }
      await changeKeys(async (tx) => {
        const keys = tx('api_keys').where(first).whereNot('hash', 'like', `${NO_SECRET}%`)
        const { id } = await keys.first('id')
        await tx('api_keys').where({ id }).update({ hash, revoked_at: null })
      })
    },
    async follow() {
      const askedAtMs = deps.clock.now()
      const revision = await currentRevision(db, KEYS)
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

/**
 * Lets pass who may do one of several things. A suspended account may only do what reading allows.
 *
 * @throws Problem `insufficient_scope` unless the key has one of `scopes`, `account_suspended`.
 */
export function requireScope(principal: Principal, ...scopes: Scope[]): void {
  if (!scopes.includes('read')) refuseSuspended(principal)
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

/** An account as its owner and the operator see it; why it is suspended is not part of it. */
export function showAccount({ id, slug, name, kind, limits, ...account }: Account) {
  const { parentId, balance, allow, status } = account
  return {
    ...{ id, slug, name, kind, status },
    limits: showLimits(limits),
    ...(Object.keys(allow).length > 0 && { allow }),
    ...(parentId !== null && { parent_id: parentId, balance }),
  }
}

/** An account as the operator sees it among all others. */
export function showAccountToOperator(account: Account) {
  const { suspension } = account
  if (!suspension) return showAccount(account)
  const { category, reason, atMs } = suspension
  return { ...showAccount(account), suspended: { category, reason, since: toRfc3339(atMs) } }
}

/** A key as its owner sees it; the secret is not part of it. */
export function showKey(key: ApiKey): Record<string, unknown> {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    limits: showLimits(key.limits),
    ...(Object.keys(key.allow).length > 0 && { allow: key.allow }),
    expires_at: key.expiresAtMs === null ? null : toRfc3339(key.expiresAtMs),
    created_at: toRfc3339(key.createdAtMs),
    revoked_at: key.revokedAtMs === null ? null : toRfc3339(key.revokedAtMs),
    parent_id: key.parentId,
  }
}
