/** Opens accounts, each with a first key. */
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import type { Tx } from '#store'
import type { Account, Along, NewAccount, Scope } from './accounts.js'
import { hashSecret, type KeyEnvironment, newSecret } from './api-key.js'
import { readLimits, showLimits } from './limits.js'

/** What a first key may do, and which key it descends from. */
type FirstKey = {
  scopes: readonly Scope[]
  parentId?: Id<'key'>
  expiresAtMs?: number | null
}

type Terms = NewAccount & {
  parentId?: Id<'account'>
  balance?: Account['balance']
}

/**
 * Opens an account inside a transaction.
 *
 * @throws Problem `slug_taken`.
 */
export async function openAccount(
  tx: Tx,
  terms: Terms,
  key: FirstKey,
  given: { nowMs: number; keyEnvironment: KeyEnvironment; along?: Along | undefined },
): Promise<{ account: Account; secret: string }> {
  const { nowMs } = given
  const id = newId('account', nowMs)
  const secret = newSecret(given.keyEnvironment)
  const account: Account = {
    id,
    slug: terms.slug ?? slugFrom(terms.name, id),
    name: terms.name,
    kind: terms.kind ?? 'account',
    limits: readLimits(terms.limits ?? {}),
    parentId: terms.parentId ?? null,
    balance: terms.balance ?? 'own',
    allow: terms.allow ?? {},
    status: 'active',
    suspension: null,
  }
  const made = await tx('accounts')
    .insert(rowOf(account, nowMs))
    .onConflict('slug')
    .ignore()
    .returning('id')
  if (made.length === 0) throw new Problem('slug_taken', `The slug "${account.slug}" is taken.`)
  await tx('api_keys').insert({
    id: newId('key', nowMs),
    account_id: id,
    parent_id: key.parentId ?? null,
    name: 'first key',
    hash: hashSecret(secret),
    scopes: JSON.stringify(key.scopes),
    limits: '{}',
    expires_at: key.expiresAtMs ?? null,
    created_at: nowMs,
  })
  await given.along?.(tx, id)
  return { account, secret }
}

function rowOf(account: Account, nowMs: number) {
  const { id, slug, name, kind, limits, parentId, balance, allow } = account
  return {
    ...{ id, slug, name, kind, balance },
    parent_id: parentId,
    limits: JSON.stringify(showLimits(limits)),
    allow: JSON.stringify(allow),
    created_at: nowMs,
  }
}

function slugFrom(name: string, id: string): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['account']
  return `${words.join('-').slice(0, 32).replace(/-$/, '')}-${id.slice(-6)}`
}
