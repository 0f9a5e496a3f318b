/**
 * The keys behind what people let programs do (OAuth grants). They have no secret: access tokens
 * stand for them, with what a key has besides. They descend from the account's first key, so that it
 * can end them as it can all others.
 */
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, intOrNull, type Store, type Tx } from '#store'
import type { Account, Along, ApiKey, Scope } from './accounts.js'
import { type LimitTerms, readLimits, showLimits } from './limits.js'
import { type KeyRow, toKey } from './rows.js'

/** In place of the SHA-256 of a secret; no secret has it. */
export const NO_SECRET = 'grant:'

type NewGrantKey = {
  account: Account
  /** Of the program, as people know it. */
  name: string
  scopes: readonly Scope[]
  limits: LimitTerms
  expiresAtMs: number
}

type Deps = {
  store: Store
  clock: { now(): number }
  changeKeys(change: (tx: Tx) => Promise<unknown>): Promise<void>
}

export type GrantKeys = {
  /**
   * Makes a key that only access tokens stand for, with no more scopes than the account's first key,
   * and for no longer.
   *
   * @throws Problem `insufficient_scope` where none is left, `forbidden` where that key is gone and
   *   the account stands below another.
   */
  createGrantKey(input: NewGrantKey, along?: Along): Promise<ApiKey>
  /** Ends such a key, at once; any other stays as it is. */
  revokeGrantKey(keyId: string, along?: Along): Promise<void>
  /**
   * The key that those keys descend from: the one that an account was opened with, or what is left of
   * those that the account above made, while it is good.
   */
  firstKeyId(accountId: string): Promise<Id<'key'> | undefined>
}

export function createGrantKeys({ store, clock, changeKeys }: Deps): GrantKeys {
  return {
    async createGrantKey({ account, name, scopes, limits: terms, expiresAtMs }, along) {
      const now = clock.now()
      const id = newId('key', now)
      const limits = JSON.stringify(showLimits(readLimits(terms)))
      const row = {
        id,
        account_id: account.id,
        name,
        hash: NO_SECRET + id,
        limits,
        created_at: now,
      }
      return store.inTransaction(async (tx) => {
        const first = await firstKey(tx, account.id, now)
        const above = {
          parent_id: first?.id ?? null,
          scopes: scopesWithin(first, account, scopes),
          expires_at: Math.min(expiresAtMs, intOrNull(first?.expires_at) ?? expiresAtMs),
        }
        const [made] = await tx<KeyRow>('api_keys')
          .insert({ ...row, ...above } as never)
          .returning('*')
        await along?.(tx, id)
        return toKey(made as KeyRow)
      })
    },
    async revokeGrantKey(keyId, along) {
      await changeKeys(async (tx) => {
        const revoked = await tx('api_keys')
          .where({ id: keyId, hash: NO_SECRET + keyId, revoked_at: null })
          .update({ revoked_at: clock.now() })
        if (revoked > 0) await along?.(tx, keyId)
      })
    },
    firstKeyId: async (accountId) =>
      (await firstKey(store.db, accountId, clock.now()))?.id as Id<'key'> | undefined,
  }
}

function firstKey(db: Db, accountId: string, nowMs: number): Promise<KeyRow | undefined> {
  const above = db('api_keys as above')
    .whereRaw('above.id = api_keys.parent_id and above.account_id = api_keys.account_id')
    .select('above.id')
  return db<KeyRow>('api_keys')
    .where({ account_id: accountId, revoked_at: null })
    .whereNot('hash', 'like', `${NO_SECRET}%`)
    .whereNotExists(above)
    .where((end) => end.whereNull('expires_at').orWhere('expires_at', '>', nowMs))
    .orderBy('id')
    .first()
}

/** The scopes that a person can give, as they are stored. */
function scopesWithin(
  first: KeyRow | undefined,
  account: Account,
  scopes: readonly Scope[],
): string {
  // Its key ties a sub-account to what the account above gave it.
  if (!first && account.parentId !== null) {
    throw new Problem('forbidden', 'The first key of this account was ended.')
  }
  const given = first ? toKey(first).scopes : scopes
  const both = scopes.filter((scope) => given.includes(scope))
  if (both.length > 0) return JSON.stringify(both)
  throw new Problem('insufficient_scope', 'This account cannot give any of these scopes.')
}

/** @throws Problem `invalid_request` for a key that must not get a secret. */
export async function refuseGrantKey(tx: Tx, keyId: string): Promise<void> {
  const grant = await tx<KeyRow>('api_keys')
    .where({ id: keyId, hash: NO_SECRET + keyId })
    .first()
  if (!grant) return
  throw new Problem('invalid_request', 'This key belongs to a program that a person let in.', {
    action: 'End it with DELETE, or make a key with POST /v1/keys.',
  })
}
