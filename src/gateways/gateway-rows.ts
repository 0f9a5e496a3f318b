/** The rows of gateways, and what they mean. */
import type { Id } from '#core/ids'
import { type Db, int } from '#store'
import type { Gateway } from './gateway.js'

type GatewayRow = {
  id: string
  account_id: string
  account_slug: string
  name: string
  endpoint: string
  configuration: string
  created_at: bigint
  updated_at: bigint
}

export function toGateway(row: GatewayRow): Gateway {
  return {
    id: row.id as Id<'gateway'>,
    accountId: row.account_id as Id<'account'>,
    accountSlug: row.account_slug,
    name: row.name,
    endpoint: row.endpoint,
    configuration: JSON.parse(row.configuration),
    createdAtMs: int(row.created_at),
    updatedAtMs: int(row.updated_at),
  }
}

/** Gateways, each with the slug of its account. */
export function gatewayRows(db: Db) {
  return db<GatewayRow>('gateways')
    .join('accounts', 'accounts.id', 'gateways.account_id')
    .select<GatewayRow[]>('gateways.*', 'accounts.slug as account_slug')
}
