/** The record of every administrative act: append-only, and chained so that a change of it shows. */
import { type Clock, toRfc3339 } from '#core/clock'
import {
  defineInsert,
  int,
  nextRevision,
  type RowWrite,
  readSetting,
  type Store,
  type Tx,
  writeSetting,
} from '#store'
import { type AuditRow, BEGINNING, HEAD, hashOf, headOf, NO_HEAD, readHead } from './chain.js'

export { checkAudit } from './check-audit.js'

/** Counts the entries. */
const COUNT = 'audit_count'
/** An entry stays for ever, and who may write one may send a megabyte. */
const MAX_FACTS_CHARS = 4_096
/** Acts that are taken in at one time. */
const PORTION = 100

const insertWaiting = defineInsert('audit_waiting', { target: 'text', at: 'bigint', act: 'text' })

export type ActName =
  | ('account.create' | 'account.sign_up' | 'account.suspend' | 'account.resume')
  | ('limits.set' | 'allow.set' | 'grant.create' | 'invite.create')
  | ('sub_account.create' | 'sub_account.change' | 'sub_account.close')
  | ('transfer.create' | 'earnings.transfer')
  | ('key.create' | 'key.rotate' | 'key.revoke')
  | ('listing.create' | 'listing.import' | 'listing.change' | 'listing.publish')
  | ('listing.pause' | 'listing.retire' | 'listing.credential')
  | ('listing.suspend' | 'listing.resume' | 'flag.clear')
  | ('mcp_server.create' | 'mcp_server.update' | 'mcp_server.delete')
  | ('tool.create' | 'tool.retire' | 'signing_secret.rotate')
  | ('gateway.create' | 'gateway.update' | 'gateway.delete')
  | ('oauth_grant.create' | 'oauth_grant.revoke' | 'person.change' | 'approval.decide')

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
  /** What else is worth knowing; never a secret. Of more than 4,096 characters the first are kept. */
  facts?: Readonly<Record<string, unknown>>
}

/** An entry as the operator reads it. */
type AuditEntry = ReturnType<typeof toEntry>

export type AuditLog = {
  /** Appends an act inside the transaction that does it; to be called last there. */
  record(tx: Tx, act: Act): Promise<void>
  /** The row that holds an act on money, for the unit of the ledger that does it; then {@link takeIn}. */
  waiting(act: Act): RowWrite
  /** Appends the act on this target that waits, if one does. */
  takeIn(target: string): Promise<void>
  /** Appends what still waits because a gateway stopped in between. For each minute. */
  takeInAll(): Promise<void>
  /** Entries behind `after`, oldest first. */
  list(page: { after: number; limit: number }): Promise<AuditEntry[]>
}

/** @param key seals the head; the same for all gateways of a database, and never in it. */
export function createAudit(deps: { store: Store; clock: Clock; key: Buffer }): AuditLog {
  const { store, clock, key } = deps
  // Each in a transaction of its own, so that two who take in all never wait for one another.
  const takeIn = (target: string) =>
    store.inTransaction(async (tx) => {
      const row = await tx('audit_waiting').where({ target }).first()
      // Of all who found it, one takes it away.
      const taken = row ? await tx('audit_waiting').where({ target }).delete() : 0
      if (taken === 1) await append(tx, { key, atMs: int(row.at) }, JSON.parse(row.act))
    })
  return {
    record: (tx, act) => append(tx, { key, atMs: clock.now() }, act),
    waiting: (act) => insertWaiting([act.target, clock.now(), JSON.stringify(act)]),
    takeIn,
    async takeInAll() {
      const rows = await store.db('audit_waiting').orderBy('at').limit(PORTION).select('target')
      for (const { target } of rows) await takeIn(target)
    },
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
  { key, atMs }: { key: Buffer; atMs: number },
  { act, by, target, facts = {} }: Act,
): Promise<void> {
  // Its row is ours until the transaction ends: the entry before this one is committed.
  const seq = await nextRevision(tx, COUNT)
  // It follows from the head, not from what is stored last: what was cut off leaves a break for good.
  const head = readHead(key, (await readSetting(tx, HEAD)) ?? '')
  const entry = {
    ...{ seq, at: atMs, act, target },
    account_id: by.accountId ?? null,
    key_id: by.keyId ?? null,
    person_id: by.personId ?? null,
    facts: factsText(facts),
    prev: head?.hash ?? (seq === 1 ? BEGINNING : NO_HEAD),
  }
  const hash = hashOf(entry)
  await tx('audit_entries').insert({ ...entry, hash })
  await writeSetting(tx, HEAD, headOf(key, seq, hash))
}

function factsText(facts: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(facts)
  if (text.length <= MAX_FACTS_CHARS) return text
  return JSON.stringify({ beginning: text.slice(0, MAX_FACTS_CHARS).toWellFormed() })
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
