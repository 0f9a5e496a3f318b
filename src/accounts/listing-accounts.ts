/** All accounts, for the operator. */
import type { Db } from '#store'
import type { Account } from './accounts.js'
import { type AccountRow, toAccount } from './rows.js'

export type AccountQuery = {
  /** A part of a name or of a slug, or a whole id. */
  query?: string | undefined
  status?: Account['status'] | undefined
  /** The id after which the page begins. */
  after?: string | undefined
  limit: number
}

export async function listAccounts(
  db: Db,
  { query, status, after, limit }: AccountQuery,
): Promise<{ accounts: Account[]; next?: string }> {
  const found = db<AccountRow>('accounts')
    .orderBy('id')
    .limit(limit + 1)
  if (after !== undefined) found.where('id', '>', after)
  if (status !== undefined) found.where({ status })
  if (query !== undefined) {
    const part = `%${query.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
    found.where((either) =>
      either
        .where({ id: query })
        .orWhereRaw("lower(name) like ? escape '\\'", [part])
        .orWhereRaw("slug like ? escape '\\'", [part]),
    )
  }
  const rows = await found
  const accounts = rows.slice(0, limit).map(toAccount)
  return { accounts, ...(rows.length > limit && { next: accounts.at(-1)!.id }) }
}
