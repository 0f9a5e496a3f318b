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
  const header = jwsHeader(key.kid, typ)
  return (payload) => {
    const signed = `${header}.${base64url(payload)}`
    return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`
  }
}

/** The header segment of all that the key `kid` signs as `typ`, to the letter. */
export function jwsHeader(kid: string, typ: string): string {
  return base64url(JSON.stringify({ alg: 'EdDSA', kid, typ }))
}

/**
 * The public half of a key, for checking signatures.
 *
 * @throws Error when it is not the Ed25519 key that its `kid` names.
 */
export function importPublicKey({ x, kid }: PublicJwk): KeyObject {
  if (thumbprintOf(x) !== kid) throw new Error('Not the key that its kid names.')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function publicJwkOf(privateKey: KeyObject): PublicJwk {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' }) as { x: string }
  return { kty: 'OKP', crv: 'Ed25519', x, kid: thumbprintOf(x), use: 'sig', alg: 'EdDSA' }
}

function thumbprintOf(x: string): string {
  const members = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`
  return createHash('sha256').update(members).digest('base64url')
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
