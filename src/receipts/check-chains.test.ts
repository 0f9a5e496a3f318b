import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256Hex } from '#core/canonical-json'
import { handClock } from '#core/clock'
import { openForReading } from '#store'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { buyer, callClaims, issuedAtMs, issuer } from '../../test/support/signed-receipts.js'
import {
  type CallClaims,
  checkChains,
  importSigningKey,
  loadKeyRing,
  newSigningKey,
  orderReceipt,
  receiptIssuer,
  rotateKey,
  type SigningKey,
} from './receipts.js'

/** Keys in clear: what a real vault refuses, the test of the doctor shows. */
const vault = {
  seal: (_owner: string, plain: Uint8Array) => Buffer.from(plain),
  open: (_owner: string, sealed: Uint8Array) => Buffer.from(sealed),
}
let opened: OpenedStore
let key: SigningKey
beforeEach(async () => {
  opened = await aStore()
  key = (await loadKeyRing({ db: opened.store.db, vault, clock: handClock() })).current
})
afterEach(() => opened.close())

type Head = { seq: number; prev: string | null }

/** Issues a receipt that follows `head` and stores it as the recorder does. */
function put(head: Head, changes: Partial<CallClaims> = {}, signWith = key): Head {
  const issuing = receiptIssuer({ issuer, chainId: 'main', key: signWith, storedHead: () => head })
  const claims = { ...callClaims, ...changes }
  const id = `rcpt_${claims.buyer}_${head.seq + 1}` as const
  const { jws, seq } = issuing.issue(orderReceipt(id, issuedAtMs, claims))
  opened.store.money
    .prepare('insert into receipts values (?, ?, ?, ?, ?, ?, ?)')
    .run(id, claims.call_id, claims.buyer, claims.seller, 'main', seq, jws)
  return { seq, prev: sha256Hex(jws) }
}

function putMany(count: number, changes: Partial<CallClaims> = {}): Head {
  let head: Head = { seq: 0, prev: null }
  for (let i = 0; i < count; i++) head = put(head, changes)
  return head
}

function check(told: number[] = []) {
  const connection = openForReading(opened.store.file)!
  const progress = (read: number) => told.push(read)
  const { checked, first } = checkChains({ connection, vault, progress })
  connection.close()
  return { checked, found: first.map(({ what }) => what) }
}

test('chains of many portions and of several keys are good', async () => {
  const head = putMany(1_030)
  putMany(2, { buyer: 'acct_other' })
  await rotateKey({ db: opened.store.db, vault, clock: handClock(issuedAtMs) })
  key = (await loadKeyRing({ db: opened.store.db, vault, clock: handClock() })).current
  put(head)
  const told: number[] = []
  expect(check(told)).toEqual({ checked: '1033 receipts in 2 chains, 2 keys', found: [] })
  expect(told).toEqual([500, 1_000, 1_033])
})

test('a receipt that is signed but does not continue the one before it is named', () => {
  const { seq } = putMany(3)
  put({ seq, prev: sha256Hex('a receipt that was replaced') })
  expect(check().found).toEqual([
    `${buyer} chain main seq 4: it does not continue the receipt before it`,
  ])
})

test('a chain that does not start at its first receipt is named', () => {
  put({ seq: 2, prev: sha256Hex('the second') })
  expect(check().found).toEqual([`${buyer} chain main seq 1 to 2 are missing`])
})

test("a receipt that a stranger's key signed is named, whatever else it says", () => {
  put({ seq: 0, prev: null }, {}, aStranger())
  put(
    putMany(1, { buyer: 'acct_other' }),
    { buyer: 'acct_other' },
    { ...aStranger(), kid: key.kid },
  )
  expect(check().found).toEqual([
    `acct_buyer chain main seq 1: it was not signed with a key of this gateway`,
    `acct_other chain main seq 2: its text was changed after it was signed`,
  ])
})

function aStranger(): SigningKey {
  return importSigningKey(newSigningKey(issuedAtMs).pkcs8)
}

test('a receipt of ours whose sums are wrong is named', () => {
  put({ seq: 0, prev: null }, { charge: { amount: '0.001', fee: '0', total: '0.002' } })
  expect(check().found).toEqual([
    `${buyer} chain main seq 1: it would not verify (Amount and fee do not add up to the total)`,
  ])
})

test.each(['id', 'call_id', 'seller_id'])('a changed column %s is named', (column) => {
  putMany(2)
  opened.store.money.prepare(`update receipts set ${column} = 'x' where seq = 2`).run()
  expect(check().found).toEqual([
    `${buyer} chain main seq 2: its column ${column} is not what was signed`,
  ])
})

test('the same bytes in another spelling are not the receipt', () => {
  putMany(1)
  opened.store.money.prepare("update receipts set jws = jws || '='").run()
  expect(check().found).toEqual([`${buyer} chain main seq 1: its text is not that of a receipt`])
})

test('a public key that was exchanged is named, and what it signed is no longer good', () => {
  putMany(1)
  const { publicJwk } = aStranger()
  const { money } = opened.store
  money
    .prepare('update signing_keys set public_jwk = ?')
    .run(JSON.stringify({ ...publicJwk, kid: key.kid }))
  expect(check().found).toEqual([
    `the public key ${key.kid} cannot be used`,
    `${buyer} chain main seq 1: it was not signed with a key of this gateway`,
  ])
})
