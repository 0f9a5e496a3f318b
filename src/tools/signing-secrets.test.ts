import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createSigningSecrets } from './signing-secrets.js'

const HOUR_MS = 60 * 60 * 1_000
const KEY = Buffer.alloc(32, 5)

let opened: OpenedStore

beforeAll(async () => {
  opened = await aStore()
})

afterAll(() => opened.close())

/** Secrets of a gateway on the shared database. */
function aGateway(clock = handClock()) {
  return { clock, secrets: createSigningSecrets({ store: opened.store, clock, key: KEY }) }
}

/** What a handler with one secret makes of a request, as the reference library of the standard does. */
function accepts(secret: string, headers: Record<string, string>, body: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = headers
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const due = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  return signatures!.split(' ').includes(`v1,${due}`)
}

const CALL = { callId: 'call_1', body: Buffer.from('{"q":"\u00fc"}') }
const TEXT = CALL.body.toString()

test('the secret is 24 to 64 bytes in base64, its own for each account', async () => {
  const { secrets } = aGateway()
  const [one, two] = [await secrets.current('acct_1'), await secrets.current('acct_2')]
  expect(one.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(one.secret).not.toBe(two.secret)
})

test('the signature is over id, timestamp and the exact body', async () => {
  const { clock, secrets } = aGateway()
  const { secret } = await secrets.current('acct_1')
  const headers = await secrets.sign('acct_1', CALL)
  expect(headers['webhook-timestamp']).toBe(String(clock.now() / 1000))
  expect(accepts(secret, headers, TEXT)).toBe(true)
  expect(accepts(secret, headers, `${TEXT} `)).toBe(false)
  expect(accepts(secret, { ...headers, 'webhook-id': 'call_2' }, TEXT)).toBe(false)
  expect(accepts(secret, { ...headers, 'webhook-timestamp': '1' }, TEXT)).toBe(false)
})

test('the secret before signs for 24 hours after a rotation, and not longer', async () => {
  const { clock, secrets } = aGateway()
  const before = await secrets.current('acct_3')
  const after = await secrets.rotate('acct_3')
  expect(after.secret).not.toBe(before.secret)
  expect(after.formerUntilMs).toBe(clock.now() + 24 * HOUR_MS)
  clock.advance(24 * HOUR_MS - 1)
  const within = await secrets.sign('acct_3', CALL)
  expect([before, after].map(({ secret }) => accepts(secret, within, TEXT))).toEqual([true, true])
  clock.advance(1)
  const later = await secrets.sign('acct_3', CALL)
  expect([before, after].map(({ secret }) => accepts(secret, later, TEXT))).toEqual([false, true])
  expect(await secrets.current('acct_3')).toEqual({ secret: after.secret, formerUntilMs: null })
})

test('rotating twice in a day keeps every secret of that day, at most four', async () => {
  const { secrets } = aGateway()
  const all = [await secrets.current('acct_4')]
  for (let i = 0; i < 2; i++) all.push(await secrets.rotate('acct_4'))
  const headers = await secrets.sign('acct_4', CALL)
  expect(all.map(({ secret }) => accepts(secret, headers, TEXT))).toEqual([true, true, true])
  for (let i = 0; i < 5; i++) await secrets.rotate('acct_4')
  const { 'webhook-signature': signatures } = await secrets.sign('acct_4', CALL)
  expect(signatures?.split(' ')).toHaveLength(4)
  expect(await opened.store.db('signing_secrets').where({ account_id: 'acct_4' })).toHaveLength(4)
})

test('rotations at once are all different', async () => {
  const { secrets } = aGateway()
  await Promise.all(Array.from({ length: 3 }, () => secrets.rotate('acct_5')))
  const rows = await opened.store.db('signing_secrets').where({ account_id: 'acct_5' })
  expect(rows).toHaveLength(3)
})

test('a rotation on another gateway counts as soon as it is heard of', async () => {
  const [here, there] = [aGateway(), aGateway()]
  const before = await here.secrets.current('acct_6')
  const after = await there.secrets.rotate('acct_6')
  expect(await here.secrets.current('acct_6')).toEqual(before)
  here.secrets.forget()
  expect(await here.secrets.current('acct_6')).toEqual(after)
})
