/**
 * Idempotency: the same key from the same API key with the same order gets the same outcome, before
 * anything else is looked at. A call that still runs is waited for; nothing is ever sent twice.
 */
import { sha256Hex } from '#core/canonical-json'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import type { Store } from '#store'
import type { Order, Outcome } from './call.js'
import { type CallRow, toCall } from './call-rows.js'
import { findCall, type PastDeps, pastOutcome } from './past.js'
import { requestHash } from './shape.js'

const RETRY_AFTER_MS = 1_000

/** The calls that run in this process, by their id. */
export type Running = Map<string, Promise<Outcome>>

type Deps = PastDeps & { store: Store; clock: Clock; running: Running }

/**
 * The outcome of the call that used this idempotency key, if there was one.
 *
 * @throws Problem `idempotency_conflict` when it was another call, `in_progress` when it still runs
 *   on another gateway.
 */
export async function recall(deps: Deps, order: Order): Promise<Outcome | undefined> {
  const hash = idempotencyHashOf(order)
  if (hash === undefined) return undefined
  const [row] = await deps.store.query<CallRow & { fingerprint: string }>(
    `select calls.*, idempotency_keys.fingerprint from idempotency_keys
     join calls on calls.buyer_id = ? and calls.id = idempotency_keys.call_id
     where idempotency_keys.key_id = ? and idempotency_keys.hash = ? and expires_at > ?`,
    [order.principal.account.id, order.principal.key.id, hash, deps.clock.now()],
  )
  if (!row) return undefined
  if (row.fingerprint !== fingerprintOf(order)) {
    throw new Problem(
      'idempotency_conflict',
      `This key was used for ${row.endpoint_id}, otherwise.`,
      {
        facts: { call_id: row.id },
      },
    )
  }
  if (row.outcome !== 'held') return pastOutcome(deps, toCall(row))
  const running = deps.running.get(row.id)
  if (running) return { ...(await running), replayed: true }
  // It may have ended since it was read.
  const call = await findCall(deps.store, row.buyer_id, row.id)
  if (call.outcome !== 'held') return pastOutcome(deps, call)
  throw new Problem('in_progress', `The call ${row.id} is still running.`, {
    facts: { call_id: row.id },
    retryAfterMs: RETRY_AFTER_MS,
  })
}

export function idempotencyHashOf(order: Order): string | undefined {
  return order.idempotencyKey === undefined ? undefined : sha256Hex(order.idempotencyKey)
}

/** What an idempotency key is bound to: the order as it was sent. */
export function fingerprintOf(order: Order): string {
  return requestHash(order.endpointId, order.version ?? null, order.arguments)
}
