import { afterAll, beforeAll, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { newId } from '#core/ids'
import { parseUsdc } from '#core/money'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { APPROVAL_LIFE_MS, type Approvals, createApprovals } from './approvals.js'

/** Of one account, at once. */
const MOST = 100

const clock = handClock()
const asItIs = (_owner: string, bytes: Uint8Array) => Buffer.from(bytes)
let opened: OpenedStore
let approvals: Approvals

beforeAll(async () => {
  opened = await aStore()
  const { store } = opened
  approvals = createApprovals({ store, clock, sealer: { seal: asItIs, open: asItIs } })
})

afterAll(() => opened.close())

const anAccount = () => newId('account', clock.now())

const ask = (accountId: ReturnType<typeof anAccount>) =>
  approvals.ask({
    accountId,
    keyId: newId('key', clock.now()),
    quoteId: newId('quote', clock.now()),
    endpointId: 'wiki.search',
    title: 'Search the wiki',
    requestHash: 'hash',
    arguments: { q: 'tea' },
    maxTotal: parseUsdc('0.00105'),
    reason: 'limit',
  })

test('as many wait for a person as can be shown, of each account', async () => {
  const account = anAccount()
  const first = await ask(account)
  for (let asked = 1; asked < MOST; asked++) await ask(account)
  expect(await approvals.open(account)).toHaveLength(MOST)
  await expect(ask(account)).rejects.toMatchObject({ code: 'rate_limited' })
  expect((await ask(anAccount())).state).toBe('open')

  await approvals.settle(first.id, 'declined')
  await ask(account)
  await expect(ask(account)).rejects.toMatchObject({ code: 'rate_limited' })
  clock.advance(APPROVAL_LIFE_MS)
  expect(await approvals.open(account)).toEqual([])
  expect((await ask(account)).state).toBe('open')
})

test('of a yes and a no at once, one is what was said', async () => {
  const { id, accountId, quoteId } = await ask(anAccount())
  const said = await Promise.allSettled([
    approvals.settle(id, 'approved'),
    approvals.decide(accountId, id, { verdict: 'decline', personId: 'person_1' }),
  ])
  const [won] = said.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
  expect(said.filter(({ status }) => status === 'rejected')).toMatchObject([
    { reason: { code: 'forbidden' } },
  ])
  const { state } = (await approvals.ofQuote(accountId, quoteId))!
  expect(state).toBe(won === 0 ? 'approved' : 'declined')
})
