/** Rows of this folder's tables, and what they mean. */
import type { Id } from '#core/ids'
import { int, intOrNull } from '#store'
import type { Account, ApiKey, Scope } from './accounts.js'
import { readLimits } from './limits.js'

export type AccountRow = {
  id: string
  slug: string
  name: string
  kind: string
  limits: string
}

export type KeyRow = {
  id: string
  account_id: string
  parent_id: string | null
  name: string
  hash: string
  scopes: string
  limits: string
  expires_at: bigint | null
  revoked_at: bigint | null
  created_at: bigint
}

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id as Id<'account'>,
    slug: row.slug,
    name: row.name,
    kind: row.kind === 'operator' ? 'operator' : 'account',
    limits: readLimits(JSON.parse(row.limits)),
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
    expiresAtMs: intOrNull(row.expires_at),
    createdAtMs: int(row.created_at),
    revokedAtMs: intOrNull(row.revoked_at),
  }
}
