/** What we sign: one receipt for each concluded call, chained per buyer, and quotes. */
import type { Db } from '#store'
import { jwksOf, jwsSigner, type KeyRing, keyRing, type PublicJwk } from './signing-keys.js'
import { publicKeys } from './stored-keys.js'
import type { ReceiptClaims } from './verify.js'

export { checkChains } from './check-chains.js'
export {
  type CallClaims,
  type IssuedReceipt,
  orderReceipt,
  type ReceiptIssuer,
  receiptIssuer,
} from './issuer.js'
export { receiptRecorder, receiptRecorderOnPostgres } from './recorder.js'
export {
  importSigningKey,
  newSigningKey,
  type SigningKey,
} from './signing-keys.js'
export { loadKeyRing, rotateKey } from './stored-keys.js'
export { findReceipt, receiptReader, receiptText } from './stored-receipts.js'
export { type Jwk, type VerifyOptions, verifyReceipt } from './verify.js'

export type Receipts = {
  /** A compact JWS over `payload`, with `typ` `souk-quote+jwt`: never mistaken for a receipt. */
  signQuote(payload: object): string
  /** All public keys, the current one first; those that other gateways sign with among them. */
  jwks(): Promise<{ keys: PublicJwk[] }>
}

export function createReceipts({ ring, db }: { ring: KeyRing; db: Db }): Receipts {
  const signQuote = jwsSigner(ring.current, 'souk-quote+jwt')
  return {
    signQuote: (payload) => signQuote(JSON.stringify(payload)),
    jwks: async () => jwksOf(keyRing(ring.current, await publicKeys(db)).publicJwks),
  }
}

/** The claims inside a receipt of our own, not verified again. */
export function claimsOf(jws: string): ReceiptClaims {
  return JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString('utf8'))
}
