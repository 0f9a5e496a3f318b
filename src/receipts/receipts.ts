/** What we sign: one receipt for each concluded call, chained per buyer, and quotes. */
import assert from 'node:assert/strict'
import { sha256Hex } from '#core/canonical-json'
import type { Id } from '#core/ids'
import { chainHeads, type Head } from './chain.js'
import type { SigningKey } from './signing-keys.js'
import { jwksOf, jwsSigner, type KeyRing, keyRing, type PublicJwk } from './signing-keys.js'
import type { ReceiptClaims } from './verify.js'

export {
  importSigningKey,
  jwksOf,
  type KeyRing,
  keyRing,
  newSigningKey,
  type PublicJwk,
  type SigningKey,
} from './signing-keys.js'
export { loadKeyRing, rotateKey } from './stored-keys.js'
export { type Jwk, type ReceiptClaims, type VerifyOptions, verifyReceipt } from './verify.js'

/** Heads kept in memory, some 200 bytes each. Far more buyers than can be in flight at once. */
const MAX_HEADS = 10_000

/** What a call knows of its receipt; the rest is added when it is issued. */
export type CallClaims = Omit<ReceiptClaims, 'iss' | 'jti' | 'iat' | 'chain' | 'seq' | 'prev'>

export type IssuedReceipt = {
  receiptId: Id<'receipt'>
  jws: string
  seq: number
  /** Puts the buyer's chain back to where it was, for a database transaction that rolled back. */
  undo(): void
}

export type Receipts = {
  readonly chainId: string
  /**
   * Signs the next receipt of the buyer's chain and moves the chain on. Synchronous: it runs inside
   * the transaction that stores the receipt. `iatMs` is the time of signing.
   *
   * @throws AssertionError when the buyer's head was not seeded, or `claims` are another buyer's.
   */
  issue(buyer: string, claims: CallClaims, id: { jti: Id<'receipt'>; iatMs: number }): IssuedReceipt
  /** Whether the buyer's chain can be continued without seeding. Asking keeps it in memory. */
  hasHead(buyer: string): boolean
  /** Says where the buyer's stored chain ends; `undefined` for a buyer without a receipt. */
  seedHead(buyer: string, head: Head | undefined): void
  /** Drops the buyer's head from memory, so that it is read from the database again. */
  forget(buyer: string): void
  /** A compact JWS over `payload`, with `typ` `souk-quote+jwt`: never mistaken for a receipt. */
  signQuote(payload: object): string
  /** All public keys, the current one first. */
  jwks(): { keys: PublicJwk[] }
  /** Signs with `key` from now on; the keys before it stay in the JWKS. */
  rotate(key: SigningKey): void
}

/**
 * @param options.issuer the gateway's public URL, claim `iss`.
 * @param options.chainId names this gateway's chain, claim `chain`: two gateways never share one.
 */
export function createReceipts(options: {
  issuer: string
  chainId: string
  ring: KeyRing
}): Receipts {
  const { issuer, chainId } = options
  const heads = chainHeads(MAX_HEADS)
  let signing = signingWith(options.ring)

  return {
    chainId,
    issue(buyer, claims, { jti, iatMs }) {
      assert(claims.buyer === buyer, 'a receipt belongs to the chain of its buyer')
      const head = heads.at(buyer)
      const seq = head.seq + 1
      const iat = Math.floor(iatMs / 1000)
      const payload: ReceiptClaims = {
        iss: issuer,
        jti,
        iat,
        chain: chainId,
        seq,
        prev: head.prev,
        ...claims,
      }
      const jws = signing.receipt(payload)
      return { receiptId: jti, jws, seq, undo: heads.advance(buyer, sha256Hex(jws)) }
    },
    hasHead: heads.has,
    seedHead: heads.seed,
    forget: heads.forget,
    signQuote: (payload) => signing.quote(payload),
    jwks: () => jwksOf(signing.ring.publicJwks),
    rotate(key) {
      signing = signingWith(keyRing(key, signing.ring.publicJwks))
    },
  }
}

function signingWith(ring: KeyRing) {
  return {
    ring,
    receipt: jwsSigner(ring.current, 'souk-receipt+jwt'),
    quote: jwsSigner(ring.current, 'souk-quote+jwt'),
  }
}

/** The claims inside a receipt of our own, not verified again. */
export function claimsOf(jws: string): ReceiptClaims {
  return JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString('utf8'))
}
