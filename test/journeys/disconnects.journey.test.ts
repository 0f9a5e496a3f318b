/**
 * Clients that go away in the middle of a call, on both faces, by both lanes, in both eras of MCP.
 * The rule: until the request is sent, the call is given up and costs nothing; from then on it runs
 * to its end as if the client were there, and whoever asks again gets that end.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aWire, type Wire } from '../support/a-wire.js'
import { type Face, mcpFace, restFace } from '../support/bazaar.js'
import {
  type Answered,
  answerJson,
  aWorld,
  type Json,
  type Party,
  type World,
} from '../support/world.js'
import { expectBalance } from './books.js'

/** What a buyer of 1 USDC has after one call. */
const AFTER_ONE = '0.99895'
const ANSWER = { found: 'tea' }

const faces: [name: string, (world: World) => Face][] = [
  ['REST', (world) => restFace(world)],
  ['REST by express', (world) => restFace(world, 'long')],
  ['MCP', (world) => mcpFace(world)],
  ['MCP by the SDK', (world) => mcpFace(world, 'bare', 'long')],
  ['MCP of 2026-07-28', (world) => mcpFace(world, 'modern')],
  ['MCP of 2026-07-28 by the SDK', (world) => mcpFace(world, 'modern', 'long')],
]

let world: World
let wire: Wire
let endpointId: string
let buyer: Party
beforeAll(async () => {
  world = await aWorld()
  wire = await aWire(world.url)
  endpointId = (await world.listing(await world.account('Seller'))).endpointId
})
afterAll(async () => {
  await wire.close()
  await world.close()
})
beforeEach(async () => {
  buyer = await world.account('Buyer', '1')
  world.upstream.requests.length = 0
  world.upstream.answerWith(answerJson(200, ANSWER))
})

describe.each(faces)('when a client goes away, over %s: ', (_name, faceOf) => {
  let near: Face
  let far: Face
  beforeAll(() => {
    near = faceOf(world)
    far = faceOf({ ...world, url: wire.url })
  })

  const send = (face: Face, order: Json) =>
    face.post(buyer.key, face.envelope(JSON.stringify(order)))

  /** Sends an order and goes away at a moment; resolves once the gateway has noticed. */
  async function leaveAt(moment: Promise<unknown>, sent: () => Promise<unknown>): Promise<void> {
    const asked = once(world.started.gateway.server, 'request')
    const end = sent().then(
      () => 'answered',
      () => 'lost',
    )
    const [, res] = (await asked) as [unknown, ServerResponse]
    const gone = once(res, 'close')
    await moment
    await wire.cut()
    await gone
    expect(await end).toBe('lost')
  }

  test('before its call is sent, it is released, and its idempotency key is free', async () => {
    const order = anOrder({ idempotency_key: 'before' })
    const ledger = aSlowLedger(world)
    await leaveAt(ledger.reached, () => send(far, order))
    ledger.goOn()
    await allOver()
    expect(world.upstream.requests).toHaveLength(0)
    await expectBalance(world, buyer.key, '1')
    const [given] = await callsOf(buyer)
    expect(given).toMatchObject({ outcome: 'failed', total: '0', receipt_id: null })

    const { json } = await send(near, order)
    expect(json).toMatchObject({ outcome: 'charged', body: ANSWER })
    expect(json).not.toHaveProperty('idempotent_replay')
    expect(json.call_id).not.toBe(given!.call_id)
    await expectBalance(world, buyer.key, AFTER_ONE)
  })

  test('while the seller works, the call is charged once and answers each retry', async () => {
    const order = anOrder({ idempotency_key: 'after' })
    const seller = aSlowSeller(world, answerJson(200, ANSWER))
    await leaveAt(seller.reached, () => send(far, order))
    const early = send(near, order)
    seller.goOn()
    const retries = [await early, await send(near, order)]
    const { call_id, receipt } = retries[0]!.json
    for (const { json } of retries) {
      expect(json).toMatchObject({ outcome: 'charged', body: ANSWER, call_id, receipt })
      expect(json.idempotent_replay).toBe(true)
    }
    expect(world.upstream.requests).toHaveLength(1)
    expect(await callsOf(buyer)).toHaveLength(1)
    await expectBalance(world, buyer.key, AFTER_ONE)
  })

  test('without an idempotency key, usage leads to the call, its body and receipt', async () => {
    const seller = aSlowSeller(world, answerJson(200, ANSWER))
    await leaveAt(seller.reached, () => send(far, anOrder()))
    const [running] = await callsOf(buyer)
    expect(running).toMatchObject({ outcome: 'held', receipt_id: null })
    seller.goOn()
    await allOver()
    const [ended] = await callsOf(buyer)
    expect(ended).toMatchObject({ call_id: running!.call_id, outcome: 'charged' })
    const found = await world.rest('GET', `/v1/calls/${ended!.call_id}`, buyer.key)
    expect(found.json).toMatchObject({ outcome: 'charged', body: ANSWER })
    const kept = await world.rest('GET', `/v1/receipts/${ended!.receipt_id}`, buyer.key)
    expect(kept.json.receipt).toBe(found.json.receipt)
    await expectBalance(world, buyer.key, AFTER_ONE)
  })

  test('and the seller then fails, nothing is charged, and a retry is told the same', async () => {
    const order = anOrder({ idempotency_key: 'failing' })
    const seller = aSlowSeller(world, answerJson(500, { error: 'down' }))
    await leaveAt(seller.reached, () => send(far, order))
    seller.goOn()
    await allOver()
    const { json } = await send(near, order)
    expect(json).toMatchObject({ code: 'upstream_failed', outcome: 'refunded', status: 500 })
    expect(json.idempotent_replay).toBe(true)
    expect(world.upstream.requests).toHaveLength(1)
    await expectBalance(world, buyer.key, '1')
  })

  test('while it still sends its order, it has ordered nothing', async () => {
    const bytes = Buffer.from(far.envelope(JSON.stringify(anOrder())))
    const headers = { 'content-length': String(bytes.length) }
    await leaveAt(Promise.resolve(), () => far.post(buyer.key, [bytes.subarray(0, 20)], headers))
    await allOver()
    expect(await callsOf(buyer)).toEqual([])
    expect(world.upstream.requests).toHaveLength(0)
  })
})

