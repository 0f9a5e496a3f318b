/** The spine of a paid call where only a whole gateway shows it: crashes, retries, races. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { parseUsdc } from '#core/money'
import { claimsOf } from '#receipts'
import { answerJson, aWorld, type Party, type World } from '../../test/support/world.js'
import { type CallDeps, call, findCall, type Order, type Outcome, priceOf, reap } from './calls.js'

let world: World
let deps: CallDeps
let seller: Party
let buyer: Party
let principal: Principal
let endpoint: Awaited<ReturnType<World['listing']>>
let keys = 0

beforeAll(async () => {
  world = await aWorld()
  deps = world.started.gateway.deps
  seller = await world.account('Seller')
})
afterAll(() => world.close())

beforeEach(async () => {
  buyer = await world.account('Buyer', '1')
  principal = await world.started.gateway.deps.accounts.authenticate(buyer.key)
  endpoint = await world.listing(seller)
  world.upstream.requests.length = 0
  world.upstream.answerWith(answerJson(200, { found: 'tea' }))
})

function anOrder(changes: Partial<Order> = {}): Order {
  const args = { space: 'main', q: 'tea' }
  return { principal, endpointId: endpoint.endpointId, arguments: args, ...changes }
}

function aKey(): string {
  return `key-${++keys}`
}

async function spendable(): Promise<string> {
  return (await world.rest('GET', '/v1/balance', buyer.key)).json.available as string
}

/** Lets the seller answer only when it is told to; resolves once the request has arrived. */
function slowSeller() {
  let answer: () => void = () => {}
  const arrived = new Promise<void>((resolve) => {
    world.upstream.answerWith((req, res: ServerResponse) => {
      answer = () => answerJson(200, { found: 'late' })(req, res)
      resolve()
    })
  })
  return { arrived, answer: () => answer() }
}

/** A call of a gateway that shares the database and then is gone, as far as this one can tell. */
function ofAnotherGateway(order: Order): Promise<Outcome> {
  return call({ ...deps, running: new Map() }, order)
}

async function receiptsOf(callId: string): Promise<string[]> {
  const rows = await deps.store.query<{ jws: string }>(
    'select jws from receipts where call_id = ? order by seq',
    [callId],
  )
  return rows.map(({ jws }) => jws)
}

describe('a call whose gateway died', () => {
  test('is released, gets a receipt of zero, answers every retry, and is never sent again', async () => {
    const order = anOrder({ idempotencyKey: aKey() })
    const { arrived, answer } = slowSeller()
    const lost = ofAnotherGateway(order)
    await arrived
    expect(await spendable()).toBe('0.99895')
    await expect(call(deps, order)).rejects.toMatchObject({ code: 'in_progress' })

    expect(await reap(deps, Number.POSITIVE_INFINITY)).toBe(1)
    expect(await spendable()).toBe('1')
    for (let retry = 0; retry < 2; retry++) {
      const retried = await call(deps, order)
      expect(retried).toMatchObject({
        outcome: 'refunded',
        fault: { code: 'call_interrupted' },
        total: 0n,
        status: null,
        body: null,
        replayed: true,
      })
      expect(claimsOf(retried.receipt!.jws)).toMatchObject({
        call_id: retried.callId,
        outcome: 'refunded',
        charge: { amount: '0', fee: '0', total: '0' },
        hold: '0.00105',
      })
    }
    answer()
    await lost
    expect(world.upstream.requests).toHaveLength(1)
  })

  test('is not charged when its answer comes late after all', async () => {
    const { arrived, answer } = slowSeller()
    const late = ofAnotherGateway(anOrder())
    await arrived
    await reap(deps, Number.POSITIVE_INFINITY)
    answer()
    const outcome = await late
    expect(outcome).toMatchObject({
      outcome: 'refunded',
      fault: { code: 'call_interrupted' },
      total: 0n,
      body: null,
      replayed: false,
    })
    expect(await spendable()).toBe('1')
    expect(await receiptsOf(outcome.callId)).toEqual([outcome.receipt!.jws])
  })

  test('is left alone before its deadline', async () => {
    const { arrived, answer } = slowSeller()
    const running = call(deps, anOrder())
    await arrived
    expect(await reap(deps, deps.clock.now())).toBe(0)
    answer()
    expect((await running).outcome).toBe('charged')
  })
})

