/**
 * What buyers say: one mark a call, changeable, only for a call that delivered, and never by the
 * account that sold it.
 */
import { type Parties, type Principal, requireScope } from '#accounts'
import { findCall, spentOn } from '#calls'
import type { Catalogue } from '#catalogue'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { int, type Store, type Tx } from '#store'
import { opinionOf, type Voice } from './weight.js'

export { ratingResultSchema, ratingSchema } from './wire.js'

type Deps = {
  store: Store
  accounts: Parties
  clock: Clock
  catalogue: Pick<Catalogue, 'setRatings' | 'describeSeller' | 'learnMark'>
}

type Mark = { callId: string; score: number; comment?: string | undefined }

/**
 * Rates the seller of a call, or changes the mark given before.
 *
 * @returns the seller with its new mean over all marks.
 * @throws Problem `call_not_found`, `rating_refused`.
 */
export async function rate(deps: Deps, principal: Principal, mark: Mark) {
  requireScope(principal, 'call')
  const call = await findCall(deps.store, principal.account.id, mark.callId)
  if (await deps.accounts.isSelfDealing(call.buyerId, call.sellerId)) {
    throw new Problem('rating_refused', 'An account cannot rate itself or one of its own.')
  }
  if (call.outcome !== 'charged' && call.outcome !== 'free') {
    throw new Problem(
      'rating_refused',
      `Only a delivered call can be rated; it was ${call.outcome}.`,
    )
  }
  const now = deps.clock.now()
  // Beforehand: no transaction waits while a buyer's calls are looked through.
  const spent = await spentOn(deps.store, call.buyerId, call.endpointId)
  await deps.catalogue.setRatings(call.endpointId, async (tx) => {
    await tx('ratings')
      .insert({
        call_id: call.id,
        buyer_id: call.buyerId,
        seller_id: call.sellerId,
        endpoint_id: call.endpointId,
        score: mark.score,
        comment: mark.comment ?? null,
        spent,
        created_at: now,
        updated_at: now,
      })
      .onConflict('call_id')
      .merge(['score', 'comment', 'spent', 'updated_at'])
    return opinionOf(await voicesOn(tx, call.endpointId))
  })
  const buyerId = await deps.accounts.partyOf(call.buyerId)
  deps.catalogue.learnMark({ endpointId: call.endpointId, buyerId, score: mark.score })
  return { seller: await deps.catalogue.describeSeller(call.sellerId) }
}

/** What each party of buyers said of an endpoint, with the most that it had paid when it gave a mark. */
async function voicesOn(tx: Tx, endpointId: string): Promise<Voice[]> {
  const rows = await tx('ratings')
    .join('accounts', 'accounts.id', 'ratings.buyer_id')
    .where({ endpoint_id: endpointId })
    .groupByRaw('coalesce(accounts.parent_id, accounts.id)')
    .select(tx.raw('sum(score) as sum'), tx.raw('count(*) as count'), tx.raw('max(spent) as spent'))
  return rows.map(({ sum, count, spent }) => ({ sum: int(sum), count: int(count), spent }))
}
