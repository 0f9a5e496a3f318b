import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader } from 'jose'
import { expect, test } from 'vitest'
import { sha256Hex } from '#core/canonical-json'
import {
  anIssuer,
  aSigningKey,
  buyer,
  callClaims,
  issuedAtMs,
  issueNext,
  issuer,
} from '../../test/support/signed-receipts.js'
import { claimsOf, receiptIssuer, verifyReceipt } from './receipts.js'
import { jwksOf, jwsSigner, keyRing } from './signing-keys.js'

const key = aSigningKey()
const jwks = jwksOf([key.publicJwk])

test('a receipt carries the claims of the call and its place in the chain', () => {
  const { jws, seq } = issueNext(anIssuer())
  expect(seq).toBe(1)
  expect(claimsOf(jws)).toEqual(decodeJwt(jws))
  expect(claimsOf(jws)).toEqual({
    ...callClaims,
    iss: issuer,
    jti: 'rcpt_01',
    iat: issuedAtMs / 1000,
    chain: 'main',
    seq: 1,
    prev: null,
  })
})

test('another implementation verifies our receipts with our JWKS', async () => {
  const { jws } = issueNext(anIssuer(key))
  const { protectedHeader } = await compactVerify(jws, createLocalJWKSet(jwks))
  expect(protectedHeader).toEqual({ alg: 'EdDSA', kid: key.kid, typ: 'souk-receipt+jwt' })
})

test('each receipt names the hash of the one before it', () => {
  const issuing = anIssuer()
  const first = issueNext(issuing)
  const second = issueNext(issuing)
  expect(decodeJwt(second.jws)).toMatchObject({ seq: 2, prev: sha256Hex(first.jws) })
})

test('a chain goes on from its stored head, also after a transaction was rolled back', () => {
  const prev = sha256Hex('the 41st receipt')
  const storedHead = () => ({ seq: 41, prev })
  const issuing = receiptIssuer({ issuer, chainId: 'main', key, storedHead })
  expect(decodeJwt(issueNext(issuing).jws)).toMatchObject({ seq: 42, prev })
  expect(issueNext(issuing).seq).toBe(43)
  issuing.forget()
  expect(decodeJwt(issueNext(issuing).jws)).toMatchObject({ seq: 42, prev })
})

test('chains of two buyers do not touch each other', () => {
  const issuing = anIssuer()
  issueNext(issuing)
  expect(issueNext(issuing, { buyer: 'acct_other' }).seq).toBe(1)
  expect(issueNext(issuing, { buyer }).seq).toBe(2)
})

test('old receipts stay verifiable when the key is rotated', async () => {
  const before = issueNext(anIssuer(key))
  const newKey = aSigningKey()
  const ring = keyRing(newKey, [key.publicJwk])
  const storedHead = () => ({ seq: 1, prev: sha256Hex(before.jws) })
  const after = issueNext(receiptIssuer({ issuer, chainId: 'main', key: newKey, storedHead }))
  expect(decodeProtectedHeader(after.jws).kid).toBe(newKey.kid)
  const both = jwksOf(ring.publicJwks)
  expect(both.keys).toHaveLength(2)
  expect(await verifyReceipt(before.jws, { jwks: both })).toMatchObject({ valid: true })
  expect(await verifyReceipt(after.jws, { jwks: both, previous: before.jws })).toMatchObject({
    valid: true,
  })
})

test('a signed quote is never taken for a receipt', async () => {
  const { jws } = issueNext(anIssuer(key))
  const quote = jwsSigner(key, 'souk-quote+jwt')(JSON.stringify(decodeJwt(jws)))
  expect(decodeProtectedHeader(quote).typ).toBe('souk-quote+jwt')
  expect(await verifyReceipt(quote, { jwks })).toEqual({
    valid: false,
    reason: 'The header must say typ souk-receipt+jwt.',
  })
})
