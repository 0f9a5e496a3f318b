/** What bad input gets, on both faces alike: a row says who sends what, and the code that answers. */
import { expect } from 'vitest'
import { newSecret } from '#accounts'
import { type ProblemCode, problems } from '#core/problem'
import { type Bazaar, type Face, PLAIN_ARGUMENTS, type Tool } from './bazaar.js'
import type { Json } from './world.js'

/** What is sent, once everything that it needs is there. */
export type Asked = {
  /** `null` for none; the buyer's when absent. */
  key?: string | null
  tool?: Tool
  args: Json
  /** Afterwards, whatever came. */
  after?: () => Promise<unknown>
}

export type Refusal = {
  name: string
  code: ProblemCode
  /** Where it differs from that of the code. */
  status?: number
  /** Whether the answer says when to come back. */
  retries?: true
  /** Requests that the refused one cost the upstream; none unless told. */
  reaches?: number
  /** What the answer says beside code, message and action. */
  says?: Json
  asked(bazaar: Bazaar): Asked | Promise<Asked>
}

export const PROBLEM = {
  message: expect.stringMatching(/\w/),
  action: expect.stringMatching(/\w/),
}

/** Sends what a row says; it is refused as it says, and nothing moves. */
export async function expectRefusal(bazaar: Bazaar, face: Face, row: Refusal): Promise<void> {
  const { world, buyer } = bazaar
  const { key = buyer.key, tool = 'call_api', args, after } = await row.asked(bazaar)
  const before = await bazaar.state()
  const written = await bazaar.written()
  const reached = world.upstream.requests.length
  const { status, headers, json } = await face.ask(key ?? undefined, tool, args)
  const state = await bazaar.state()
  const writtenAfter = await bazaar.written()
  const reaches = world.upstream.requests.length - reached
  await after?.()
  expect(json).toMatchObject({ code: row.code, ...PROBLEM, ...row.says })
  expect(state).toEqual(before)
  expect(reaches).toBe(row.reaches ?? 0)
  // A refusal before the hold leaves no trace; what reached the upstream has a receipt.
  expect(writtenAfter).toEqual({
    calls: written.calls + reaches,
    receipts: written.receipts + reaches,
  })
  if (row.retries) expect(json.retry_after_s).toBeGreaterThan(0)
  if ('isError' in json) {
    expect(json.isError).toBe(true)
    expect(json.isSame ?? true).toBe(true)
  } else {
    expect(status).toBe(row.status ?? problems[row.code].status)
    if (row.retries) expect(headers['retry-after']).toBe(String(json.retry_after_s))
  }
}

const order = (changes: Json = {}) => ({
  asked: (bazaar: Bazaar): Asked => ({ args: bazaar.order(changes) }),
})

const withArguments = (changes: Json) =>
  order({ arguments: { ...PLAIN_ARGUMENTS, ...changes } }).asked

/** The paths that the answer names, in any order, and no others. */
const paths = (...names: string[]) => ({
  paths: expect.toSatisfy(
    (found: { path: string }[]) =>
      JSON.stringify([...new Set(found.map(({ path }) => path))].sort()) ===
      JSON.stringify(names.sort()),
    `naming ${names.join(' and ')}`,
  ),
})

const unknownEndpoints: Refusal[] = (
  ['describe_endpoint', 'get_pricing', 'call_api'] as const
).flatMap((tool) => [
  {
    name: `${tool} of an unknown endpoint`,
    code: 'endpoint_not_found',
    asked: () => ({ tool, args: { endpoint_id: 'no-such.endpoint' } }),
  },
  {
    name: `${tool} of an unknown version`,
    code: 'endpoint_not_found',
    asked: ({ wiki }) => ({ tool, args: { endpoint_id: wiki.endpointId, version: 99 } }),
  },
  {
    name: `${tool} of version 0`,
    code: 'invalid_request',
    says: paths('/version'),
    asked: ({ wiki }) => ({ tool, args: { endpoint_id: wiki.endpointId, version: 0 } }),
  },
])

