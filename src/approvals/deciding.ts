/** What waits for a person, and what the person says to it. */
import { type Clock, toRfc3339 } from '#core/clock'
import { type Id, isId } from '#core/ids'
import { formatUsdc } from '#core/money'
import { Problem } from '#core/problem'
import type { Store, Tx } from '#store'
import { type Approval, approvalRows, findApproval, IS_OPEN, toApproval } from './approval-rows.js'

/** Calls of one account that may wait at once, and that are shown. */
export const MAX_OPEN = 100

/** Seals at rest for an owner, as the vault does. */
export type Sealer = {
  seal(owner: string, plaintext: Uint8Array): Buffer
  open(owner: string, sealed: Uint8Array): Buffer
}

type Deps = { store: Store; clock: Clock; sealer: Sealer }

export type Verdict = 'approved' | 'declined'

type Along = (tx: Tx, id: string) => Promise<unknown>
type Decision = { verdict: 'approve' | 'decline'; personId: string; along?: Along }

export function createDeciding({ store, clock, sealer }: Deps) {
  return {
    /** Decided in the client that asks, by the person who uses it. */
    settle: (id: Id<'approval'>, verdict: Verdict) => decide(id, verdict, 'client'),
    /** Those that wait for the person of an account, its sub-accounts' too; the latest first. */
    async open(accountId: string) {
      const rows = await approvalRows(store)
        .whereRaw(IS_OPEN)
        .whereIn('approvals.account_id', await accountsBelow(accountId))
        .where('approvals.expires_at', '>', clock.now())
        .orderBy('approvals.id', 'desc')
        .limit(MAX_OPEN)
      return rows.map((row) => show(toApproval(row)))
    },
    /** @throws Problem `not_found`, also for a call of another account. */
    show: async (accountId: string, id: string) => show(await own(accountId, id)),
    /**
     * @param decision.along written in the same transaction; a person who says the same again has not
     *   decided anew.
     * @throws Problem `not_found`; `quote_expired` when it is too late, `forbidden` when it is done.
     */
    async decide(
      accountId: string,
      id: string,
      { verdict, personId, along }: Decision,
    ): Promise<void> {
      const approval = await own(accountId, id)
      await decide(approval.id, verdict === 'approve' ? 'approved' : 'declined', personId, along)
    },
  }

  /** Of two who decide at once, the first has decided. */
  async function decide(
    id: Id<'approval'>,
    verdict: Verdict,
    by: string,
    along?: Along,
  ): Promise<void> {
    const now = clock.now()
    const isChanged = await store.inTransaction(async (tx) => {
      const changed = await tx('approvals')
        .where({ id, state: 'open' })
        .where('expires_at', '>', now)
        .update({ state: verdict, decided_by: by, decided_at: now })
      if (changed > 0) await along?.(tx, id)
      return changed > 0
    })
    if (isChanged) return
    const approval = await findApproval(store, { id })
    if (approval?.state === verdict) return
    if (approval?.state === 'open') {
      throw new Problem('quote_expired', 'It is too late to decide about this call.')
    }
    throw new Problem('forbidden', 'This call was decided about already.')
  }

  async function own(accountId: string, id: string): Promise<Approval> {
    const approval = isId('approval', id) ? await findApproval(store, { id }) : undefined
    const accounts = await accountsBelow(accountId)
    if (approval && accounts.includes(approval.accountId)) return approval
    throw new Problem('not_found', 'There is no such call to decide about.')
  }

  /** The account, and those below it: who speaks for it speaks for them. */
  async function accountsBelow(accountId: string): Promise<string[]> {
    const rows = await store.db('accounts').where({ parent_id: accountId }).select('id')
    return [accountId, ...rows.map((row) => row.id as string)]
  }

  function show(approval: Approval) {
    const sealed = sealer.open(ownerOf(approval.accountId), approval.sealedArguments)
    return {
      id: approval.id,
      state: shownState(approval, clock.now()),
      endpointId: approval.endpointId,
      title: approval.title,
      arguments: JSON.parse(sealed.toString()) as unknown,
      total: formatUsdc(approval.maxTotal),
      keyName: approval.keyName,
      expiresAt: toRfc3339(approval.expiresAtMs),
    }
  }
}

function shownState({ state, callId, expiresAtMs }: Approval, nowMs: number) {
  if (callId !== null) return 'used' as const
  return state !== 'declined' && expiresAtMs <= nowMs ? ('expired' as const) : state
}

/** Whose the sealed arguments are. */
export function ownerOf(accountId: string): string {
  return `${accountId}|approval`
}
