/** A seller, several buyers with credit, and what the buyers remember of what they bought. */
import { expect } from 'vitest'
import { restOf } from '../../bench/rest.js'
import type { Json } from '../support/world.js'

export const OPERATOR_KEY = 'operator-key-of-the-faults-0123456789abcdef'
export const ENDPOINT = 'flaky.count'
/** What each buyer is granted, USDC: more than any number of rounds spends. */
export const CREDIT = '1000'

export type Party = { id: string; key: string }
export type Market = { seller: Party; buyers: Party[] }

/** One intent to buy, with an idempotency key of its own, however often it is sent. */
export type Purchase = {
  buyer: Party
  /** The idempotency key, and the argument that the upstream sees. */
  order: string
  /** The first answer that the buyer got; every other one must be the same. */
  answer: Answer | undefined
  /** Whether a request for it came to nothing, so that nobody knows what became of it. */
  isLost: boolean
  /** How often it was sent. */
  sends: number
}

/**
 * What came of a request: an answer for good, or one that says to come again; `unread` from a gateway
 * that took too long to read it, as after it was stopped.
 */
export type Sent = 'answered' | 'in_progress' | 'busy' | 'unread'

/** What an answer promises for good; the balance beside it moves on. */
export type Answer = {
  httpStatus: number
  code: unknown
  call_id: unknown
  outcome: unknown
  status: unknown
  body: unknown
  charge: unknown
  receipt: unknown
  receipt_id: unknown
}

export async function openMarket(url: string, upstream: string, buyers: number): Promise<Market> {
  const seller = await openAccount(url, 'Flaky seller')
  const opened: Party[] = []
  for (let n = 1; n <= buyers; n++) {
    const buyer = await openAccount(url, `Buyer ${n}`)
    const grant = { amount: CREDIT, reason: 'faults' }
    await restOf(url)('POST', `/v1/accounts/${buyer.id}/grants`, OPERATOR_KEY, grant)
    opened.push(buyer)
  }
  const listing = await restOf(url)('POST', '/v1/listings', seller.key, {
    slug: 'flaky',
    title: 'Flaky counter',
    description: 'Counts units, when it answers at all.',
    category: 'other',
    backend: { type: 'http', base_url: upstream },
    endpoints: [
      {
        slug: 'count',
        title: 'Count units',
        description: 'Says how many units an order has.',
        method: 'POST',
        path: '/count',
        input_schema: {
          type: 'object',
          required: ['order'],
          properties: { order: { type: 'string' } },
        },
        // Charges and fees that come out even on no order.
        price: {
          model: 'per_unit',
          unit: 'unit',
          amount: '0.000001237',
          per: 7,
          quantity: '/units',
          max_quantity: 5_000,
        },
        success: { status: '2xx' },
      },
    ],
  })
  await restOf(url)('POST', `/v1/listings/${listing.id}/publish`, seller.key)
  return { seller, buyers: opened }
}

/**
 * Sends a purchase once and compares the answer with the first one that its buyer got.
 *
 * @throws TypeError when the gateway died before it answered.
 */
export async function send(url: string, purchase: Purchase): Promise<Sent> {
  const { buyer, order } = purchase
  purchase.sends++
  const response = await fetch(`${url}/v1/calls`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${buyer.key}`,
      'content-type': 'application/json',
      'idempotency-key': order,
    },
    body: JSON.stringify({ endpoint_id: ENDPOINT, arguments: { order } }),
  })
  // Not the gateway's own word but that of the HTTP server below it, which has no body.
  if (response.status === 408) return 'unread'
  const json = (await response.json()) as Json
  const answer = answerIn(response.status, json)
  if (isToComeAgain(answer)) {
    expect(Number(response.headers.get('retry-after')), JSON.stringify(json)).toBeGreaterThan(0)
    return answer.code as Sent
  }
  const mayBeInterrupted = purchase.isLost ? [409] : []
  expect([200, 502, 504, ...mayBeInterrupted], JSON.stringify(json)).toContain(response.status)
  if (response.status === 409) expect(answer.code).toBe('call_interrupted')
  purchase.answer ??= answer
  expect(answer, `another answer to ${order}`).toEqual(purchase.answer)
  return 'answered'
}

/** Sends a purchase once to a gateway that has no reason to put it off. */
export async function buy(url: string, purchase: Purchase): Promise<void> {
  expect(await send(url, purchase), purchase.order).toBe('answered')
}

export async function ledgerOf(url: string) {
  return (await restOf(url)('GET', '/v1/operator/ledger', OPERATOR_KEY)) as {
    balanced: boolean
    open_holds: number
    findings: unknown[]
    accounts: { name: string; balance: string }[]
  }
}

export async function balanceOf(url: string, { key }: Party) {
  return (await restOf(url)('GET', '/v1/balance', key)) as { available: string; held: string }
}

async function openAccount(url: string, name: string): Promise<Party> {
  const { id, api_key } = await restOf(url)('POST', '/v1/accounts', OPERATOR_KEY, { name })
  return { id: String(id), key: String(api_key) }
}

function isToComeAgain({ httpStatus, code }: Answer): boolean {
  return (httpStatus === 409 && code === 'in_progress') || (httpStatus === 503 && code === 'busy')
}

function answerIn(httpStatus: number, json: Json): Answer {
  const { code, call_id, outcome, status, body, charge, receipt, receipt_id } = json
  return { httpStatus, code, call_id, outcome, status, body, charge, receipt, receipt_id }
}