const badArguments: Refusal[] = [
  {
    name: 'wrong arguments, each named by its path',
    code: 'invalid_arguments',
    says: paths('/q', '/page', '/tags/1', '/space'),
    asked: order({ arguments: { q: 1, page: 0, tags: ['a', 2] } }).asked,
  },
  {
    name: 'more wrong arguments than are named',
    code: 'invalid_arguments',
    says: { paths: expect.toSatisfy((found: unknown[]) => found.length === 20, '20 paths') },
    asked: withArguments({ tags: Array.from({ length: 30 }, (_, i) => i) }),
  },
  ...['', '.', '..', '\ud800'].map(
    (space): Refusal => ({
      name: `the path argument ${JSON.stringify(space)}`,
      code: 'invalid_arguments',
      says: paths('/space'),
      asked: withArguments({ space }),
    }),
  ),
  ...['a\r\nx-evil: 1', 'a\nb', 'a\0b', '日本'].map(
    (lang): Refusal => ({
      name: `the header argument ${JSON.stringify(lang)}`,
      code: 'invalid_arguments',
      says: paths('/lang'),
      asked: withArguments({ lang }),
    }),
  ),
  ...['nothing', 'constructor', 'toString', 'x-api-key', 'X-API-Key', 'host'].map(
    (name): Refusal => ({
      name: `an argument that is not declared, ${name}`,
      code: 'invalid_arguments',
      says: paths(`/${name}`),
      asked: withArguments({ [name]: 'x' }),
    }),
  ),
  {
    name: 'a word that makes a backtracking pattern run for ever',
    code: 'invalid_arguments',
    says: paths('/word'),
    asked: withArguments({ word: `${'a'.repeat(50_000)}!` }),
  },
  ...[[], null, 1, 'text', true].map(
    (args): Refusal => ({
      name: `arguments that are ${JSON.stringify(args)}`,
      code: 'invalid_request',
      says: paths('/arguments'),
      asked: order({ arguments: args }).asked,
    }),
  ),
  {
    name: 'a field that the gateway does not know',
    code: 'invalid_request',
    ...order({ constructor: { prototype: { polluted: true } } }),
  },
  ...[{ version: '1' }, { version: 1.5 }, { endpoint_id: 7 }, { endpoint_id: '' }].map(
    (changes): Refusal => ({
      name: `an order with ${JSON.stringify(changes)}`,
      code: 'invalid_request',
      says: paths(`/${Object.keys(changes)[0]}`),
      ...order(changes),
    }),
  ),
]

const badPrices: Refusal[] = [
  {
    name: 'a price above max_price',
    code: 'price_exceeds_max',
    says: { max_total: '0.00105' },
    ...order({ max_price: '0.001049999' }),
  },
  ...[1, -1, null, [], '-1', '0.0000000001', 'abc', '', ' 1', '1e3', 'NaN', '1,5', '0x1'].map(
    (max_price): Refusal => ({
      name: `max_price ${JSON.stringify(max_price)}`,
      code: 'invalid_request',
      ...order({ max_price }),
    }),
  ),
  ...['-1', 'abc', '1e3'].map(
    (max_price): Refusal => ({
      name: `browsing with max_price ${max_price}`,
      code: 'invalid_request',
      asked: () => ({ tool: 'browse_apis', args: { max_price } }),
    }),
  ),
]

const quoted = (
  name: string,
  code: ProblemCode,
  asked: (bazaar: Bazaar, quote_id: string) => Promise<Asked> | Asked,
): Refusal => ({
  name,
  code,
  asked: async (bazaar) => asked(bazaar, await bazaar.quote(bazaar.buyer.key, bazaar.order())),
})

