import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet } from 'jose'
import { expect, test } from 'vitest'
import { importSigningKey, jwksOf, jwsSigner, keyRing, newSigningKey } from './signing-keys.js'

const made = newSigningKey(1_000)
const key = importSigningKey(made.pkcs8)

test('a key taken up again from its bytes is the same key', () => {
  expect(made.createdAtMs).toBe(1_000)
  expect(key.kid).toBe(made.kid)
  expect(key.publicJwk).toEqual(made.publicJwk)
})

test('the kid is the RFC 7638 thumbprint', async () => {
  expect(made.kid).toBe(await calculateJwkThumbprint(made.publicJwk, 'sha256'))
  // The example key of RFC 8037, appendix A.1 to A.3.
  const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'
  const secret = Buffer.from(d, 'base64url')
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret])
  const { publicJwk } = importSigningKey(pkcs8)
  expect(publicJwk.x).toBe('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo')
  expect(publicJwk.kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

test('the JWKS shows public halves only', () => {
  const [jwk] = jwksOf([key.publicJwk]).keys
  expect(jwk).toEqual({
    kty: 'OKP',
    crv: 'Ed25519',
    x: expect.stringMatching(/^[\w-]{43}$/),
    kid: key.kid,
    use: 'sig',
    alg: 'EdDSA',
  })
})

test('a key of another kind is not taken up', () => {
  const { privateKey } = generateKeyPairSync('x25519')
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  expect(() => importSigningKey(pkcs8)).toThrow('Not an Ed25519 private key.')
  expect(() => importSigningKey(Buffer.from('no key'))).toThrow()
})

test('a ring publishes its current key first and each key once', () => {
  const older = newSigningKey(0).publicJwk
  const ring = keyRing(key, [older, key.publicJwk])
  expect(ring.publicJwks).toEqual([key.publicJwk, older])
})

test('what it signs, another implementation verifies', async () => {
  const jws = jwsSigner(key, 'souk-quote+jwt')('{"max_total":"0.00105","text":"Grüße"}')
  const verified = await compactVerify(jws, createLocalJWKSet(jwksOf([key.publicJwk])))
  expect(verified.protectedHeader).toEqual({ alg: 'EdDSA', kid: key.kid, typ: 'souk-quote+jwt' })
  expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual({
    max_total: '0.00105',
    text: 'Grüße',
  })
})
