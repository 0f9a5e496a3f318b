import { createHmac, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { expect, test } from 'vitest'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import {
  anIssuer,
  aSigningKey,
  buyer,
  issuedAtMs,
  issueNext,
  request,
  response,
} from '../../test/support/signed-receipts.js'
import { jwksOf, jwsSigner } from './signing-keys.js'
import { type VerifyOptions, verifyReceipt } from './verify.js'

const key = aSigningKey()
const jwks = jwksOf([key.publicJwk])
const jws = issueNext(anIssuer(key)).jws
const [header, payload, signature] = jws.split('.') as [string, string, string]
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
const signed = jwsSigner(key, 'souk-receipt+jwt')
const signReceipt = (payload: unknown) => signed(JSON.stringify(payload))

const segment = (text: string) => Buffer.from(text).toString('base64url')

function signedWithHeader(fields: object): string {
  const signed = `${segment(JSON.stringify(fields))}.${payload}`
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`
}

async function reasonFor(receipt: unknown, options: object = {}): Promise<string> {
  const asked = { jwks, ...options } as VerifyOptions
  const verification = await verifyReceipt(receipt as string, asked)
  return verification.valid ? 'valid' : verification.reason
}

test('a receipt is checked against everything that it is given', async () => {
  const verification = await verifyReceipt(jws, { jwks, request, response, nowMs: issuedAtMs })
  const checks = ['signature', 'claims', 'amounts', 'request', 'response', 'time']
  expect(verification).toEqual({ valid: true, claims, checks })
  expect(await verifyReceipt({ jws }, { jwks })).toEqual({
    valid: true,
    claims,
    checks: ['signature', 'claims', 'amounts'],
  })
})

test('it imports tweetnacl and nothing else, so that it runs in a browser', () => {
  const source = readFileSync(new URL('./verify.ts', import.meta.url), 'utf8')
  expect(source.match(/^import .*|\bimport\(.*|\brequire\(.*/gm)).toEqual([
    "import nacl from 'tweetnacl'",
  ])
  expect(source).not.toMatch(/\b(Buffer|process|globalThis|__dirname)\b/)
})

const fields = { alg: 'EdDSA', kid: key.kid, typ: 'souk-receipt+jwt' }
const unsigned = `${segment(JSON.stringify({ ...fields, alg: 'none' }))}.${payload}`
const hmacInput = `${segment(JSON.stringify({ ...fields, alg: 'HS256' }))}.${payload}`
const hmac = createHmac('sha256', Buffer.from(key.publicJwk.x, 'base64url')).update(hmacInput)

test.each([
  ['no algorithm', `${unsigned}.`, 'alg EdDSA'],
  ['no algorithm, with a signature', `${unsigned}.${signature}`, 'alg EdDSA'],
  ['an HMAC keyed with the public key', `${hmacInput}.${hmac.digest('base64url')}`, 'alg EdDSA'],
  ['alg in other letters', signedWithHeader({ ...fields, alg: 'eddsa' }), 'alg EdDSA'],
  ['another typ', signedWithHeader({ ...fields, typ: 'JWT' }), 'typ souk-receipt+jwt'],
  ['an unknown kid', signedWithHeader({ ...fields, kid: 'other' }), 'no Ed25519 key'],
  ['a kid that is no text', signedWithHeader({ ...fields, kid: 1 }), 'no Ed25519 key'],
  ['no kid', signedWithHeader({ alg: 'EdDSA', typ: 'souk-receipt+jwt' }), 'exactly alg, kid'],
  ['a crit header', signedWithHeader({ ...fields, crit: ['exp'], exp: 1 }), 'exactly alg, kid'],
  ['a key of its own', signedWithHeader({ ...fields, jwk: key.publicJwk }), 'exactly alg, kid'],
  ['a header that is a list', `${segment('[]')}.${payload}.${signature}`, 'not a JSON object'],
  ['a header that is no JSON', `${segment('{')}.${payload}.${signature}`, 'not a JSON object'],
  ['a header that is no UTF-8', `_w.${payload}.${signature}`, 'not a JSON object'],
  ['two parts', `${header}.${payload}`, 'exactly three parts'],
  ['four parts', `${jws}.`, 'exactly three parts'],
  ['an empty signature', `${header}.${payload}.`, 'signature is not of'],
  ['half a signature', `${header}.${payload}.${signature.slice(0, 43)}`, 'signature is not'],
  ['padding', `${jws}==`, 'not base64url'],
  ['a line break at its end', `${jws}\n`, 'not base64url'],
  ['a blank before it', ` ${jws}`, 'not base64url'],
  ['a dangling character', `${jws}AAA`, 'not base64url'],
  ['the letters of plain base64', `${header}.${payload}.+/${signature.slice(2)}`, 'not base64url'],
  ['nothing', '', 'exactly three parts'],
  ['far too much', `${'A'.repeat(70_000)}.A.A`, 'not a receipt'],
])('a receipt with %s is refused', async (_what, receipt, reason) => {
  expect(await reasonFor(receipt)).toContain(reason)
})

test('a last character with other spare bits is refused', async () => {
  // 64 bytes end in a character of which four bits mean nothing: a lax decoder takes 16 texts.
  const lax = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const same = [...lax].filter((char) => {
    const bytes = Buffer.from(signature.slice(0, -1) + char, 'base64url')
    return bytes.equals(Buffer.from(signature, 'base64url'))
  })
  expect(same).toHaveLength(16)
  for (const char of same.filter((other) => other !== signature.at(-1))) {
    expect(await reasonFor(jws.slice(0, -1) + char)).toContain('not base64url')
  }
})

test('a signature with the group order added to its scalar is refused', async () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const bytes = Buffer.from(signature, 'base64url')
  const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`)
  const raised = Buffer.from((scalar + order).toString(16).padStart(64, '0'), 'hex').reverse()
  const altered = Buffer.concat([bytes.subarray(0, 32), raised])
  const signed = Buffer.from(`${header}.${payload}`)
  const publicKey = Buffer.from(key.publicJwk.x, 'base64url')
  // This is the danger: the library alone takes it.
  expect(nacl.sign.detached.verify(signed, altered, publicKey)).toBe(true)
  expect(await reasonFor(`${header}.${payload}.${altered.toString('base64url')}`)).toContain(
    'signature is not of',
  )
})

