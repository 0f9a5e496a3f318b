/**
 * What buyers say: one mark a call, changeable, only for a call that delivered, and never by the
 * account that sold it.
 */
import { type Principal, requireScope } from '#accounts'
import { findCall } from '#calls'
import type { Catalogue } from '#catalogue'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { int, type Store } from '#store'

export { ratingResultSchema, ratingSchema } from './wire.js'

type Deps = {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'setRatings' | 'describeSeller'>
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
  if (call.sellerId === call.buyerId) {
    throw new Problem('rating_refused', 'An account cannot rate itself.')
  }
  if (call.outcome !== 'charged' && call.outcome !== 'free') {
    throw new Problem(
      'rating_refused',
      `Only a delivered call can be rated; it was ${call.outcome}.`,
    )
  }
  const now = deps.clock.now()
  await deps.catalogue.setRatings(call.endpointId, async (tx) => {
    await tx('ratings')
      .insert({
        call_id: call.id,
        buyer_id: call.buyerId,
        seller_id: call.sellerId,
        endpoint_id: call.endpointId,
        score: mark.score,
        comment: mark.comment ?? null,
        created_at: now,
        updated_at: now,
      })
      .onConflict('call_id')
      .merge(['score', 'comment', 'updated_at'])
    const row = await tx('ratings')
      .where({ endpoint_id: call.endpointId })
      .first(tx.raw('sum(score) as sum'), tx.raw('count(*) as count'))
    return { sum: int(row.sum), count: int(row.count) }
  })
  return { seller: await deps.catalogue.describeSeller(call.sellerId) }
}
