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
import { claimsOf, verifyReceipt } from './receipts.js'

test('a receipt carries the claims of the call and its place in the chain', () => {
  const { jws, receiptId, seq } = issueNext(anIssuer())
  expect([receiptId, seq]).toEqual(['rcpt_01', 1])
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
  const receipts = anIssuer()
  const { jws } = issueNext(receipts)
  const { protectedHeader } = await compactVerify(jws, createLocalJWKSet(receipts.jwks()))
  const kid = receipts.jwks().keys[0]!.kid
  expect(protectedHeader).toEqual({ alg: 'EdDSA', kid, typ: 'souk-receipt+jwt' })
})

test('each receipt names the hash of the one before it', () => {
  const receipts = anIssuer()
  const first = issueNext(receipts)
  const second = issueNext(receipts)
  expect(decodeJwt(second.jws)).toMatchObject({ seq: 2, prev: sha256Hex(first.jws) })
})

test('a chain goes on from its stored head', () => {
  const receipts = anIssuer()
  receipts.forget(buyer)
  expect(receipts.hasHead(buyer)).toBe(false)
  expect(() => issueNext(receipts)).toThrow('seeded')
  receipts.seedHead(buyer, { seq: 41, prev: sha256Hex('the 41st receipt') })
  const claims = decodeJwt(issueNext(receipts).jws)
  expect(claims).toMatchObject({ seq: 42, prev: sha256Hex('the 41st receipt') })
})

test('receipts that were rolled back leave no gap', () => {
  const receipts = anIssuer()
  const first = issueNext(receipts)
  const second = issueNext(receipts)
  const third = issueNext(receipts)
  third.undo()
  second.undo()
  const next = decodeJwt(issueNext(receipts).jws)
  expect(next).toMatchObject({ seq: 2, prev: sha256Hex(first.jws) })
})

test('chains of two buyers do not touch each other', () => {
  const receipts = anIssuer()
  issueNext(receipts)
  receipts.seedHead('acct_other', undefined)
  const id = { jti: 'rcpt_02' as const, iatMs: issuedAtMs }
  const claims = { ...callClaims, buyer: 'acct_other' }
  expect(receipts.issue('acct_other', claims, id).seq).toBe(1)
})

test('a receipt is never put on the chain of another buyer', () => {
  const receipts = anIssuer()
  expect(() => issueNext(receipts, { buyer: 'acct_other' })).toThrow('chain of its buyer')
  expect(issueNext(receipts).seq).toBe(1)
})

test('old receipts stay verifiable when the key is rotated', async () => {
  const receipts = anIssuer()
  const before = issueNext(receipts)
  const newKey = aSigningKey()
  receipts.rotate(newKey)
  const after = issueNext(receipts)
  expect(decodeProtectedHeader(after.jws).kid).toBe(newKey.kid)
  expect(receipts.jwks().keys).toHaveLength(2)
  const jwks = receipts.jwks()
  expect(await verifyReceipt(before.jws, { jwks })).toMatchObject({ valid: true })
  expect(await verifyReceipt(after.jws, { jwks, previous: before.jws })).toMatchObject({
    valid: true,
  })
})

test('a signed quote is never taken for a receipt', async () => {
  const receipts = anIssuer()
  const { jws } = issueNext(receipts)
  const quote = receipts.signQuote(decodeJwt(jws))
  expect(decodeProtectedHeader(quote).typ).toBe('souk-quote+jwt')
  expect(await verifyReceipt(quote, { jwks: receipts.jwks() })).toEqual({
    valid: false,
    reason: 'The header must say typ souk-receipt+jwt.',
  })
})
