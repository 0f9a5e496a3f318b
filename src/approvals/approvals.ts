/**
 * A person's yes or no to exactly one call. It is bound to the quote that the call goes through with,
 * so it is for these arguments, this version and this price, of this account, once, and not for long.
 */
import { canonicalJson } from '#core/canonical-json'
import type { Clock } from '#core/clock'
import { type Id, newId } from '#core/ids'
import type { Nanos } from '#core/money'
import { Problem } from '#core/problem'
import { int, type Store, type Tx } from '#store'
import { type Approval, approvalRows, findApproval, IS_OPEN, toApproval } from './approval-rows.js'
import { createDeciding, MAX_OPEN, ownerOf, type Sealer } from './deciding.js'

export type { Approval } from './approval-rows.js'

/** So long a person has to look at it, and the call to be made. */
export const APPROVAL_LIFE_MS = 15 * 60 * 1_000
/** Shown for this long after that. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000

/** What has to be agreed to. */
export type Wish = {
  accountId: Id<'account'>
  keyId: Id<'key'>
  quoteId: Id<'quote'>
  endpointId: string
  title: string
  requestHash: string
  arguments: Record<string, unknown>
  maxTotal: Nanos
  /** Who demands it: the endpoint's seller, or a limit of the buyer's own. */
  reason: 'endpoint' | 'limit'
}

type Deps = { store: Store; clock: Clock; sealer: Sealer }

export type Approvals = ReturnType<typeof createApprovals>

export function createApprovals(deps: Deps) {
  const { store, clock, sealer } = deps
  return {
    ...createDeciding(deps),
    /**
     * Puts a call before whoever speaks for its account.
     *
     * @throws Problem `rate_limited` where as many wait as a person can be shown.
     */
    async ask(wish: Wish): Promise<Approval> {
      const now = clock.now()
      await refuseTooMany(store, wish.accountId, now)
      const id = newId('approval', now)
      const plain = Buffer.from(canonicalJson(wish.arguments))
      await store.db('approvals').insert({
        id,
        account_id: wish.accountId,
        key_id: wish.keyId,
        quote_id: wish.quoteId,
        endpoint_id: wish.endpointId,
        title: wish.title,
        request_hash: wish.requestHash,
        arguments: sealer.seal(ownerOf(wish.accountId), plain),
        max_total: wish.maxTotal,
        reason: wish.reason,
        state: 'open',
        created_at: now,
        expires_at: now + APPROVAL_LIFE_MS,
      })
      return (await findApproval(store, { id }))!
    },
    /** The one that a quote goes with. */
    ofQuote: (accountId: string, quoteId: string) =>
      findApproval(store, { account_id: accountId, quote_id: quoteId }),
    /** The latest of exactly this call that can still be used; so asking again asks nobody twice. */
    async pending(accountId: string, requestHash: string): Promise<Approval | undefined> {
      const own = { account_id: accountId, request_hash: requestHash }
      const row = await approvalRows(store, own)
        .whereIn('approvals.state', ['open', 'approved'])
        .where('approvals.expires_at', '>', clock.now())
        .whereNull('quotes.call_id')
        .orderBy('approvals.id', 'desc')
        .first()
      return row && toApproval(row)
    },
    /** Forgets what nobody looks at any more. */
    async purge(fence: (tx: Tx) => Promise<void>): Promise<void> {
      await store.inTransaction(async (tx) => {
        await fence(tx)
        await tx('approvals')
          .where('expires_at', '<', clock.now() - KEPT_MS)
          .delete()
      })
    },
  }
}

/** What is asked for costs nothing yet, so nothing else bounds what is kept of it. */
async function refuseTooMany({ db }: Store, accountId: string, nowMs: number): Promise<void> {
  const [row] = await db('approvals')
    .where({ account_id: accountId })
    .whereRaw(IS_OPEN)
    .where('expires_at', '>', nowMs)
    .count({ count: '*' })
  if (int(row!.count) < MAX_OPEN) return
  throw new Problem('rate_limited', `${MAX_OPEN} calls wait for a person already.`, {
    action: "Have the account's owner decide about those, then send the call again.",
    retryAfterMs: APPROVAL_LIFE_MS,
  })
}
