/** Puts what is done through a route into the audit. */
import type { Along, Principal } from '#accounts'
import type { ActName, Actor } from '#audit'
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
  return (tx, target) => audit.record(tx, { act, by: actorOf(principal), target, facts })
}

/** Writes an act down that was done already, where it is no transaction of the database's own. */
export function noteAct(
  { audit }: Pick<RouteDeps, 'audit'>,
  principal: Principal | undefined,
  act: ActName,
  target: string,
  facts: Facts = {},
): Promise<void> {
  return audit.note({ act, by: actorOf(principal), target, facts })
}

function actorOf(principal: Principal | undefined): Actor {
  return principal ? { accountId: principal.account.id, keyId: principal.key.id } : {}
}
