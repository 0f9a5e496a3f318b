/** Puts what a person does on a page into the audit, in the transaction that does it. */
import type { Along } from '#accounts'
import type { ActName, AuditLog } from '#audit'
import type { Person } from '#people'

/** @param facts no secret may be among them. */
export function audited(
  { audit }: { audit: Pick<AuditLog, 'record'> },
  { id: personId, accountId }: Person,
  act: ActName,
  facts: Readonly<Record<string, unknown>> = {},
): Along {
  const by = { accountId, personId }
  return (tx, target, found) => audit.record(tx, { act, by, target, facts: { ...facts, ...found } })
}
