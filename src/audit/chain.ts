/** What binds an entry to the one before it, and the last one to this gateway's master key. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { canonicalJson, sha256Hex } from '#core/canonical-json'

/** The hash before the first entry. */
export const BEGINNING = '0'.repeat(64)
/** What an entry follows from when the head is gone: no entry has this hash. */
export const NO_HEAD = 'none'
/** The setting that says which entry is the last. */
export const HEAD = 'audit_head'

export type AuditRow = {
  seq: bigint | number
  at: bigint | number
  act: string
  account_id: string | null
  key_id: string | null
  person_id: string | null
  target: string
  /** JSON. */
  facts: string
  prev: string
  hash: string
}

/** Of an entry, whatever its `hash` says. */
export function hashOf(row: Omit<AuditRow, 'hash'>): string {
  const { act, account_id, key_id, person_id, target, facts, prev } = row
  const numbers = { seq: String(row.seq), at: String(row.at) }
  const who = { account_id, key_id, person_id }
  return sha256Hex(canonicalJson({ ...numbers, act, ...who, target, facts, prev }))
}

/** Names the last entry, in a way that only who has the key can write. */
export function headOf(key: Buffer, seq: number, hash: string): string {
  return `${seq} ${hash} ${sealOf(key, `${seq} ${hash}`)}`
}

/** The entry that a head names, `undefined` for one that was not made with this key. */
export function readHead(key: Buffer, head: string): { seq: number; hash: string } | undefined {
  const [seq = '', hash = '', seal = ''] = head.split(' ')
  const [given, due] = [seal, sealOf(key, `${seq} ${hash}`)].map((text) => Buffer.from(text))
  if (given!.length !== due!.length || !timingSafeEqual(given!, due!)) return undefined
  return { seq: Number(seq), hash }
}

function sealOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}
