/** Rows of this folder's tables, and what they mean. */
import { type Id, isId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, int, intOrNull } from '#store'
import type { Account, ApiKey, Scope } from './accounts.js'
import { readLimits } from './limits.js'

export type AccountRow = {
  id: string
  slug: string
  name: string
  kind: string
  limits: string
  parent_id: string | null
  balance: string
  allow: string
  status: string
  suspension: string | null
}

export type KeyRow = {
  id: string
  account_id: string
  parent_id: string | null
  name: string
  hash: string
  scopes: string
  limits: string
  allow: string
  expires_at: bigint | null
  revoked_at: bigint | null
  created_at: bigint
}

/** @throws Problem `account_not_found`. */
export async function getAccount(db: Db, id: string): Promise<Account> {
  const row = isId('account', id) && (await db<AccountRow>('accounts').where({ id }).first())
  if (!row) throw new Problem('account_not_found', 'There is no account with this id.')
  return toAccount(row)
}

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id as Id<'account'>,
    slug: row.slug,
    name: row.name,
    kind: row.kind === 'operator' ? 'operator' : 'account',
    limits: readLimits(JSON.parse(row.limits)),
    parentId: row.parent_id as Id<'account'> | null,
    balance: row.balance === 'parent' ? 'parent' : 'own',
    allow: JSON.parse(row.allow),
    status: row.status as Account['status'],
    suspension: row.suspension === null ? null : JSON.parse(row.suspension),
  }
}

export function toKey(row: KeyRow): ApiKey {
  return {
    id: row.id as Id<'key'>,
    accountId: row.account_id as Id<'account'>,
    parentId: row.parent_id as Id<'key'> | null,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    limits: readLimits(JSON.parse(row.limits)),
    allow: JSON.parse(row.allow),
    expiresAtMs: intOrNull(row.expires_at),
    createdAtMs: int(row.created_at),
    revokedAtMs: intOrNull(row.revoked_at),
  }
}
