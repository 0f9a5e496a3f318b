/**
 * Suspension: the operator stops an account, and with it those below it. What was begun is concluded;
 * nothing new is bought, sold or paid out, while looking and reading go on.
 */
import { type Clock, toRfc3339 } from '#core/clock'
import { Problem } from '#core/problem'
import type { Db, Tx } from '#store'
import type { Account, Along, Principal } from './accounts.js'
import { getAccount } from './rows.js'

export const SUSPENSION_CATEGORIES = [
  ...(['abuse', 'fraud', 'legal', 'quality', 'payment', 'request', 'other'] as const),
]
type SuspensionCategory = (typeof SUSPENSION_CATEGORIES)[number]

/** `reason` is for the operator's eyes; others read the category. */
export type Suspension = { category: SuspensionCategory; reason: string; atMs: number }

export type NewSuspension = Pick<Suspension, 'category' | 'reason'>

type Deps = {
  db: Db
  clock: Clock
  changeKeys(change: (tx: Tx) => Promise<unknown>): Promise<void>
}

/**
 * Stops an account, or says anew why it is stopped.
 *
 * @throws Problem `account_not_found`, `forbidden` for the operator's own and for one that is closed.
 */
export async function suspend(
  { db, clock, changeKeys }: Deps,
  id: string,
  why: NewSuspension,
  along?: Along,
): Promise<Account> {
  const { kind, status } = await getAccount(db, id)
  if (kind === 'operator' || status === 'closed') {
    const what = kind === 'operator' ? "The operator's own account" : 'A closed account'
    throw new Problem('forbidden', `${what} cannot be suspended.`)
  }
  const suspension: Suspension = { ...why, atMs: clock.now() }
  await changeKeys(async (tx) => {
    const columns = { status: 'suspended', suspension: JSON.stringify(suspension) }
    await tx('accounts').where({ id }).whereNot({ status: 'closed' }).update(columns)
    await along?.(tx, id)
  })
  return getAccount(db, id)
}

/**
 * Lets an account go on; one that was closed meanwhile stays closed, but what it has can be moved.
 *
 * @throws Problem `account_not_found`. An account that is not suspended stays as it is.
 */
export async function resume(
  { db, changeKeys }: Deps,
  id: string,
  along?: Along,
): Promise<Account> {
  await getAccount(db, id)
  await changeKeys(async (tx) => {
    await tx('accounts').where({ id, status: 'suspended' }).update({ status: 'active' })
    await tx('accounts').where({ id }).update({ suspension: null })
    await along?.(tx, id)
  })
  return getAccount(db, id)
}

/** Why nothing new may be begun by a principal: its account's suspension, or that of the one above. */
export function suspensionOf({
  account,
  parent,
}: Pick<Principal, 'account' | 'parent'>): Suspension | null {
  return account.suspension ?? parent?.suspension ?? null
}

/** @throws Problem `account_suspended` with the category, not with the operator's words. */
export function refuseSuspended(principal: Pick<Principal, 'account' | 'parent'>): void {
  const suspension = suspensionOf(principal)
  if (!suspension) return
  const { category, atMs } = suspension
  const facts = { reason: category, since: toRfc3339(atMs) }
  throw new Problem('account_suspended', `This account is suspended (${category}).`, { facts })
}

/** Why what these accounts sell is not for sale; those that may sell are left out. */
export async function stoppedSellers(
  db: Db,
  ids: readonly string[],
): Promise<Map<string, SuspensionCategory | 'closed'>> {
  const rows = await db('accounts')
    .leftJoin('accounts as above', 'above.id', 'accounts.parent_id')
    .whereIn('accounts.id', ids)
    .where((either) => {
      for (const status of ['accounts.status', 'above.status']) either.orWhereNot(status, 'active')
    })
    .select('accounts.id', 'accounts.suspension', 'above.suspension as above')
  return new Map(
    rows.map(({ id, suspension, above }) => {
      const why = suspension ?? above
      return [id, why === null ? ('closed' as const) : (JSON.parse(why) as Suspension).category]
    }),
  )
}
