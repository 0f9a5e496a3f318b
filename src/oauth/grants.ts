/**
 * Grants: what a person let a program do. Each is an API key without a secret of its own, so that
 * limits, usage, receipts and revocation are those of keys; ending one ends the other.
 */
import type { Account, Accounts, Along, ApiKey, LimitTerms, Scope } from '#accounts'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { int, type Store } from '#store'
import { hashOf } from './payloads.js'

export type Grant = {
  keyId: Id<'key'>
  clientId: string
  clientName: string
  resource: string
  createdAtMs: number
}

type NewGrant = {
  account: Account
  /** The library's id of it. */
  grantId: string
  clientId: string
  clientName: string
  resource: string
  scopes: readonly Scope[]
  limits: LimitTerms
  expiresAtMs: number
}

/** What grants need of accounts. */
export type GrantKeys = Pick<Accounts, 'createGrantKey' | 'revokeGrantKey' | 'listKeys'>

type GrantRow = {
  key_id: string
  account_id: string
  grant_hash: string
  client_id: string
  client_name: string
  resource: string
  created_at: bigint
}

export type Grants = {
  create(grant: NewGrant, along?: Along): Promise<void>
  /** Those of an account that are in force, each with its key, the latest first. */
  of(accountId: string): Promise<(Grant & { key: ApiKey })[]>
  /** Whether the key behind a grant is still good. */
  isAlive(grantId: string): Promise<boolean>
  /**
   * Ends a grant of an account.
   *
   * @throws Problem `not_found` where the account has no such grant.
   */
  end(accountId: string, keyId: string, along?: Along): Promise<void>
  /** Ends a grant, by the hash of its id. */
  endByHash(grantHash: string): Promise<void>
}

export function createGrants(deps: { store: Store; clock: Clock; accounts: GrantKeys }): Grants {
  const { store, clock, accounts } = deps
  const grants = () => store.db<GrantRow>('oauth_grants')

  async function endRow(row: GrantRow | undefined, along?: Along): Promise<void> {
    if (!row) return
    await accounts.revokeGrantKey(row.key_id, along)
    const { grant_hash } = row
    await store.db('oauth_payloads').where({ grant_hash }).delete()
    await store.db('oauth_payloads').where({ kind: 'Grant', hash: grant_hash }).delete()
  }

  return {
    async create({ grantId, clientId, clientName, resource, ...key }, along) {
      await accounts.createGrantKey({ ...key, name: clientName }, async (tx, keyId) => {
        await tx('oauth_grants').insert({
          key_id: keyId,
          account_id: key.account.id,
          grant_hash: hashOf(grantId),
          client_id: clientId,
          client_name: clientName,
          resource,
          created_at: clock.now(),
        })
        await along?.(tx, keyId)
      })
    },
    async of(accountId) {
      const rows = await grants().where({ account_id: accountId }).orderBy('key_id', 'desc')
      const keys = new Map((await accounts.listKeys(accountId)).map((key) => [key.id, key]))
      return rows.flatMap((row) => {
        const key = keys.get(row.key_id as Id<'key'>)
        return key && isGood(key, clock.now()) ? [{ ...toGrant(row), key }] : []
      })
    },
    async isAlive(grantId) {
      const row = await grants()
        .where({ grant_hash: hashOf(grantId) })
        .first()
      if (!row) return false
      const keys = await accounts.listKeys(row.account_id)
      return keys.some((key) => key.id === row.key_id && isGood(key, clock.now()))
    },
    async end(accountId, keyId, along) {
      const row = await grants().where({ account_id: accountId, key_id: keyId }).first()
      if (!row) throw new Problem('not_found', 'There is no such program to end.')
      await endRow(row, along)
    },
    endByHash: async (grantHash) => endRow(await grants().where({ grant_hash: grantHash }).first()),
  }
}

function isGood({ revokedAtMs, expiresAtMs }: ApiKey, nowMs: number): boolean {
  return revokedAtMs === null && (expiresAtMs === null || expiresAtMs > nowMs)
}

function toGrant(row: GrantRow): Grant {
  return {
    keyId: row.key_id as Id<'key'>,
    clientId: row.client_id,
    clientName: row.client_name,
    resource: row.resource,
    createdAtMs: int(row.created_at),
  }
}