const badQuotes: Refusal[] = [
  quoted('an expired quote', 'quote_expired', async ({ world, order }, quote_id) => {
    await world.started.gateway.deps.store
      .db('quotes')
      .where({ id: quote_id })
      .update({ expires_at: 1 })
    return { args: order({ quote_id }) }
  }),
  quoted("another account's quote", 'quote_not_found', ({ stranger, order }, quote_id) => ({
    key: stranger.key,
    args: order({ quote_id }),
  })),
  quoted('a used quote', 'quote_used', async ({ buyer, buy, order }, quote_id) => {
    await buy(buyer.key, order({ quote_id }))
    return { args: order({ quote_id }) }
  }),
  quoted('a quote for other arguments', 'quote_mismatch', ({ order }, quote_id) => ({
    args: order({ quote_id, arguments: { ...PLAIN_ARGUMENTS, q: 'coffee' } }),
  })),
  quoted('a quote for another version', 'quote_mismatch', ({ order }, quote_id) => ({
    args: order({ quote_id, version: 2 }),
  })),
  quoted('a quote for another endpoint', 'quote_mismatch', async ({ sell, order }, quote_id) => ({
    args: order({ quote_id, endpoint_id: (await sell()).endpointId }),
  })),
  ...['', 'quote_', "quote_' or 1=1 --", `quote_${'0'.repeat(26)}`].map(
    (quote_id): Refusal => ({
      name: `the quote ${JSON.stringify(quote_id)}`,
      code: 'quote_not_found',
      ...order({ quote_id }),
    }),
  ),
]

let keys = 0
const reused = (name: string, changes: (bazaar: Bazaar) => Json | Promise<Json>): Refusal => ({
  name: `an idempotency key that was used for ${name}`,
  code: 'idempotency_conflict',
  async asked(bazaar) {
    const idempotency_key = `reused-${++keys}`
    await bazaar.buy(bazaar.buyer.key, bazaar.order({ idempotency_key }))
    return { args: bazaar.order({ idempotency_key, ...(await changes(bazaar)) }) }
  },
})

const badIdempotencyKeys: Refusal[] = [
  reused('other arguments', () => ({ arguments: { space: 'main', q: 'coffee' } })),
  reused('wrong arguments', () => ({ arguments: {} })),
  reused('no version', () => ({ version: 1 })),
  reused('another endpoint', async ({ sell }) => ({ endpoint_id: (await sell()).endpointId })),
  ...['', 'x'.repeat(256), 1, null].map(
    (idempotency_key): Refusal => ({
      name: `the idempotency key ${JSON.stringify(idempotency_key).slice(0, 9)}`,
      code: 'invalid_request',
      ...order({ idempotency_key }),
    }),
  ),
]

const badRatings: Refusal[] = [
  {
    name: 'a rating of an unknown call',
    code: 'call_not_found',
    asked: () => ({ tool: 'rate_seller', args: { call_id: 'call_x', score: 5 } }),
  },
  {
    name: "a rating of another account's call",
    code: 'call_not_found',
    async asked({ buy, buyer, stranger, order }) {
      const { call_id } = await buy(buyer.key, order())
      return { key: stranger.key, tool: 'rate_seller', args: { call_id, score: 1 } }
    },
  },
  ...[0, 6, 4.5, '5', null].map(
    (score): Refusal => ({
      name: `a rating of ${JSON.stringify(score)}`,
      code: 'invalid_request',
      asked: () => ({ tool: 'rate_seller', args: { call_id: 'call_x', score } }),
    }),
  ),
]

const badPages: Refusal[] = (['browse_apis', 'get_usage'] as const).flatMap((tool) =>
  ['x', 'bnVsbA', 'eyJhIjoxfQ', 'W10', "' or 1=1 --", '\0', 'x'.repeat(2001)]
    .map((cursor): Json => ({ cursor }))
    .concat([{ limit: 0 }, { limit: 201 }, { limit: -1 }, { limit: 'all' }, { limit: 1.5 }])
    .concat([{ unknown: 'x' }])
    .map((args) => ({
      name: `${tool} with ${JSON.stringify(args).slice(0, 40)}`,
      code: 'invalid_request',
      asked: () => ({ tool, args }),
    })),
)

