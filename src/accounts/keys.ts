/** API keys: those that a key makes below itself, and which of them it may act on. */
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import type { Db, Store } from '#store'
import type { Account, Along, ApiKey, NewKey, Principal } from './accounts.js'
import { isNarrower } from './allowance.js'
import { hashSecret, type KeyEnvironment, newSecret } from './api-key.js'
import { exceeding, type Limits, readLimits, showLimits } from './limits.js'
import { type KeyRow, toKey } from './rows.js'

type Deps = { store: Store; clock: { now(): number }; keyEnvironment: KeyEnvironment }

/**
 * Makes a key below that of `parent`, which can do no more than that one.
 *
 * @param account whose key it is: that of `parent`, or one below it.
 * @throws Problem `insufficient_scope`, `invalid_request`.
 */
export async function createKey(
  { store, clock, keyEnvironment }: Deps,
  parent: Principal,
  account: Account,
  input: NewKey,
  along?: Along,
): Promise<{ key: ApiKey; secret: string }> {
  const limits = readLimits(input.limits ?? {})
  refuseMoreThanParent(parent, input, limits)
  const secret = newSecret(keyEnvironment)
  const now = clock.now()
  const key: ApiKey = {
    id: newId('key', now),
    accountId: account.id,
    parentId: parent.key.id,
    name: input.name,
    scopes: input.scopes,
    limits,
    allow: input.allow ?? {},
    expiresAtMs: input.expiresAtMs ?? parent.key.expiresAtMs,
    createdAtMs: now,
    revokedAtMs: null,
  }
  await store.inTransaction(async (tx) => {
    await tx('api_keys').insert({
      id: key.id,
      account_id: key.accountId,
      parent_id: key.parentId,
      name: key.name,
      hash: hashSecret(secret),
      scopes: JSON.stringify(key.scopes),
      limits: JSON.stringify(showLimits(limits)),
      allow: JSON.stringify(key.allow),
      expires_at: key.expiresAtMs,
      created_at: now,
    })
    await along?.(tx, key.id)
  })
  return { key, secret }
}

function refuseMoreThanParent(parent: Principal, input: NewKey, limits: Limits): void {
  refuseScopes(parent, input.scopes)
  const limit = exceeding(limits, parent.key.limits)
  if (limit) {
    throw new Problem('invalid_request', `limits.${limit} is more than this key's own limit.`)
  }
  if (!isNarrower(input.allow ?? {}, parent.key.allow)) {
    throw new Problem('invalid_request', "allow names something that this key's own list does not.")
  }
  const { expiresAtMs } = parent.key
  if (expiresAtMs !== null && (input.expiresAtMs ?? 0) > expiresAtMs) {
    throw new Problem('invalid_request', 'expires_at is later than that of this key.')
  }
}

/** @throws Problem `insufficient_scope` for a scope that the key of `parent` lacks. */
export function refuseScopes(parent: Principal, scopes: readonly string[]): void {
  const owned: readonly string[] = parent.key.scopes
  const scope = scopes.find((wanted) => !owned.includes(wanted))
  if (scope === undefined) return
  throw new Problem('insufficient_scope', `This key lacks the scope "${scope}" and cannot give it.`)
}

/** The key, if `by` is it or one that it descends from; the same 404 for all others. */
export async function ownKey(db: Db, by: Principal, keyId: string): Promise<ApiKey> {
  const accounts = db('accounts').where({ id: by.account.id }).orWhere({ parent_id: by.account.id })
  const rows = await db<KeyRow>('api_keys')
    .whereIn('account_id', accounts.select('id'))
    .where({ revoked_at: null })
  const keys = new Map(rows.map((row) => [row.id, toKey(row)]))
  const wanted = keys.get(keyId as Id<'key'>)
  for (let key = wanted; key; key = key.parentId === null ? undefined : keys.get(key.parentId)) {
    if (key.id === by.key.id) return wanted!
  }
  throw new Problem('key_not_found', 'There is no such key below the one that asks.')
}

/** All keys that an account ever had, oldest first. */
export async function listKeys(db: Db, accountId: string): Promise<ApiKey[]> {
  const rows = await db<KeyRow>('api_keys').where({ account_id: accountId }).orderBy('id')
  return rows.map(toKey)
}

/** The key's id, and those of all that descend from it. */
export async function subtree(db: Db, root: ApiKey): Promise<string[]> {
  const ids: string[] = [root.id]
  for (let level = [root.id as string]; level.length > 0; ) {
    const rows = await db('api_keys').whereIn('parent_id', level).select('id')
    level = rows.map((row) => row.id as string)
    ids.push(...level)
  }
  return ids
}