test('a receipt that another key signed is refused', async () => {
  const stranger = { ...aSigningKey(), kid: key.kid }
  expect(
    await reasonFor(jwsSigner(stranger, 'souk-receipt+jwt')(JSON.stringify(claims))),
  ).toContain('signature is not of')
})

test.each([
  ['for encryption', { ...key.publicJwk, use: 'enc' }, 'not for EdDSA'],
  ['for another algorithm', { ...key.publicJwk, alg: 'ES256' }, 'not for EdDSA'],
  ['on another curve', { ...key.publicJwk, crv: 'Ed448' }, 'no Ed25519 key'],
  ['cut short', { ...key.publicJwk, x: 'AAAA' }, '32 bytes'],
  ['without its x', { kty: 'OKP', crv: 'Ed25519', kid: key.kid }, '32 bytes'],
])('a key %s is refused', async (_what, jwk, reason) => {
  expect(await reasonFor(jws, { jwks: { keys: [jwk] } })).toContain(reason)
})

test.each(
  Object.keys(claims).filter((name) => !['quote_id', 'idempotency_hash', 'prev'].includes(name)),
)('a receipt without the claim %s is refused', async (name) => {
  const { [name]: _left, ...rest } = claims
  expect(await reasonFor(signReceipt(rest))).toBe(`The claim ${name} is missing or malformed.`)
  const wrong = signReceipt({ ...claims, [name]: name === 'jti' ? '' : [] })
  expect(await reasonFor(wrong)).toBe(`The claim ${name} is missing or malformed.`)
})

test.each([
  ['iat', 1.5],
  ['seq', 0],
  ['seq', '1'],
  ['prev', 'A'.repeat(64)],
  ['version', null],
  ['quote_id', null],
  ['idempotency_hash', 'abc'],
  ['request', { ...claims.request, alg: 'md5' }],
  ['request', { ...claims.request, fields: ['endpoint_id'] }],
  ['response', { ...claims.response, status: 99 }],
  ['response', { ...claims.response, bytes: -1 }],
  ['response', { ...claims.response, truncated: 0 }],
  ['price', { model: 'per_call' }],
  ['price', { ...claims.price, quantity: 2 }],
  ['currency', { asset: 'USDT', decimals: 9 }],
  ['currency', { asset: 'USDC', decimals: 6 }],
  ['charge', { ...claims.charge, total: 0.00105 }],
  ['charge', { ...claims.charge, total: '0.001050' }],
  ['charge', { ...claims.charge, total: '-0.00105' }],
  ['charge', { ...claims.charge, total: '.00105' }],
  ['charge', { ...claims.charge, total: '1e-3' }],
  ['hold', '0.0000000001'],
  ['hold', '01'],
  ['outcome', 'paid'],
  ['started_at', '2026-01-15'],
  ['ended_at', '2026-13-45T12:00:00Z'],
])('the claim %s cannot be %j', async (name, value) => {
  const reason = await reasonFor(signReceipt({ ...claims, [name]: value }))
  expect(reason).toBe(`The claim ${name} is missing or malformed.`)
})

test('claims that are not known, and optional ones that are absent, are no fault', async () => {
  const { quote_id, idempotency_hash, ...rest } = claims
  expect(await reasonFor(signReceipt({ ...rest, memo: 'later' }))).toBe('valid')
})

