/**
 * Ids say what they name: a prefix and a UUIDv7 in 26 Crockford characters, so that they sort by
 * birth. Secrets never share a prefix with an id.
 */
import { randomBuffer } from './random.js'

export const ID_PREFIX = {
  account: 'acct',
  key: 'key',
  listing: 'lst',
  call: 'call',
  receipt: 'rcpt',
  quote: 'quote',
  grant: 'grant',
  rating: 'rat',
  secret: 'sec',
  trace: 'trc',
  flag: 'flag',
  person: 'prsn',
  tool: 'tool',
  server: 'srv',
  gateway: 'gw',
  approval: 'appr',
  transfer: 'move',
  invite: 'inv',
} as const

export type IdKind = keyof typeof ID_PREFIX
export type Id<K extends IdKind> = `${(typeof ID_PREFIX)[K]}_${string}`

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
/** A new id of `kind`, born at `nowMs`. */
export function newId<K extends IdKind>(kind: K, nowMs: number): Id<K> {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  randomBuffer(10).copy(bytes, 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return `${ID_PREFIX[kind]}_${crockford(bytes)}` as Id<K>
}

/** Whether `text` has the form of an id of `kind`. It says nothing about whether the thing exists. */
export function isId<K extends IdKind>(kind: K, text: unknown): text is Id<K> {
  return (
    typeof text === 'string' &&
    text.length === ID_PREFIX[kind].length + 27 &&
    text.startsWith(`${ID_PREFIX[kind]}_`) &&
    /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(-26))
  )
}

/** 16 bytes as 26 characters of five bits each, the first two bits being zero. */
function crockford(bytes: Buffer): string {
  let text = ''
  let bits = 0
  let pending = 2
  for (const byte of bytes) {
    bits = (bits << 8) | byte
    pending += 8
    while (pending >= 5) {
      pending -= 5
      text += ALPHABET[(bits >> pending) & 31]
    }
    bits &= (1 << pending) - 1
  }
  return text
}
