/** What is sealed at rest: AES-256-GCM with data keys that are wrapped by the master key. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { randomBuffer } from '#core/random'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BOX_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
const WRAPPED_KEY_BYTES = BOX_OVERHEAD_BYTES + KEY_BYTES

/**
 * A sealed record is its form, the wrapped data key, then the sealed text. Its data key is its own,
 * or one that it shares with others.
 */
const OWN_KEY = 1
const SHARED_KEY = 2
type Form = typeof OWN_KEY | typeof SHARED_KEY
const SHORTEST_BYTES = 1 + WRAPPED_KEY_BYTES + BOX_OVERHEAD_BYTES
/** Far below the 2^32 records at which random nonces of one key might meet. */
const MAX_SHARING = 1_000_000

type Sealer = {
  /** Seals `plaintext` for `owner`; the same input never gives the same bytes twice. */
  seal(owner: string, plaintext: Uint8Array): Buffer
  /**
   * The plaintext of a record that this vault sealed for exactly this `owner`.
   *
   * @throws Error when the record was altered, belongs to another owner or to another master key.
   */
  open(owner: string, sealed: Uint8Array): Buffer
}

export type Vault = Sealer & {
  /**
   * Seals many records, such as bodies that are kept for an hour, at half the cost: up to a million
   * of them share a data key. Each is bound to its owner all the same.
   */
  forMany(): Sealer
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
      const { key, head } = newDataKey(wrappingKey, OWN_KEY, owner)
      return Buffer.concat([head, ...encrypt(key, boundTo(OWN_KEY, 'record', owner), plaintext)])
    },
    open,
    forMany() {
      let shared: ReturnType<typeof newDataKey> | undefined
      let left = 0
      return {
        seal(owner, plaintext) {
          if (!shared || left-- === 0) {
            shared = newDataKey(wrappingKey, SHARED_KEY, '')
            left = MAX_SHARING - 1
          }
          const bound = boundTo(SHARED_KEY, 'record', owner)
          return Buffer.concat([shared.head, ...encrypt(shared.key, bound, plaintext)])
        },
        open,
      }
    },
  }

  function open(owner: string, sealed: Uint8Array): Buffer {
    try {
      return openRecord(wrappingKey, owner, sealed)
    } catch (cause) {
      throw new Error('the sealed record does not open', { cause })
    }
  }
}

/** A data key, and the bytes that a record with it begins with. */
function newDataKey(wrappingKey: Buffer, form: Form, owner: string): { key: Buffer; head: Buffer } {
  const key = randomBuffer(KEY_BYTES)
  const wrapped = encrypt(wrappingKey, boundTo(form, 'key', owner), key)
  return { key, head: Buffer.concat([Buffer.of(form), ...wrapped]) }
}

function openRecord(wrappingKey: Buffer, owner: string, sealed: Uint8Array): Buffer {
  const form = sealed[0]
  if (sealed.length < SHORTEST_BYTES || (form !== OWN_KEY && form !== SHARED_KEY)) {
    throw new Error('unknown format')
  }
  const keyOwner = form === OWN_KEY ? owner : ''
  const wrappedKey = sealed.subarray(1, 1 + WRAPPED_KEY_BYTES)
  const dataKey = decrypt(wrappingKey, boundTo(form, 'key', keyOwner), wrappedKey)
  const box = sealed.subarray(1 + WRAPPED_KEY_BYTES)
  return decrypt(dataKey, boundTo(form, 'record', owner), box)
}

/** Additional data: the form, which of the two boxes this is, and whose record. */
function boundTo(form: Form, box: 'key' | 'record', owner: string): Buffer {
  return Buffer.from(`souk-vault/${form}/${box}/${owner}`)
}

/** A fresh nonce, the ciphertext and the tag, in this order. */
function encrypt(key: Buffer, additionalData: Buffer, plaintext: Uint8Array): Buffer[] {
  const nonce = randomBuffer(NONCE_BYTES)
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
