/** Ed25519 keys: made, taken up again from their sealed bytes, published, and used to sign JWS. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'

/** The public half of a key, as `/.well-known/jwks.json` shows it (RFC 8037). */
export type PublicJwk = {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  use: 'sig'
  alg: 'EdDSA'
}

/** A key ready to sign. Its `kid` is the RFC 7638 thumbprint of its public half. */
export type SigningKey = { kid: string; privateKey: KeyObject; publicJwk: PublicJwk }

/** The key that signs now, and all public keys that ever did: old receipts must stay verifiable. */
export type KeyRing = { current: SigningKey; publicJwks: readonly PublicJwk[] }

/**
 * A new key. `pkcs8` is its secret in DER; the caller seals it before it is stored.
 * `createdAtMs` is `nowMs`, for its row.
 */
export function newSigningKey(nowMs: number): {
  kid: string
  pkcs8: Buffer
  publicJwk: PublicJwk
  createdAtMs: number
} {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicJwk = publicJwkOf(privateKey)
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  return { kid: publicJwk.kid, pkcs8, publicJwk, createdAtMs: nowMs }
}

/**
 * The key whose `pkcs8` {@link newSigningKey} gave.
 *
 * @throws Error when the bytes are not an Ed25519 private key.
 */
export function importSigningKey(pkcs8: Uint8Array): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('Not an Ed25519 private key.')
  const publicJwk = publicJwkOf(privateKey)
  return { kid: publicJwk.kid, privateKey, publicJwk }
}

/** A ring that signs with `current` and publishes it before the `others`, each key once. */
export function keyRing(current: SigningKey, others: readonly PublicJwk[]): KeyRing {
  const older = others.filter((jwk) => jwk.kid !== current.kid)
  return { current, publicJwks: [current.publicJwk, ...older] }
}

/** The JWKS document of `publicJwks`. */
export function jwksOf(publicJwks: readonly PublicJwk[]): { keys: PublicJwk[] } {
  return { keys: [...publicJwks] }
}

/**
 * A signer of compact JWS (RFC 7515) of one `typ`; `payload` is JSON. The header segment is built
 * once; a signature takes some 50 µs.
 */
export function jwsSigner(key: SigningKey, typ: string): (payload: string) => string {
  const header = base64url(JSON.stringify({ alg: 'EdDSA', kid: key.kid, typ }))
  return (payload) => {
    const signed = `${header}.${base64url(payload)}`
    return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`
  }
}

function publicJwkOf(privateKey: KeyObject): PublicJwk {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' }) as { x: string }
  const thumbprint = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`)
  const kid = thumbprint.digest('base64url')
  return { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' }
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