const nothing = { amount: '0', fee: '0', total: '0' }

test.each([
  ['a sum that is one nano off', { charge: { ...claims.charge, fee: '0.000050001' } }, 'add up'],
  ['a total above the hold', { hold: '0.001049999' }, 'more than the hold'],
  ['a refund that costs', { outcome: 'refunded' }, 'must have total 0'],
  ['a failure that costs', { outcome: 'failed' }, 'must have total 0'],
  ['a free call that costs', { outcome: 'free' }, 'must have total 0'],
  ['a first receipt with a previous one', { prev: sha256Hex('') }, 'prev null'],
  ['a later receipt without a previous one', { seq: 2 }, 'prev null'],
  ['a refund of everything', { outcome: 'refunded', charge: nothing }, 'valid'],
  ['a total equal to the hold', { hold: '0.00105' }, 'valid'],
  ['a free call', { outcome: 'free', price: { model: 'free' }, charge: nothing }, 'valid'],
  ['no answer', { response: { status: null, hash: null, bytes: 0, truncated: false } }, 'valid'],
])('%s: judged by its sums and its place', async (_what, changes, reason) => {
  expect(await reasonFor(signReceipt({ ...claims, ...changes }))).toContain(reason)
})

test('another request than the one that was sent is refused', async () => {
  const asked = { endpoint_id: request.endpoint_id, arguments: request.arguments }
  expect(await reasonFor(jws, { request: asked })).toBe('valid')
  expect(await reasonFor(jws, { request: { ...asked, version: null } })).toBe('valid')
  expect(await reasonFor(jws, { request: { ...asked, version: 4 } })).toContain('version 3')
  expect(await reasonFor(jws, { request: { ...request, endpoint_id: 'a.b' } })).toContain(
    'wiki.search',
  )
  const others = { ...request.arguments, page: 2 }
  expect(await reasonFor(jws, { request: { ...request, arguments: others } })).toContain(
    'other arguments',
  )
})

test('the request is hashed as the gateway hashes it, whatever its arguments', async () => {
  const json = fc.jsonValue({ stringUnit: 'grapheme' })
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string({ unit: 'grapheme' }), json), async (sent) => {
      const asked = { endpoint_id: 'a.b', version: 1, arguments: sent }
      const hash = sha256Hex(canonicalJson(asked))
      const changes = { endpoint_id: 'a.b', version: 1, request: { ...claims.request, hash } }
      expect(await reasonFor(signReceipt({ ...claims, ...changes }), { request: asked })).toBe(
        'valid',
      )
    }),
    { numRuns: 60 },
  )
})

test('another response than the one that was delivered is refused', async () => {
  expect(await reasonFor(jws, { response: response.slice(1) })).toContain('another response')
  expect(await reasonFor(jws, { response: new Uint8Array() })).toContain('another response')
  const response_ = { status: null, hash: null, bytes: 0, truncated: false }
  const unanswered = signReceipt({ ...claims, response: response_ })
  expect(await reasonFor(unanswered, { response })).toContain('no answer')
})

test('only the receipt just before it in the same chain is its previous one', async () => {
  const next = (changes: object, previous: string) =>
    reasonFor(signReceipt({ ...claims, seq: 2, prev: sha256Hex(previous), ...changes }), {
      previous,
    })
  expect(await next({}, jws)).toBe('valid')
  expect(await next({ prev: sha256Hex('another') }, jws)).toContain('not the one')
  expect(await next({ seq: 3 }, jws)).toContain('one step back')
  expect(await next({ chain: 'other' }, jws)).toContain('one step back')
  expect(await next({ buyer: `${buyer}2` }, jws)).toContain('one step back')
  expect(await next({}, 'no.receipt')).toContain('previous receipt')
  expect(await reasonFor(jws, { previous: jws })).toContain('first of its chain')
})

test('a receipt may be a minute ahead of our clock, not more', async () => {
  expect(await reasonFor(jws, { nowMs: issuedAtMs - 60_000 })).toBe('valid')
  expect(await reasonFor(jws, { nowMs: issuedAtMs - 60_001 })).toContain('in the future')
})

test('nothing that it is given makes it throw', async () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const odd = [cyclic, 1n, Number.NaN, '\ud800', () => 1, undefined, Symbol('s')]
  for (const sent of odd) {
    expect(await reasonFor(jws, { request: { ...request, arguments: { sent } } })).not.toBe('valid')
  }
  for (const options of [{ jwks: null }, { jwks: { keys: [null] } }, { jwks: { keys: 7 } }]) {
    expect(await reasonFor(jws, options)).toBe('The input cannot be read.')
  }
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.anything(), async (receipt, options) => {
      const verification = await verifyReceipt(receipt as string, options as VerifyOptions)
      expect(verification.valid).toBe(false)
    }),
  )
})
