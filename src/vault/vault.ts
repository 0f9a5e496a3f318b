/** Secrets at rest: AES-256-GCM with a data key per record, itself wrapped by the master key. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { randomBuffer } from '#core/random'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BOX_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
const WRAPPED_KEY_BYTES = BOX_OVERHEAD_BYTES + KEY_BYTES

/** The first byte of a sealed record: version, then the wrapped data key, then the sealed text. */
const VERSION = 1
const SHORTEST_BYTES = 1 + WRAPPED_KEY_BYTES + BOX_OVERHEAD_BYTES

export type Vault = {
  /** Seals `plaintext` for `owner`; the same input never gives the same bytes twice. */
  seal(owner: string, plaintext: Uint8Array): Buffer
  /**
   * The plaintext of a record that this vault sealed for exactly this `owner`.
   *
   * @throws Error when the record was altered, belongs to another owner or to another master key.
   */
  open(owner: string, sealed: Uint8Array): Buffer
  /** Names the master key without giving it away: 32 hex characters, safe to store and show. */
  readonly fingerprint: string
  /** A 32-byte key for `purpose`; other purposes give unrelated keys. */
  deriveKey(purpose: string): Buffer
}

/** A vault over a master key of exactly 32 bytes, which it copies. */
export function createVault(masterKey: Buffer): Vault {
  if (masterKey.length !== KEY_BYTES) {
    throw new Error(`The master key must be ${KEY_BYTES} bytes, not ${masterKey.length}.`)
  }
  const root = Buffer.from(masterKey)
  const derive = (label: string) =>
    Buffer.from(hkdfSync('sha256', root, '', `souk:${label}`, KEY_BYTES))
  // Wrapping has a derived key of its own, so that no other purpose ever shares a key with it.
  const wrappingKey = derive('wrap')

  return {
    fingerprint: createHash('sha256')
      .update('souk:fingerprint:')
      .update(root)
      .digest('hex')
      .slice(0, 32),
    deriveKey: (purpose) => derive(`purpose/${purpose}`),
    seal(owner, plaintext) {
      const random = randomBuffer(KEY_BYTES + 2 * NONCE_BYTES)
      const dataKey = random.subarray(0, KEY_BYTES)
      const wrapNonce = random.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES)
      const recordNonce = random.subarray(KEY_BYTES + NONCE_BYTES)
      return Buffer.concat([
        Buffer.of(VERSION),
        ...encrypt(wrappingKey, wrapNonce, boundTo('key', owner), dataKey),
        ...encrypt(dataKey, recordNonce, boundTo('record', owner), plaintext),
      ])
    },
    open(owner, sealed) {
      try {
        return openRecord(wrappingKey, owner, sealed)
      } catch (cause) {
        throw new Error('the sealed record does not open', { cause })
      }
    },
  }
}

function openRecord(wrappingKey: Buffer, owner: string, sealed: Uint8Array): Buffer {
  if (sealed.length < SHORTEST_BYTES || sealed[0] !== VERSION) throw new Error('unknown format')
  const wrappedKey = sealed.subarray(1, 1 + WRAPPED_KEY_BYTES)
  const dataKey = decrypt(wrappingKey, boundTo('key', owner), wrappedKey)
  return decrypt(dataKey, boundTo('record', owner), sealed.subarray(1 + WRAPPED_KEY_BYTES))
}

/** Additional data: the version, which of the two boxes this is, and whose record. */
function boundTo(box: 'key' | 'record', owner: string): Buffer {
  return Buffer.from(`souk-vault/${VERSION}/${box}/${owner}`)
}

/** Nonce, ciphertext and tag, in this order. The nonce must never be used twice with one key. */
function encrypt(
  key: Buffer,
  nonce: Buffer,
  additionalData: Buffer,
  plaintext: Uint8Array,
): Buffer[] {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(additionalData)
  const encrypted = cipher.update(plaintext)
  cipher.final()
  return [nonce, encrypted, cipher.getAuthTag()]
}

function decrypt(key: Buffer, additionalData: Buffer, box: Uint8Array): Buffer {
  const tagStart = box.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, key, box.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(additionalData).setAuthTag(box.subarray(tagStart))
  return Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, tagStart)), decipher.final()])
}
