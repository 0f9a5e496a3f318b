/**
 * The portable verifier. It shows that the holder of a key in a JWKS signed a receipt, so take the
 * JWKS from an issuer that you trust, not from an address inside the receipt.
 *
 * It imports tweetnacl alone and runs wherever `crypto.subtle` is: Node 20, and browsers on https
 * or localhost.
 */
import nacl from 'tweetnacl'

/** What a receipt says. Amounts are decimal USDC, times RFC 3339 in UTC, hashes lower-case hex. */
export type ReceiptClaims = {
  /** The gateway that signed it. */
  iss: string
  /** The receipt id. */
  jti: string
  /** When it was signed, in seconds since the epoch. */
  iat: number
  call_id: string
  chain: string
  /** 1, 2, 3 … for each buyer and chain, without gaps. */
  seq: number
  /** SHA-256 of the text of the chain's previous receipt; `null` in the first. */
  prev: string | null
  buyer: string
  key_id: string
  seller: string
  endpoint_id: string
  version: number
  /** `hash` is over the RFC 8785 JSON of an object with exactly these fields. */
  request: { hash: string; alg: 'sha-256'; fields: ['endpoint_id', 'version', 'arguments'] }
  /** `hash` and `bytes` are of the body as delivered; all is null or nothing without an answer. */
  response: { status: number | null; hash: string | null; bytes: number; truncated: boolean }
  quote_id?: string
  idempotency_hash?: string
  /** The model's terms; `amount` in all models but `free`, `quantity` where one was measured. */
  price: { model: string; [term: string]: unknown }
  currency: { asset: 'USDC'; decimals: 9 }
  charge: { amount: string; fee: string; total: string }
  /** What was set aside for the call: the most that it could cost. */
  hold: string
  outcome: 'charged' | 'free' | 'refunded' | 'failed'
  started_at: string
  ended_at: string
}

/** A key of a JWKS, as far as the verifier reads it. */
export type Jwk = {
  kty: string
  crv?: string
  x?: string
  kid?: string
  use?: string
  alg?: string
}

export type VerifyOptions = {
  /** The issuer's keys, old ones included. */
  jwks: { keys: readonly Jwk[] }
  /** What was asked. Without a version, the one that the receipt names is meant. */
  request?: { endpoint_id: string; version?: number | null; arguments: unknown }
  /** The bytes that were delivered. */
  response?: Uint8Array
  /** The JWS text of the receipt before this one in its chain. */
  previous?: string
  /** The time now, in milliseconds since the epoch; a receipt from the future is then refused. */
  nowMs?: number
}

export type Check =
  | 'signature'
  | 'claims'
  | 'amounts'
  | 'request'
  | 'response'
  | 'previous'
  | 'time'

export type Verification =
  | { valid: true; claims: ReceiptClaims; checks: Check[] }
  | { valid: false; reason: string }

/** Far more than any receipt needs. */
const MAX_RECEIPT_CHARS = 65_536
/** How far the issuer's clock may be ahead of ours. */
const MAX_CLOCK_SKEW_MS = 60_000
/** The order of Ed25519's base point. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/**
 * Checks a receipt offline: its form, signature and sums, and whatever else `options` gives it to
 * compare with. It never throws; a receipt that fails has a `reason`, one sentence.
 */
export async function verifyReceipt(
  receipt: string | { jws: string },
  options: VerifyOptions,
): Promise<Verification> {
  try {
    return await verify(typeof receipt === 'string' ? receipt : receipt.jws, options)
  } catch (error) {
    const isRefusal = error instanceof Error && error.name === 'Refusal'
    return { valid: false, reason: isRefusal ? error.message : 'The input cannot be read.' }
  }
}

async function verify(jws: string, options: VerifyOptions): Promise<Verification> {
  const claims = openSigned(jws, options.jwks)
  const checks: Check[] = ['signature']
  demandForms(claims)
  checks.push('claims')
  demandSums(claims)
  checks.push('amounts')
  if (options.request !== undefined) {
    await demandRequest(claims, options.request)
    checks.push('request')
  }
  if (options.response !== undefined) {
    await demandResponse(claims, options.response)
    checks.push('response')
  }
  if (options.previous !== undefined) {
    await demandPrevious(claims, options.previous)
    checks.push('previous')
  }
  if (options.nowMs !== undefined) {
    const isFromThePast = claims.iat * 1000 <= options.nowMs + MAX_CLOCK_SKEW_MS
    demand(isFromThePast, 'The receipt was signed in the future.')
    checks.push('time')
  }
  return { valid: true, claims, checks }
}

