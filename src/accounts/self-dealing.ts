/**
 * Which accounts are one party: an account with all that are below it. Where buyer and seller are one,
 * what the one says of the other proves nothing; and a party has one voice, however many accounts.
 */
import type { Store } from '#store'

/** Parents that are remembered, some 150 bytes each; they never change. */
const MAX_KNOWN = 100_000

export type Parties = {
  /** The id of the account at the top of a party. It asks the database once for each account. */
  partyOf(accountId: string): Promise<string>
  /** Whether two accounts are one party: such calls are neither rated nor measured. */
  isSelfDealing(buyerId: string, sellerId: string): Promise<boolean>
}

export function createParties(store: Pick<Store, 'query'>): Parties {
  const known = new Map<string, string>()
  return {
    partyOf,
    isSelfDealing: async (buyerId, sellerId) =>
      buyerId === sellerId || (await partyOf(buyerId)) === (await partyOf(sellerId)),
  }

  async function partyOf(id: string): Promise<string> {
    const party = known.get(id)
    if (party !== undefined) return party
    const [row] = await store.query<{ parent_id: string | null }>(
      'select parent_id from accounts where id = ?',
      [id],
    )
    const found = row?.parent_id ?? id
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(id, found)
    return found
  }
}
