/**
 * The story of the demo, by each kind of MCP client: an agent finds, prices and buys, is charged to
 * the nano, loses its connection, meets an upstream that fails, and holds receipts that a stranger
 * can verify.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aWorld, type Party, type World } from '../support/world.js'
import { agents, type Result } from './agents.js'
import { earnedBy, expectBalance, feesSoFar } from './books.js'
import { jwksOf, readReceipt, sha256 } from './receipt-by-hand.js'

const BERLIN = { latitude: 52.52, longitude: 13.41, date: '2026-06-21' }
/** RFC 8785 by hand: members sorted, no white space. */
const BERLIN_REQUEST =
  '{"arguments":{"date":"2026-06-21","latitude":52.52,"longitude":13.41},"endpoint_id":"sample.sun","version":1}'
const SEVEN_WORDS = { text: 'Seven words are what this text has.' }
const SEVEN_WORDS_REQUEST =
  '{"arguments":{"text":"Seven words are what this text has."},"endpoint_id":"sample.text-stats","version":1}'

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world.close())

test.each(Object.entries(agents))(
  'an agent finds, prices, buys, verifies and rates, with %s',
  async (name, connect) => {
    const buyer = await world.account('Buyer', '1')
    const agent = await connect(world.url, buyer.key)
    const seller = sampleSellerKey()
    const before = { earned: await earnedBy(world, seller), fees: await feesSoFar(world) }
    const expectBooks = async (balance: string, earned: bigint, fees: bigint) => {
      await expectBalance(world, buyer.key, balance)
      expect(await earnedBy(world, seller)).toBe(before.earned + earned)
      expect(await feesSoFar(world)).toBe(before.fees + fees)
    }
    expect(agent.tools).toHaveLength(7)
    await expectBooks('1', 0n, 0n)

    // It finds and inspects.
    const found = await agent.use('browse_apis', { query: 'sunrise time in Berlin', limit: 3 })
    expect(found.results).toContainEqual(
      expect.objectContaining({
        endpoint_id: 'sample.sun',
        price: { model: 'per_call', amount: '0.001', max_total: '0.00105' },
      }),
    )
    const described = await agent.use('describe_endpoint', { endpoint_id: 'sample.sun' })
    expect(described).toMatchObject({ version: 1, requires_approval: false })
    expect(described.input_schema).toMatchObject({ required: ['latitude', 'longitude'] })

    // It asks what exactly this call will cost: that moves no money.
    const call = { endpoint_id: 'sample.sun', arguments: BERLIN }
    const priced = await agent.use('get_pricing', call)
    expect(priced).toMatchObject({ price: { amount: '0.001' }, fee_bps: 500 })
    const quote = priced.quote as Result
    expect(quote).toMatchObject({ max_charge: '0.001', max_fee: '0.00005', max_total: '0.00105' })
    const promise = readReceipt(quote.signature as string, await jwksOf(world.url))
    expect(promise.isGenuine).toBe(true)
    expect(promise.header.typ).toBe('souk-quote+jwt')
    await expectBooks('1', 0n, 0n)

    // It buys.
    const order = { ...call, quote_id: quote.quote_id, idempotency_key: 'berlin-1' }
    const bought = await agent.use('call_api', order)
    expect(bought).toMatchObject({
      outcome: 'charged',
      status: 200,
      body: { date: '2026-06-21', sunrise: expect.stringMatching(/^2026-06-21T02:4\d:\d\dZ$/) },
      charge: { amount: '0.001', fee: '0.00005', total: '0.00105' },
      balance: '0.99895',
    })
    await expectBooks('0.99895', 1_000_000n, 50_000n)

    // Its connection breaks: the repeated order is the same call, paid once.
    const repeated = await agent.use('call_api', order)
    expect(repeated).toEqual({ ...bought, idempotent_replay: true })
    await expectBooks('0.99895', 1_000_000n, 50_000n)

    // An upstream answers 200 with a GraphQL error: nothing is paid.
    const failed = await agent.fail('call_api', {
      endpoint_id: 'sample.flaky',
      arguments: { mode: 'graphql-error' },
    })
    expect(failed).toMatchObject({
      code: 'upstream_failed',
      outcome: 'refunded',
      status: 200,
      charge: { amount: '0', fee: '0', total: '0' },
      balance: '0.99895',
    })
    await expectBooks('0.99895', 1_000_000n, 50_000n)

    // A price by the word: 7 words at 0.01 a thousand, and 5 % on top.
    const counted = await agent.use('call_api', {
      endpoint_id: 'sample.text-stats',
      arguments: SEVEN_WORDS,
      max_price: '0.0525',
    })
    expect(counted).toMatchObject({
      charge: { amount: '0.00007', fee: '0.0000035', total: '0.0000735' },
      balance: '0.9988765',
    })
    await expectBooks('0.9988765', 1_070_000n, 53_500n)

    await expectVerifiable(buyer, quote, [bought, failed, counted])

    // It looks back, and rates.
    const usage = await agent.use('get_usage', {})
    expect((usage.calls as Result[]).map(({ outcome, total }) => [outcome, total])).toEqual([
      ['charged', '0.0000735'],
      ['refunded', '0'],
      ['charged', '0.00105'],
    ])
    expect(usage.totals).toEqual({ calls: 3, charged: '0.0011235', refunded: '0.0105' })
    const rated = await agent.use('rate_seller', { call_id: bought.call_id, score: 4 })
    expect(rated.seller).toMatchObject({ rating: 4 })
    const unpaid = await agent.fail('rate_seller', { call_id: failed.call_id, score: 1 })
    expect(unpaid.code).toBe('rating_refused')
    const balance = await agent.use('check_balance', {})
    expect(balance).toMatchObject({ currency: 'USDC', available: '0.9988765', held: '0' })

    // Its client held all 9 results against the tools' output schemas; the 1.x line the 2 refusals too.
    expect(agent.protocolVersion).toBe(name.includes('2026') ? '2026-07-28' : '2025-11-25')
    expect(agent.checked()).toBe(name.includes('1.x') ? 11 : 9)
    await agent.close()
  },
)