/**
 * Why `claims` are not those of a receipt, their form and their sums looked at and no signature, in
 * one sentence; `undefined` when they are.
 */
export function claimsFault(claims: Record<string, unknown>): string | undefined {
  try {
    demandForms(claims)
    demandSums(claims)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function demand(condition: boolean, reason: string): asserts condition {
  if (condition) return
  const refusal = new Error(reason)
  refusal.name = 'Refusal'
  throw refusal
}

/** The payload of a compact JWS, once its header and signature are found good. */
function openSigned(jws: string, jwks: VerifyOptions['jwks']): JsonObject {
  demand(typeof jws === 'string' && jws.length <= MAX_RECEIPT_CHARS, 'This is not a receipt.')
  const parts = jws.split('.')
  demand(parts.length === 3, 'A receipt has exactly three parts.')
  const [headerPart, payloadPart, signaturePart] = parts as [string, string, string]
  const header = jsonIn(headerPart, 'header')
  // Exactly these members: no `crit`, no key that the receipt brings along.
  const members = Object.keys(header).sort().join()
  demand(members === 'alg,kid,typ', 'The header must have exactly alg, kid and typ.')
  demand(header.alg === 'EdDSA', 'The header must say alg EdDSA.')
  demand(header.typ === 'souk-receipt+jwt', 'The header must say typ souk-receipt+jwt.')
  const publicKey = publicKeyOf(jwks, header.kid)
  const signature = bytesIn(signaturePart, 'signature')
  // Copied, because tweetnacl refuses bytes of another realm, such as an encoder's under jsdom.
  const signed = Uint8Array.from(new TextEncoder().encode(`${headerPart}.${payloadPart}`))
  demand(isSignedBy(publicKey, signed, signature), 'The signature is not of this receipt and key.')
  return jsonIn(payloadPart, 'payload')
}

function publicKeyOf(jwks: VerifyOptions['jwks'], kid: unknown): Uint8Array {
  const jwk = jwks.keys.find((key) => key.kid === kid && key.kty === 'OKP' && key.crv === 'Ed25519')
  demand(
    isText(kid) && jwk !== undefined,
    'The JWKS has no Ed25519 key with the kid of the header.',
  )
  const isForSigning = (jwk.use ?? 'sig') === 'sig' && (jwk.alg ?? 'EdDSA') === 'EdDSA'
  demand(isForSigning, 'The key is not for EdDSA signatures.')
  const publicKey = bytesIn(jwk.x ?? '', 'key')
  demand(publicKey.length === nacl.sign.publicKeyLength, 'The key does not have 32 bytes.')
  return publicKey
}

function isSignedBy(publicKey: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== nacl.sign.signatureLength) return false
  // tweetnacl takes S and S + the group order alike, so that a stranger could make a second valid
  // text of one receipt. RFC 8032 allows the smaller one only.
  const scalar = BigInt(`0x${hexOf(signature.slice(32).reverse())}`)
  return scalar < GROUP_ORDER && nacl.sign.detached.verify(signed, signature, publicKey)
}

type JsonObject = Record<string, unknown>

function jsonIn(part: string, what: string): JsonObject {
  const value = parsed(bytesIn(part, what))
  demand(isObject(value), `The ${what} is not a JSON object.`)
  return value
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** Base64url without padding; the bits that a last character has to spare must be zero. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

function bytesIn(part: string, what: string): Uint8Array {
  demand(BASE64URL.test(part), `The ${what} is not base64url.`)
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

type Form = (value: unknown) => boolean

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isPositive: Form = (value) => isCount(value) && value > 0
const isHash: Form = (value) => isText(value) && /^[0-9a-f]{64}$/.test(value)
const isAmount = (value: unknown): value is string =>
  typeof value === 'string' && /^(?:0|[1-9]\d{0,17})(?:\.\d{0,8}[1-9])?$/.test(value)
const isTime: Form = (value) =>
  isText(value) &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))
const isStatus: Form = (value) => isCount(value) && value >= 100 && value <= 599
const orNull =
  (form: Form): Form =>
  (value) =>
    value === null || form(value)
const optional =
  (form: Form): Form =>
  (value) =>
    value === undefined || form(value)
const oneOf =
  (...known: unknown[]): Form =>
  (value) =>
    known.includes(value)
const objectOf =
  (forms: Record<string, Form>): Form =>
  (value) =>
    isObject(value) && Object.entries(forms).every(([name, form]) => form(value[name]))

const isPrice: Form = (value) =>
  objectOf({ model: isText, amount: optional(isAmount), quantity: optional(isAmount) })(value) &&
  isObject(value) &&
  (value.model === 'free' || value.amount !== undefined)

/** The form of every claim. A claim that is not known here is allowed, as JWTs have it. */
const FORMS: { [Name in keyof Required<ReceiptClaims>]: Form } = {
  iss: isText,
  jti: isText,
  iat: isPositive,
  call_id: isText,
  chain: isText,
  seq: isPositive,
  prev: orNull(isHash),
  buyer: isText,
  key_id: isText,
  seller: isText,
  endpoint_id: isText,
  version: isPositive,
  request: objectOf({
    hash: isHash,
    alg: oneOf('sha-256'),
    fields: (value) => JSON.stringify(value) === '["endpoint_id","version","arguments"]',
  }),
  response: objectOf({
    status: orNull(isStatus),
    hash: orNull(isHash),
    bytes: isCount,
    truncated: oneOf(true, false),
  }),
  quote_id: optional(isText),
  idempotency_hash: optional(isHash),
  price: isPrice,
  currency: objectOf({ asset: oneOf('USDC'), decimals: oneOf(9) }),
  charge: objectOf({ amount: isAmount, fee: isAmount, total: isAmount }),
  hold: isAmount,
  outcome: oneOf('charged', 'free', 'refunded', 'failed'),
  started_at: isTime,
  ended_at: isTime,
}

function demandForms(claims: JsonObject): asserts claims is ReceiptClaims {
  for (const [name, form] of Object.entries(FORMS)) {
    demand(form(claims[name]), `The claim ${name} is missing or malformed.`)
  }
  const isFirst = claims.seq === 1
  demand(isFirst === (claims.prev === null), 'Only the first receipt of a chain has prev null.')
}

function demandSums({ charge, hold, outcome }: ReceiptClaims): void {
  const total = nanosOf(charge.total)
  const isSum = nanosOf(charge.amount) + nanosOf(charge.fee) === total
  demand(isSum, 'Amount and fee do not add up to the total.')
  demand(total <= nanosOf(hold), 'The total is more than the hold.')
  const isPayable = outcome === 'charged' || total === 0n
  demand(isPayable, `A call with outcome ${outcome} must have total 0.`)
}

function nanosOf(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.')
  return BigInt(whole + fraction.padEnd(9, '0'))
}

async function demandRequest(
  claims: ReceiptClaims,
  request: NonNullable<VerifyOptions['request']>,
): Promise<void> {
  const { endpoint_id, arguments: sent } = request
  const version = request.version ?? claims.version
  const isSameEndpoint = endpoint_id === claims.endpoint_id && version === claims.version
  demand(
    isSameEndpoint,
    `The receipt is for ${claims.endpoint_id} version ${claims.version}, not for this request.`,
  )
  const canonical = canonicalJson({ endpoint_id, version, arguments: sent })
  const isSameHash = (await sha256Hex(canonical)) === claims.request.hash
  demand(isSameHash, 'The receipt is for a request with other arguments.')
}

async function demandResponse({ response }: ReceiptClaims, bytes: Uint8Array): Promise<void> {
  demand(response.hash !== null, 'The receipt says that there was no answer.')
  const isSame = bytes.length === response.bytes && (await sha256Hex(bytes)) === response.hash
  demand(isSame, 'The receipt is for another response.')
}

async function demandPrevious(claims: ReceiptClaims, previous: string): Promise<void> {
  demand(claims.prev !== null, 'The receipt is the first of its chain.')
  const isPrevious = (await sha256Hex(previous)) === claims.prev
  demand(isPrevious, 'The previous receipt is not the one that this receipt continues.')
  const before = jsonIn(previous.split('.')[1] ?? '', 'previous receipt')
  const isSameChain = before.buyer === claims.buyer && before.chain === claims.chain
  demand(
    isSameChain && before.seq === claims.seq - 1,
    'The previous receipt is not one step back in the same chain.',
  )
}

/** RFC 8785: members sorted by UTF-16 code units, ECMAScript numbers, no white space. */
function canonicalJson(value: unknown): string {
  if (typeof value === 'string') demand(value.isWellFormed(), 'The request has a broken string.')
  if (typeof value === 'number') demand(Number.isFinite(value), 'The request has a broken number.')
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join()}]`
  if (isObject(value)) {
    const names = Object.keys(value).filter((name) => value[name] !== undefined)
    const members = names
      .sort()
      .map((name) => `${canonicalJson(name)}:${canonicalJson(value[name])}`)
    return `{${members.join()}}`
  }
  const text: string | undefined = JSON.stringify(value)
  demand(text !== undefined, 'The request is not JSON.')
  return text
}

async function sha256Hex(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : Uint8Array.from(data)
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