const notForSale: Refusal[] = (['pause', 'retire'] as const)
  .map(
    (step): Refusal => ({
      name: `a call to a listing after its seller's ${step}`,
      code: 'listing_changed',
      async asked({ world, seller, sell, order }) {
        const { id, endpointId } = await sell()
        const [method, path] = step === 'pause' ? ['POST', '/pause'] : ['DELETE', '']
        await world.rest(method, `/v1/listings/${id}${path}`, seller.key)
        return { args: order({ endpoint_id: endpointId }) }
      },
    }),
  )
  .concat({
    name: 'a call that needs approval',
    code: 'approval_required',
    asked: async ({ sell, order }) => ({
      args: order({ endpoint_id: (await sell({ requires_approval: true })).endpointId }),
    }),
  })

const badKeys: Refusal[] = [
  { name: 'no key', key: async () => null },
  { name: 'an unknown key', key: async () => newSecret('test') },
  { name: 'a mistyped key', key: async ({ buyer }: Bazaar) => `${buyer.key.slice(0, -1)}-` },
  { name: 'a key that is none', key: async () => "' or 1=1 --" },
  { name: 'an endless key', key: async () => 'x'.repeat(600) },
  {
    name: 'a revoked key',
    async key({ world, buyer, key }: Bazaar) {
      const { id, key: secret } = await key(buyer)
      await world.rest('GET', '/v1/me', secret)
      await world.rest('DELETE', `/v1/keys/${id}`, buyer.key)
      return secret
    },
  },
  {
    name: 'a key below a revoked one',
    async key({ world, buyer, key }: Bazaar) {
      const parent = await key(buyer)
      const child = await key(parent)
      await world.rest('DELETE', `/v1/keys/${parent.id}`, buyer.key)
      return child.key
    },
  },
  {
    name: 'the old secret of a rotated key',
    async key({ world, buyer, key }: Bazaar) {
      const { id, key: secret } = await key(buyer)
      await world.rest('POST', `/v1/keys/${id}/rotate`, buyer.key)
      return secret
    },
  },
  {
    name: 'an expired key',
    async key({ world, buyer, key }: Bazaar) {
      const { id, key: secret } = await key(buyer)
      await world.started.gateway.deps.store.db('api_keys').where({ id }).update({ expires_at: 1 })
      return secret
    },
  },
].flatMap(({ name, key }) =>
  (['call_api', 'browse_apis', 'check_balance', 'get_usage'] as const).map((tool) => ({
    name: `${tool} with ${name}`,
    code: 'unauthenticated' as const,
    asked: async (bazaar: Bazaar) => ({
      key: await key(bazaar),
      tool,
      args: tool === 'call_api' ? bazaar.order() : {},
    }),
  })),
)

const missingScopes: Refusal[] = (
  [
    ['call_api', ['sell', 'read', 'manage']],
    ['rate_seller', ['sell', 'read', 'manage']],
    ['get_usage', ['sell', 'manage']],
  ] as const
).map(([tool, scopes]) => ({
  name: `${tool} with a key that has only ${scopes.join(', ')}`,
  code: 'insufficient_scope',
  says: { required_scope: 'call' },
  async asked({ buyer, key, order }) {
    const args = { call_api: order(), rate_seller: { call_id: 'call_x', score: 5 }, get_usage: {} }
    return { key: (await key(buyer, { scopes })).key, tool, args: args[tool] }
  },
}))

/** Everything that is refused before anything is sent, and needs no more than an order. */
export const refusals: readonly Refusal[] = [
  ...unknownEndpoints,
  ...badArguments,
  ...badPrices,
  ...badQuotes,
  ...badIdempotencyKeys,
  ...badRatings,
  ...badPages,
  ...notForSale,
  ...badKeys,
  ...missingScopes,
]
