/** Puts what is done through a route into the audit. */
import type { Along, Principal } from '#accounts'
import type { ActName, Actor } from '#audit'
import type { Beside } from '#payments'
import type { RouteDeps } from './route.js'

type Facts = Readonly<Record<string, unknown>>

/**
 * What writes an act down in the transaction that does it.
 *
 * @param facts as they were sent; no secret may be among them.
 */
export function audited(
  { audit }: Pick<RouteDeps, 'audit'>,
  principal: Principal | undefined,
  act: ActName,
  facts: Facts = {},
): Along {
  const by = actorOf(principal)
  return (tx, target, found) => audit.record(tx, { act, by, target, facts: { ...facts, ...found } })
}

/**
 * Moves money, and writes the act down with the ledger's entry: in one transaction, and from there
 * into the audit. What was moved before is no act.
 */
export async function auditedMove<Moved extends { id: string }>(
  { audit, telemetry }: Pick<RouteDeps, 'audit' | 'telemetry'>,
  { principal, act, facts }: { principal: Principal | undefined; act: ActName; facts: Facts },
  move: (beside: Beside) => Promise<Moved>,
): Promise<Moved> {
  const by = actorOf(principal)
  const moved = await move((target) => audit.waiting({ act, by, target, facts }))
  // The money is moved: what fails here is done within a minute, and must not be taken for a refusal.
  await audit.takeIn(moved.id).catch(telemetry.failed)
  return moved
}

function actorOf(principal: Principal | undefined): Actor {
  return principal ? { accountId: principal.account.id, keyId: principal.key.id } : {}
}
