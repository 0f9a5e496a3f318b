/** Calls while the clock is set ahead or back by an hour: nobody loses, nobody pays twice. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { type CallDeps, call, type Order, priceOf, purge, reap, usage } from '#calls'
import { endOfUtcDay } from '#core/clock'
import { claimsOf } from '#receipts'
import { answerJson, aWorld, type Party, type World } from '../support/world.js'

const HOUR_MS = 60 * 60 * 1_000
/** More than the calls that one round of reaping ends at once. */
const MANY = 150

let world: World
let buyer: Party
let principal: Principal
let endpointId: string
/** How far the clock of `deps` is off. */
let shiftMs: number
let deps: CallDeps
beforeAll(async () => {
  world = await aWorld({ SOUK_MAX_IN_FLIGHT_PER_KEY: '1000' })
  endpointId = (await world.listing(await world.account('Seller'))).endpointId
})
afterAll(() => world.close())
beforeEach(async () => {
  const { deps: real } = world.started.gateway
  shiftMs = 0
  deps = { ...real, clock: { now: () => real.clock.now() + shiftMs } }
  buyer = await world.account('Buyer', '1')
  principal = await real.accounts.authenticate(buyer.key)
  world.upstream.requests.length = 0
  world.upstream.answerWith(answerJson(200, { found: 'tea' }))
})

function anOrder(changes: Partial<Order> = {}): Order {
  return { principal, endpointId, arguments: { space: 'main', q: 'tea' }, ...changes }
}

/** Lets the seller answer only when it is told to. */
function slowSeller() {
  const waiting: (() => void)[] = []
  world.upstream.answerWith((req, res) => {
    waiting.push(() => answerJson(200, { found: 'late' })(req, res))
  })
  return {
    arrived: () => expect.poll(() => waiting.length).toBeGreaterThan(0),
    answer: () => {
      world.upstream.answerWith(answerJson(200, { found: 'late' }))
      for (const answer of waiting) answer()
    },
  }
}

const openHolds = () => deps.ledger.openHoldCount()

async function spendable(): Promise<string> {
  return (await world.rest('GET', '/v1/balance', buyer.key)).json.available as string
}

test.each([
  ['ahead', HOUR_MS],
  ['back', -HOUR_MS],
])(
  'a call that runs while the clock is set %s ends as if it had not been',
  async (_way, stepMs) => {
    const seller = slowSeller()
    const order = anOrder({ idempotencyKey: `step-${stepMs}` })
    const running = call(deps, order)
    await seller.arrived()
    shiftMs = stepMs
    expect(await reap(deps, deps.clock.now())).toBe(0)
    seller.answer()
    const outcome = await running
    expect(outcome).toMatchObject({ outcome: 'charged', total: 1_050_000n })
    const { started_at, ended_at } = claimsOf(outcome.receipt!.jws)
    expect(Date.parse(ended_at)).toBeGreaterThanOrEqual(Date.parse(started_at))
    expect(await reap(deps, deps.clock.now())).toBe(0)
    expect(await call(deps, order)).toEqual({ ...outcome, replayed: true })
    expect(await spendable()).toBe('0.99895')
  },
)

test('however many calls run, the dead ones among them are released, and no others', async () => {
  const seller = slowSeller()
  const running = Array.from({ length: MANY }, () => call(deps, anOrder()))
  const dead = [1, 2, 3].map(() => call({ ...deps, running: new Map() }, anOrder()))
  await expect.poll(openHolds).toBe(MANY + dead.length)
  shiftMs = HOUR_MS
  expect(await reap(deps, deps.clock.now())).toBe(dead.length)
  expect(await openHolds()).toBe(MANY)
  seller.answer()
  for (const outcome of await Promise.all(running)) expect(outcome.outcome).toBe('charged')
  for (const late of await Promise.all(dead))
    expect(late).toMatchObject({ fault: { code: 'call_interrupted' }, total: 0n, body: null })
  expect(await openHolds()).toBe(0)
  expect(await spendable()).toBe('0.8425')
})

test('a call that its gateway left behind is released once, whichever way the clock went since', async () => {
  const seller = slowSeller()
  shiftMs = HOUR_MS
  const lost = call({ ...deps, running: new Map() }, anOrder())
  await seller.arrived()
  shiftMs = 0
  expect(await reap(deps, deps.clock.now())).toBe(0)
  expect(await spendable()).toBe('0.99895')
  shiftMs = 2 * HOUR_MS
  expect(await reap(deps, deps.clock.now())).toBe(1)
  shiftMs = 0
  expect(await reap(deps, deps.clock.now() + 2 * HOUR_MS)).toBe(0)
  seller.answer()
  expect(await lost).toMatchObject({ outcome: 'refunded', total: 0n })
  expect(await spendable()).toBe('1')
})

test('a quote is kept or expired, and a call under it costs what it says or nothing', async () => {
  const { arguments: args } = anOrder()
  const quoteId = async () =>
    (await priceOf(deps, principal, { endpointId, arguments: args })).quote!.quote_id
  const [first, second] = [await quoteId(), await quoteId()]
  shiftMs = HOUR_MS
  await expect(call(deps, anOrder({ quoteId: first }))).rejects.toMatchObject({
    code: 'quote_expired',
  })
  expect((await usage(deps, buyer.id, { limit: 20 })).calls).toEqual([])
  shiftMs = -HOUR_MS
  expect(await call(deps, anOrder({ quoteId: second }))).toMatchObject({ total: 1_050_000n })
  await expect(call(deps, anOrder({ quoteId: second }))).rejects.toMatchObject({
    code: 'quote_used',
  })
  expect(await spendable()).toBe('0.99895')
})

test('a day that the clock comes back to knows what was spent in it', async () => {
  const terms = { name: 'test', scopes: ['call'], limits: { day: '0.00105' } }
  const { json } = await world.rest('POST', '/v1/keys', buyer.key, terms)
  principal = await world.started.gateway.deps.accounts.authenticate(String(json.api_key))
  await call(deps, anOrder())
  const exceeded = { code: 'limit_exceeded' }
  await expect(call(deps, anOrder())).rejects.toMatchObject(exceeded)
  const now = deps.clock.now()
  shiftMs = endOfUtcDay(now) - now + HOUR_MS
  await purge(deps)
  expect((await call(deps, anOrder())).outcome).toBe('charged')
  shiftMs = 0
  await expect(call(deps, anOrder())).rejects.toMatchObject(exceeded)
  expect(await spendable()).toBe('0.9979')
})