/** What a stranger finds who is shown the three calls: each receipt is genuine, and none is left out. */
async function expectVerifiable(buyer: Party, quote: Result, calls: Result[]): Promise<void> {
  const jwks = await jwksOf(world.url)
  const receipts = calls.map(({ receipt }) => receipt as string)
  for (const [index, jws] of receipts.entries()) {
    const { header, isGenuine, claims } = readReceipt(jws, jwks)
    expect(isGenuine).toBe(true)
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'souk-receipt+jwt' })
    const { call_id, outcome, charge } = calls[index]!
    const said = { iss: world.url, buyer: buyer.id, call_id, outcome, charge }
    const prev = index === 0 ? null : sha256(receipts[index - 1]!)
    expect(claims).toMatchObject({ ...said, seq: index + 1, prev })
    const bytes = await bodyBytes(buyer.key, call_id as string)
    expect(claims.response).toMatchObject({ hash: sha256(bytes), bytes: bytes.length })
  }
  const [sun, , words] = receipts.map((jws) => readReceipt(jws, jwks).claims)
  expect(sun!.request.hash).toBe(sha256(BERLIN_REQUEST))
  expect(sun!.quote_id).toBe(quote.quote_id)
  expect(words!.request.hash).toBe(sha256(SEVEN_WORDS_REQUEST))
  expect(words).toMatchObject({ hold: '0.0525', price: { model: 'per_unit', quantity: '7' } })

  // The claims of one receipt under the signature of another prove nothing.
  const [header, , signature] = receipts[0]!.split('.')
  const forged = [header, receipts[1]!.split('.')[1], signature].join('.')
  expect(readReceipt(forged, jwks).isGenuine).toBe(false)
}

async function bodyBytes(key: string, callId: string): Promise<Uint8Array> {
  const response = await fetch(`${world.url}/v1/calls/${callId}/body`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

function sampleSellerKey(): string {
  return JSON.parse(readFileSync(join(world.dataDir, 'sandbox-keys.json'), 'utf8')).sample_seller
}
