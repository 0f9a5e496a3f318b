/** The tools that accounts declared, as they are stored. */
import { type Id, isId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, int, type Tx } from '#store'
import type { Source } from './tool-names.js'

/** Where a tool can be declared; what servers offer is theirs. */
export type DeclaredSource = Exclude<Source, 'discovered'>

export type Tool = {
  id: Id<'tool'>
  accountId: Id<'account'>
  name: string
  source: DeclaredSource
  listingId: Id<'listing'>
  listingSlug: string
  endpointId: string
  createdAtMs: number
  isRetired: boolean
}

export type ToolRow = {
  id: string
  account_id: string
  name: string
  source: string
  listing_id: string
  listing_slug: string
  endpoint_id: string
  created_at: bigint | number
  retired_at: bigint | number | null
}

export function toTool(row: ToolRow): Tool {
  return {
    id: row.id as Id<'tool'>,
    accountId: row.account_id as Id<'account'>,
    name: row.name,
    source: row.source as DeclaredSource,
    listingId: row.listing_id as Id<'listing'>,
    listingSlug: row.listing_slug,
    endpointId: row.endpoint_id,
    createdAtMs: int(row.created_at),
    isRetired: row.retired_at !== null,
  }
}

/** The tool of this name from this source, given up or not. */
export async function toolNamed(
  db: Db | Tx,
  { accountId, name, source }: Pick<Tool, 'accountId' | 'name' | 'source'>,
): Promise<Tool | undefined> {
  const row = await db<ToolRow>('tools').where({ account_id: accountId, name, source }).first()
  return row && toTool(row)
}

/**
 * A tool of one of these accounts.
 *
 * @throws Problem `not_found`, also for a tool of someone else and for one that was given up.
 */
export async function findTool(db: Db, accountIds: readonly string[], id: string): Promise<Tool> {
  const row =
    isId('tool', id) &&
    (await db<ToolRow>('tools')
      .where({ id, retired_at: null })
      .whereIn('account_id', accountIds)
      .first())
  if (!row) {
    throw new Problem('not_found', 'There is no such tool of this account.', {
      action: 'List your tools with GET /v1/mcp/tools.',
    })
  }
  return toTool(row)
}

/** The tools of an account after the id `after`, in the order of their ids. */
export async function toolsAfter(
  db: Db,
  accountId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Tool[]> {
  const rows = await db<ToolRow>('tools')
    .where({ account_id: accountId, retired_at: null })
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
  return rows.map(toTool)
}

/** All tools of an account from one source. */
export async function toolsFrom(
  db: Db,
  accountId: string,
  source: DeclaredSource,
): Promise<Tool[]> {
  const rows = await db<ToolRow>('tools').where({ account_id: accountId, source, retired_at: null })
  return rows.map(toTool)
}
