/** Calls that are over, read back as the outcome that their buyer got. */
import type { Id } from '#core/ids'
import { add } from '#core/money'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import { receiptText } from '#receipts'
import type { Store } from '#store'
import type { AnswerBody, Outcome, Sealer } from './call.js'
import { type Call, type CallRow, toCall } from './call-rows.js'

export type PastDeps = { store: Store; ledger: Ledger; sealer: Sealer }

/** Whose bytes a stored body is: it binds the sealed record to its call. */
export function bodyOwner(call: { buyerId: string; id: string }): string {
  return `${call.buyerId}|${call.id}`
}

/** @throws Problem `call_not_found`, also for a call of someone else. */
export async function findCall(store: Store, buyerId: string, callId: string): Promise<Call> {
  const [row] = await store.query<CallRow>('select * from calls where buyer_id = ? and id = ?', [
    buyerId,
    callId,
  ])
  if (!row) throw new Problem('call_not_found', 'There is no such call of this account.')
  return toCall(row)
}

/** The outcome of a call that is over; its body while it is kept. */
export async function pastOutcome(deps: PastDeps, call: Call): Promise<Outcome> {
  if (call.outcome === 'held') {
    throw new Problem('in_progress', `The call ${call.id} is still running.`, {
      facts: { call_id: call.id },
    })
  }
  const { available } = await deps.ledger.balanceOf(call.payerId)
  return {
    callId: call.id,
    endpointId: call.endpointId,
    version: call.version,
    outcome: call.outcome,
    status: call.status,
    body: await bodyOf(deps, call),
    charge: call.charge,
    fee: call.fee,
    total: add(call.charge, call.fee),
    balance: available,
    receipt: await receiptOf(deps.store, call.receiptId),
    fault:
      call.code === null
        ? undefined
        : {
            code: call.code,
            message: call.message ?? '',
            ...(call.retryAfterMs !== null && { retryAfterMs: call.retryAfterMs }),
          },
    replayed: true,
  }
}

/** The exact bytes of an answer; `null` when there were none, `undefined` when they are gone. */
export async function bodyOf(deps: PastDeps, call: Call): Promise<AnswerBody | null | undefined> {
  if (call.bodyExpiresAtMs === null) return null
  const [row] = await deps.store.query<{ sealed: Buffer }>(
    'select sealed from call_bodies where expires_at = ? and call_id = ?',
    [call.bodyExpiresAtMs, call.id],
  )
  if (!row) return undefined
  const bytes = deps.sealer.open(bodyOwner(call), row.sealed)
  return { bytes, mediaType: call.mediaType ?? '', truncated: call.truncated }
}

async function receiptOf(store: Store, id: Id<'receipt'> | null): Promise<Outcome['receipt']> {
  const jws = id === null ? undefined : await receiptText(store, id)
  return id === null || jws === undefined ? null : { id, jws }
}