describe('a client of the older era that cancels its request', () => {
  const REQUEST = { jsonrpc: '2.0', id: 'call-7', method: 'tools/call' }

  test.each([
    ['in plain form', {}],
    ['by the SDK', { unknownToSouk: true }],
  ])('before the call is sent, %s, is not charged, and its key is free', async (_form, more) => {
    const { post } = await aSession()
    const args = anOrder({ idempotency_key: 'cancelled' })
    const ask = { ...REQUEST, params: { name: 'call_api', arguments: args, ...more } }
    const ledger = aSlowLedger(world)
    const asked = post(ask)
    await ledger.reached
    expect((await post(cancellationOf('call-7'))).status).toBe(202)
    ledger.goOn()
    expect(resultOf(await asked)).toMatchObject({ outcome: 'failed', receipt: null })
    expect(world.upstream.requests).toHaveLength(0)
    expect(resultOf(await post(ask))).toMatchObject({ outcome: 'charged' })
    await expectBalance(world, buyer.key, AFTER_ONE)
  })

  test('of another session, or after the call was sent, changes nothing', async () => {
    const [{ post }, other] = [await aSession(), await aSession()]
    const ask = { ...REQUEST, params: { name: 'call_api', arguments: anOrder() } }
    const ledger = aSlowLedger(world)
    const seller = aSlowSeller(world, answerJson(200, ANSWER))
    const asked = post(ask)
    await ledger.reached
    await other.post(cancellationOf('call-7'))
    ledger.goOn()
    await seller.reached
    await post(cancellationOf('call-7'))
    seller.goOn()
    expect(resultOf(await asked)).toMatchObject({ outcome: 'charged', body: ANSWER })
  })
})

/** The way in for an agent's messages, in a session of its own. */
async function aSession() {
  const clientInfo = { name: 'client-of-the-tests', version: '1.0.0' }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  const accept = 'application/json, text/event-stream'
  const post = (message: Json, headers: Record<string, string> = {}) =>
    world.rest('POST', '/mcp', buyer.key, message, { accept, ...headers })
  const begun = await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params })
  const session = begun.headers.get('mcp-session-id')!
  return { post: (message: Json) => post(message, { 'mcp-session-id': session }) }
}

function anOrder(changes: Json = {}): Json {
  return { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' }, ...changes }
}

async function callsOf({ key }: Party): Promise<Json[]> {
  return (await world.rest('GET', '/v1/usage', key)).json.calls as Json[]
}

async function allOver(): Promise<void> {
  await expect.poll(() => world.started.gateway.deps.slots.inFlight()).toBe(0)
}
/** Lets no unit of work through until told to, as a busy disk does. */
function aSlowLedger(world: World) {
  const { ledger } = world.started.gateway.deps
  const { commit } = ledger
  const gate = aGate()
  ledger.commit = async (unit) => {
    ledger.commit = commit
    await gate.pass()
    return commit(unit)
  }
  return gate
}

/** Answers only when told to. */
function aSlowSeller(world: World, answer: ReturnType<typeof answerJson>) {
  const gate = aGate()
  world.upstream.answerWith(async (req, res) => {
    await gate.pass()
    answer(req, res)
  })
  return gate
}

/** Where somebody arrives, and waits to be let through. */
function aGate() {
  let arrive = () => {}
  let goOn = () => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const opened = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const pass = () => {
    arrive()
    return opened
  }
  return { reached, goOn: () => goOn(), pass }
}

function cancellationOf(requestId: string): Json {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }
}

function resultOf({ json }: Answered): Json {
  return (json.result as Json).structuredContent as Json
}
