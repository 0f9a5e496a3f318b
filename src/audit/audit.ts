/** The record of every administrative act: append-only, and chained so that a change of it shows. */
import { type Clock, toRfc3339 } from '#core/clock'
import { int, nextRevision, readSetting, type Store, type Tx, writeSetting } from '#store'
import { type AuditRow, BEGINNING, HEAD, hashOf, headOf, NO_HEAD, readHead } from './chain.js'

export { checkAudit } from './check-audit.js'

/** Counts the entries. */
const COUNT = 'audit_count'

export const ACTS = [
  ...(['account.create', 'account.sign_up', 'account.suspend', 'account.resume'] as const),
  ...(['limits.set', 'allow.set', 'grant.create', 'invite.create'] as const),
  ...(['sub_account.create', 'sub_account.change', 'sub_account.close'] as const),
  ...(['transfer.create', 'earnings.transfer'] as const),
  ...(['key.create', 'key.rotate', 'key.revoke'] as const),
  ...(['listing.create', 'listing.import', 'listing.change', 'listing.publish'] as const),
  ...(['listing.pause', 'listing.retire', 'listing.credential'] as const),
  ...(['listing.suspend', 'listing.resume', 'flag.clear'] as const),
  ...(['mcp_server.create', 'mcp_server.update', 'mcp_server.delete'] as const),
  ...([
    'tool.create',
    'tool.retire',
    'signing_secret.rotate',
    'gateway.create',
    'gateway.update',
    'gateway.delete',
  ] as const),
  ...(['oauth_client.create', 'oauth_grant.create', 'oauth_grant.revoke'] as const),
  ...(['person.create', 'person.change', 'approval.decide'] as const),
] as const
export type ActName = (typeof ACTS)[number]

/** Who did it; all absent for the gateway itself. */
export type Actor = {
  accountId?: string | undefined
  keyId?: string | undefined
  personId?: string | undefined
}

export type Act = {
  act: ActName
  by: Actor
  /** The id of what was acted on. */
  target: string
  /** What else is worth knowing; never a secret. */
  facts?: Readonly<Record<string, unknown>>
}

/** An entry as the operator reads it. */
export type AuditEntry = ReturnType<typeof toEntry>

export type AuditLog = {
  /** Appends an act inside the transaction that does it; to be called last there. */
  record(tx: Tx, act: Act): Promise<void>
  /** Appends an act that was done already. */
  note(act: Act): Promise<void>
  /** Entries behind `after`, oldest first. */
  list(page: { after: number; limit: number }): Promise<AuditEntry[]>
}

/** @param key seals the head; the same for all gateways of a database, and never in it. */
export function createAudit(deps: { store: Store; clock: Clock; key: Buffer }): AuditLog {
  const { store, clock, key } = deps
  const record = (tx: Tx, act: Act) => append(tx, { key, nowMs: clock.now() }, act)
  return {
    record,
    note: (act) => store.inTransaction((tx) => record(tx, act)),
    async list({ after, limit }) {
      const rows = await store
        .db<AuditRow>('audit_entries')
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit)
      return rows.map(toEntry)
    },
  }
}

async function append(
  tx: Tx,
  { key, nowMs }: { key: Buffer; nowMs: number },
  { act, by, target, facts = {} }: Act,
): Promise<void> {
  // Its row is ours until the transaction ends: the entry before this one is committed.
  const seq = await nextRevision(tx, COUNT)
  // It follows from the head, not from what is stored last: what was cut off leaves a break for good.
  const head = readHead(key, (await readSetting(tx, HEAD)) ?? '')
  const entry = {
    ...{ seq, at: nowMs, act, target },
    account_id: by.accountId ?? null,
    key_id: by.keyId ?? null,
    person_id: by.personId ?? null,
    facts: JSON.stringify(facts),
    prev: head?.hash ?? (seq === 1 ? BEGINNING : NO_HEAD),
  }
  const hash = hashOf(entry)
  await tx('audit_entries').insert({ ...entry, hash })
  await writeSetting(tx, HEAD, headOf(key, seq, hash))
}

function toEntry(row: AuditRow) {
  return {
    seq: int(row.seq),
    at: toRfc3339(int(row.at)),
    act: row.act as ActName,
    by: {
      account_id: row.account_id,
      key_id: row.key_id,
      ...(row.person_id !== null && { person_id: row.person_id }),
    },
    target: row.target,
    facts: JSON.parse(row.facts) as Record<string, unknown>,
    prev: row.prev,
    hash: row.hash,
  }
}
