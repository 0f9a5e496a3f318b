/**
 * Accounts below an account: with keys, usage and limits of their own, spending the parent's money or
 * their own. Their first keys descend from the key that made them, so that no key gives more than it
 * has. There is one level: a sub-account has none below it.
 */
import type { Clock } from '#core/clock'
import { type Id, isId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, int, type Store, type Tx } from '#store'
import type { Account, Along, ApiKey, NewKey, Principal, Scope } from './accounts.js'
import type { Allow } from './allowance.js'
import type { KeyEnvironment } from './api-key.js'
import { createKey, listKeys, refuseScopes } from './keys.js'
import { type LimitTerms, readLimits, showLimits } from './limits.js'
import { openAccount } from './opening.js'
import { type AccountRow, toAccount } from './rows.js'

/** Closed ones among them. */
const MAX_BELOW = 1_000

type NewSubAccount = {
  name: string
  slug?: string | undefined
  balance?: Account['balance'] | undefined
  limits?: LimitTerms | undefined
  allow?: Allow | undefined
  /** Of its first key; all of the key that makes it when absent. */
  scopes?: readonly Scope[] | undefined
}

export type AccountChange = {
  name?: string | undefined
  /** In place of all that it had. */
  limits?: LimitTerms | undefined
  allow?: Allow | undefined
}

/** Every function acts on accounts right below that of `by`; for all others: `account_not_found`. */
export type SubAccounts = {
  /** @throws Problem `slug_taken`, `forbidden` for a sub-account, `insufficient_scope`. */
  create(
    by: Principal,
    input: NewSubAccount,
    along?: Along,
  ): Promise<{ account: Account; secret: string }>
  list(by: Principal): Promise<Account[]>
  get(by: Principal, id: string): Promise<Account>
  change(by: Principal, id: string, change: AccountChange, along?: Along): Promise<Account>
  /** Ends its keys for good; what it bought, sold and owns stays on record. */
  close(by: Principal, id: string, along?: Along): Promise<void>
  listKeys(by: Principal, id: string): Promise<ApiKey[]>
  /** @throws Problem as {@link createKey}, `forbidden` for one that is closed. */
  createKey(
    by: Principal,
    id: string,
    input: NewKey,
    along?: Along,
  ): Promise<{ key: ApiKey; secret: string }>
}

type Deps = {
  store: Store
  clock: Clock
  keyEnvironment: KeyEnvironment
  /** Runs what changes what keys may do; other gateways learn of it. */
  changeKeys(change: (tx: Tx) => Promise<unknown>): Promise<void>
}

/** The account whose money pays for what a principal buys. */
export function payerOf({ account }: Pick<Principal, 'account'>): Id<'account'> {
  return account.balance === 'parent' ? (account.parentId ?? account.id) : account.id
}

export function createSubAccounts(deps: Deps): SubAccounts {
  const { store, clock } = deps
  return {
    async create(by, input, along) {
      if (by.account.parentId !== null) {
        throw new Problem('forbidden', 'A sub-account has no accounts below it.', {
          action: 'Ask the account above it.',
        })
      }
      const scopes = input.scopes ?? by.key.scopes
      refuseScopes(by, scopes)
      const terms = {
        ...input,
        balance: input.balance ?? ('parent' as const),
        parentId: by.account.id,
      }
      const key = { scopes, parentId: by.key.id, expiresAtMs: by.key.expiresAtMs }
      const given = { ...deps, nowMs: clock.now(), along }
      return store.inTransaction(async (tx) => {
        await refuseTooMany(tx, by)
        return openAccount(tx, terms, key, given)
      })
    },
    async list(by) {
      const rows = await below(store.db, by).orderBy('id')
      return rows.map(toAccount)
    },
    get: (by, id) => find(store.db, by, id),
    async change(by, id, change, along) {
      const { id: found } = await find(store.db, by, id)
      await deps.changeKeys(async (tx) => {
        await tx('accounts').where({ id: found }).update(columnsOf(change))
        await along?.(tx, found)
      })
      return find(store.db, by, found)
    },
    async close(by, id, along) {
      const { id: found } = await find(store.db, by, id)
      const now = clock.now()
      await deps.changeKeys(async (tx) => {
        await tx('accounts').where({ id: found }).update({ status: 'closed' })
        await tx('api_keys')
          .where({ account_id: found, revoked_at: null })
          .update({ revoked_at: now })
        await along?.(tx, found)
      })
    },
    listKeys: async (by, id) => listKeys(store.db, (await find(store.db, by, id)).id),
    async createKey(by, id, input, along) {
      const account = await find(store.db, by, id)
      if (account.status === 'closed') {
        throw new Problem('forbidden', 'This sub-account is closed.', {
          action: 'Make another one.',
        })
      }
      return createKey(deps, by, account, input, along)
    },
  }
}

async function refuseTooMany(tx: Tx, by: Principal): Promise<void> {
  const [row] = await below(tx, by).count({ count: '*' })
  if (int(row!.count) < MAX_BELOW) return
  throw new Problem('forbidden', `An account has at most ${MAX_BELOW} accounts below it.`, {
    action: 'Make keys of the sub-accounts that there are.',
  })
}

/** The columns of what is changed; what is absent stays. */
export function columnsOf({ name, limits, allow }: AccountChange): Record<string, string> {
  return {
    ...(name !== undefined && { name }),
    ...(limits && { limits: JSON.stringify(showLimits(readLimits(limits))) }),
    ...(allow && { allow: JSON.stringify(allow) }),
  }
}

function below(db: Db, { account }: Principal) {
  return db<AccountRow>('accounts').where({ parent_id: account.id })
}

async function find(db: Db, by: Principal, id: string): Promise<Account> {
  const row = isId('account', id) && (await below(db, by).where({ id }).first())
  if (!row) throw new Problem('account_not_found', 'There is no such sub-account of this account.')
  return toAccount(row)
}
