import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256Hex } from '#core/canonical-json'
import { handClock } from '#core/clock'
import { aStoreOfTheRun, type StoreOfTheRun } from '../../test/support/a-store-of-the-run.js'
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
let opened: StoreOfTheRun
let key: SigningKey
beforeEach(async () => {
  opened = await aStoreOfTheRun()
  key = (await loadKeyRing({ db: opened.store.db, vault, clock: handClock() })).current
})
afterEach(() => opened.close())

type Head = { seq: number; prev: string | null }
type Place = { head?: Head; changes?: Partial<CallClaims>; signWith?: SigningKey }

/** Issues `count` receipts that follow `head` and stores them as the recorder does. */
async function put(count: number, { head, changes, signWith = key }: Place = {}): Promise<Head> {
  const storedHead = () => head
  const issuing = receiptIssuer({ issuer, chainId: 'main', key: signWith, storedHead })
  const claims = { ...callClaims, ...changes }
  const first = head ?? { seq: 0, prev: null }
  const rows = Array.from({ length: count }, (_, i) => {
    const id = `rcpt_${claims.buyer}_${first.seq + i + 1}` as const
    const { jws, seq } = issuing.issue(orderReceipt(id, issuedAtMs, claims))
    const { call_id, buyer: buyer_id, seller: seller_id } = claims
    return { id, call_id, buyer_id, seller_id, chain: 'main', seq, jws }
  })
  await opened.store.db.batchInsert('receipts', rows, 100)
  const { seq, jws } = rows.at(-1)!
  return { seq, prev: sha256Hex(jws) }
}

async function check(told: number[] = []) {
  const reader = await opened.openReader()
  const progress = (read: number) => told.push(read)
  const { checked, first } = await checkChains({ reader, vault, progress })
  await reader.close()
  return { checked, found: first.map(({ what }) => what) }
}

test('chains of many portions and of several keys are good', async () => {
  const head = await put(1_030)
  await put(2, { changes: { buyer: 'acct_other' } })
  await rotateKey({ db: opened.store.db, vault, clock: handClock(issuedAtMs) })
  key = (await loadKeyRing({ db: opened.store.db, vault, clock: handClock() })).current
  await put(1, { head })
  const told: number[] = []
  expect(await check(told)).toEqual({ checked: '1033 receipts in 2 chains, 2 keys', found: [] })
  expect(told).toEqual([500, 1_000, 1_033])
})

test('a receipt that is signed but does not continue the one before it is named', async () => {
  const { seq } = await put(3)
  await put(1, { head: { seq, prev: sha256Hex('a receipt that was replaced') } })
  expect((await check()).found).toEqual([
    `${buyer} chain main seq 4: it does not continue the receipt before it`,
  ])
})

test('a chain that does not start at its first receipt is named', async () => {
  await put(1, { head: { seq: 2, prev: sha256Hex('the second') } })
  expect((await check()).found).toEqual([`${buyer} chain main seq 1 to 2 are missing`])
})

test("a receipt that a stranger's key signed is named, whatever else it says", async () => {
  await put(1, { signWith: aStranger() })
  const changes = { buyer: 'acct_other' } as const
  const head = await put(1, { changes })
  await put(1, { head, changes, signWith: { ...aStranger(), kid: key.kid } })
  expect((await check()).found).toEqual([
    `acct_buyer chain main seq 1: it was not signed with a key of this gateway`,
    `acct_other chain main seq 2: its text was changed after it was signed`,
  ])
})

function aStranger(): SigningKey {
  return importSigningKey(newSigningKey(issuedAtMs).pkcs8)
}

test('a receipt of ours whose sums are wrong is named', async () => {
  await put(1, { changes: { charge: { amount: '0.001', fee: '0', total: '0.002' } } })
  expect((await check()).found).toEqual([
    `${buyer} chain main seq 1: it would not verify (Amount and fee do not add up to the total)`,
  ])
})

test.each(['id', 'call_id', 'seller_id'])('a changed column %s is named', async (column) => {
  await put(2)
  await opened.store
    .db('receipts')
    .where({ seq: 2 })
    .update({ [column]: 'x' })
  expect((await check()).found).toEqual([
    `${buyer} chain main seq 2: its column ${column} is not what was signed`,
  ])
})

test('the same bytes in another spelling are not the receipt', async () => {
  await put(1)
  const { db } = opened.store
  await db('receipts').update({ jws: db.raw("jws || '='") })
  expect((await check()).found).toEqual([
    `${buyer} chain main seq 1: its text is not that of a receipt`,
  ])
})

test('a public key that was exchanged is named, and what it signed is no longer good', async () => {
  await put(1)
  const { publicJwk } = aStranger()
  const exchanged = JSON.stringify({ ...publicJwk, kid: key.kid })
  await opened.store.db('signing_keys').update({ public_jwk: exchanged })
  expect((await check()).found).toEqual([
    `the public key ${key.kid} cannot be used`,
    `${buyer} chain main seq 1: it was not signed with a key of this gateway`,
  ])
})