test('calls that end while another gateway reaps them end once each, with one receipt, in one chain', async () => {
  const calls = Array.from({ length: 40 }, () => call(deps, anOrder()))
  let isOver = false
  const reaping = (async () => {
    while (!isOver) {
      await reap({ ...deps, running: new Map() }, Number.POSITIVE_INFINITY)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const outcomes = await Promise.all(calls)
  isOver = true
  await reaping
  const charged = outcomes.filter(({ outcome }) => outcome === 'charged').length
  expect(await spendable()).toBe(`${(1 - charged * 0.00105).toFixed(5).replace(/\.?0+$/, '')}`)
  const seqs: number[] = []
  for (const outcome of outcomes) {
    const receipts = await receiptsOf(outcome.callId)
    expect(receipts).toEqual([outcome.receipt!.jws])
    expect(claimsOf(receipts[0]!).outcome).toBe(outcome.outcome)
    seqs.push(claimsOf(receipts[0]!).seq)
  }
  expect(seqs.sort((a, b) => a - b)).toEqual(outcomes.map((_, i) => i + 1))
})

describe('a retry with the same idempotency key', () => {
  const again = (outcome: Outcome) => ({ ...outcome, replayed: true })

  test('gets the same call, body and receipt, and the seller is asked once', async () => {
    const order = anOrder({ idempotencyKey: aKey() })
    const first = await call(deps, order)
    expect(first).toMatchObject({ outcome: 'charged', replayed: false })
    expect(await call(deps, order)).toEqual(again(first))
    expect(world.upstream.requests).toHaveLength(1)
    expect(await spendable()).toBe('0.99895')
  })

  test('gets it also after a price change, a pause and a retirement', async () => {
    const order = anOrder({ idempotencyKey: aKey(), maxPrice: '0.01' })
    const first = await call(deps, order)
    const path = `/v1/listings/${endpoint.id}`
    const price = { model: 'per_call', amount: '0.5' }
    const endpoints = [{ slug: 'search', price }]
    const changed = await world.rest('PATCH', path, seller.key, { endpoints })
    expect(changed.status, changed.text).toBe(200)
    expect(await call(deps, order)).toEqual(again(first))
    await world.rest('POST', `${path}/pause`, seller.key)
    expect(await call(deps, order)).toEqual(again(first))
    await world.rest('DELETE', path, seller.key)
    expect(await call(deps, order)).toEqual(again(first))
    const other = anOrder({ idempotencyKey: aKey(), maxPrice: '0.01' })
    await expect(call(deps, other)).rejects.toMatchObject({ code: 'listing_changed' })
  })

  test('gets it also when the quote that it names is used up or expired', async () => {
    const { arguments: args, endpointId } = anOrder()
    const { quote } = await priceOf(deps, principal, { endpointId, arguments: args })
    const order = anOrder({ idempotencyKey: aKey(), quoteId: quote!.quote_id })
    const first = await call(deps, order)
    expect(first.outcome).toBe('charged')
    expect(await call(deps, order)).toEqual(again(first))
    const later = { ...deps, clock: { now: () => deps.clock.now() + 600_000 } }
    expect(await call(later, order)).toEqual(again(first))
    const withoutKey = anOrder({ quoteId: quote!.quote_id })
    await expect(call(deps, withoutKey)).rejects.toMatchObject({ code: 'quote_used' })
  })

  test('that arrives at the same time waits for the first', async () => {
    const order = anOrder({ idempotencyKey: aKey() })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => call(deps, order)))
    expect(new Set(outcomes.map(({ callId }) => callId)).size).toBe(1)
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(world.upstream.requests).toHaveLength(1)
    expect(await spendable()).toBe('0.99895')
  })

  test('and other arguments, version or endpoint is a conflict that names the first call', async () => {
    const idempotencyKey = aKey()
    const first = await call(deps, anOrder({ idempotencyKey }))
    const other = await world.listing(seller)
    for (const changes of [
      { arguments: { space: 'main', q: 'coffee' } },
      { version: 1 },
      { endpointId: other.endpointId },
    ]) {
      await expect(call(deps, anOrder({ idempotencyKey, ...changes }))).rejects.toMatchObject({
        code: 'idempotency_conflict',
        facts: { call_id: first.callId },
      })
    }
  })

  test('from another key of anybody is another call', async () => {
    const idempotencyKey = aKey()
    const stranger = await world.account('Stranger', '1')
    const theirs = await world.started.gateway.deps.accounts.authenticate(stranger.key)
    const mine = await call(deps, anOrder({ idempotencyKey }))
    const other = await call(deps, anOrder({ idempotencyKey, principal: theirs }))
    expect(other).toMatchObject({ outcome: 'charged', replayed: false })
    expect(other.callId).not.toBe(mine.callId)
  })

  test('of a refunded call gets the refund again, not a second try', async () => {
    world.upstream.answerWith(answerJson(503, { error: 'down' }, { 'retry-after': '7' }))
    const order = anOrder({ idempotencyKey: aKey() })
    const first = await call(deps, order)
    expect(first).toMatchObject({
      outcome: 'refunded',
      status: 503,
      fault: { code: 'upstream_failed', retryAfterMs: 7_000 },
    })
    world.upstream.answerWith(answerJson(200, {}))
    expect(await call(deps, order)).toEqual(again(first))
    expect(world.upstream.requests).toHaveLength(1)
  })

  test('is a new call once the key is a day old', async () => {
    const order = anOrder({ idempotencyKey: aKey() })
    const first = await call(deps, order)
    const dayMs = 24 * 60 * 60 * 1_000
    const at = (ms: number) => ({ ...deps, clock: { now: () => deps.clock.now() + ms } })
    expect((await call(at(dayMs - 60_000), order)).callId).toBe(first.callId)
    const anew = await call(at(dayMs + 60_000), order)
    expect(anew).toMatchObject({ outcome: 'charged', replayed: false })
    expect(anew.callId).not.toBe(first.callId)
  })
})

describe('a call that was given up before it was sent', () => {
  test('costs nothing, has no receipt, and gives its idempotency key back', async () => {
    const idempotencyKey = aKey()
    const failed = await call(deps, anOrder({ idempotencyKey, isGone: () => true }))
    expect(failed).toMatchObject({ outcome: 'failed', total: 0n, receipt: null })
    expect(world.upstream.requests).toHaveLength(0)
    expect(await spendable()).toBe('1')
    const second = await call(deps, anOrder({ idempotencyKey }))
    expect(second).toMatchObject({ outcome: 'charged', replayed: false })
    expect(second.callId).not.toBe(failed.callId)
  })

  test('is not cut off once it was sent', async () => {
    const { arrived, answer } = slowSeller()
    let hasLeft = false
    const order = anOrder({ idempotencyKey: aKey(), isGone: () => hasLeft })
    const bought = call(deps, order)
    await arrived
    hasLeft = true
    answer()
    expect((await bought).outcome).toBe('charged')
  })
})

describe('a call that cannot cost anything', () => {
  const price = { model: 'free' }

  async function openHoldsMeanwhile(changes: Partial<Order>): Promise<number> {
    const { arrived, answer } = slowSeller()
    const running = call(deps, anOrder(changes))
    await arrived
    const holds = await deps.ledger.openHoldCount()
    answer()
    expect(await running).toMatchObject({ outcome: 'free', total: 0n })
    return holds
  }

  test('is written once, with its end, and has all that a call has', async () => {
    endpoint = await world.listing(seller, { endpoint: { price } })
    expect(await openHoldsMeanwhile({})).toBe(0)
    world.upstream.answerWith(answerJson(200, { found: 'tea' }))
    const { callId, receipt, balance } = await call(deps, anOrder({ tag: 'mine' }))
    expect(balance).toBe(parseUsdc('1'))
    expect(claimsOf(receipt!.jws)).toMatchObject({ call_id: callId, outcome: 'free', hold: '0' })
    expect(await findCall(deps.store, buyer.id, callId)).toMatchObject({
      ...{ outcome: 'free', hold: 0n, tag: 'mine', receiptId: receipt!.id },
    })
  })

  test('is refunded with a receipt like any other when its seller fails', async () => {
    endpoint = await world.listing(seller, { endpoint: { price } })
    world.upstream.answerWith(answerJson(500, {}))
    const { callId, outcome, receipt } = await call(deps, anOrder())
    expect(outcome).toBe('refunded')
    expect(await receiptsOf(callId)).toEqual([receipt!.jws])
  })

  test('is written before it is sent where a key or a limit is taken with it', async () => {
    endpoint = await world.listing(seller, { endpoint: { price } })
    expect(await openHoldsMeanwhile({ idempotencyKey: aKey() })).toBe(1)
    endpoint = await world.listing(seller, { endpoint: { price: { ...price, daily_cap: 5 } } })
    expect(await openHoldsMeanwhile({})).toBe(1)
  })
})

describe('a refusal before the hold', () => {
  test.each<[string, Partial<Order>]>([
    ['price_exceeds_max', { maxPrice: '0.001' }],
    ['invalid_arguments', { arguments: { space: 'main' } }],
    ['endpoint_not_found', { endpointId: 'no.such' }],
    ['endpoint_not_found', { version: 99 }],
    ['quote_not_found', { quoteId: 'quote_00000000000000000000000000' }],
  ])('%s leaves no call behind and does not use the key up', async (code, changes) => {
    const idempotencyKey = aKey()
    await expect(call(deps, anOrder({ idempotencyKey, ...changes }))).rejects.toMatchObject({
      code,
    })
    const rows = await deps.store.query('select id from calls where buyer_id = ?', [buyer.id])
    expect(rows).toEqual([])
    const then = await call(deps, anOrder({ idempotencyKey }))
    expect(then.outcome).toBe('charged')
  })

  test('a buyer without money gets nothing, and the seller is not asked', async () => {
    const poor = await world.account('Poor')
    const theirs = await world.started.gateway.deps.accounts.authenticate(poor.key)
    await expect(call(deps, anOrder({ principal: theirs }))).rejects.toMatchObject({
      code: 'insufficient_balance',
      facts: { available: '0', required: '0.00105' },
    })
    expect(world.upstream.requests).toHaveLength(0)
  })
})

test('a call is found by its buyer and by nobody else', async () => {
  const { callId } = await call(deps, anOrder())
  expect((await findCall(deps.store, buyer.id, callId)).id).toBe(callId)
  for (const other of [seller.id, '', world.buyer.id]) {
    await expect(findCall(deps.store, other, callId)).rejects.toMatchObject({
      code: 'call_not_found',
    })
  }
})
