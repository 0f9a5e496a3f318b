/** What handlers of tools are sent, what they may do wrong, and how they call on. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { answerJson, type Json, type ScriptedUpstream } from '../support/world.js'
import { useToolWorld } from './a-tool-world.js'

const house = useToolWorld()

describe('a handler that does wrong', () => {
  const output_schema = {
    type: 'object',
    required: ['results'],
    properties: { results: { type: 'array', items: { type: 'string' } } },
  }
  const price = { model: 'per_call', amount: '0.01' }
  const promising = () => house.wikiTool({ name: 'promising', output_schema, price })
  const available = async () =>
    (await house.world.rest('GET', '/v1/balance', house.acme.key)).json.available

  test.each<[string, Parameters<ScriptedUpstream['answerWith']>[0], number, string, RegExp]>([
    [
      'is down',
      (req) => void req.socket.destroy(),
      502,
      'upstream_failed',
      /closed the connection/,
    ],
    ['is slow', () => {}, 504, 'upstream_timeout', /in time/],
    ['answers 500', answerJson(500, {}), 502, 'upstream_failed', /status 500/],
    [
      'sends elsewhere',
      answerJson(302, {}, { location: 'http://10.0.0.1/' }),
      502,
      'upstream_failed',
      /status 302/,
    ],
    ['answers no JSON', (_req, res) => void res.end('tea'), 502, 'upstream_failed', /not JSON/],
    [
      'answers another schema',
      answerJson(200, { results: [1] }),
      502,
      'upstream_failed',
      /does not fit output_schema: \/results\/0/,
    ],
    [
      'answers 10 MB',
      answerJson(200, { results: ['x'.repeat(10_000_000)] }),
      502,
      'upstream_failed',
      /longer/,
    ],
  ])('and %s costs nothing', async (_, script, status, code, message) => {
    const { id } = await house.declared(promising())
    const before = await available()
    house.world.upstream.answerWith(script)
    const answer = await house.invoke(id, { query: 'tea' })
    expect(answer).toMatchObject({
      status,
      json: { code, outcome: 'refunded', charge: { total: '0' } },
    })
    expect(answer.json.message).toMatch(message)
    expect(await available()).toBe(before)
  })

  test('is charged for once it answers as it promised', async () => {
    const { id } = await house.declared(promising())
    house.world.upstream.answerWith(answerJson(200, { results: ['tea'], more: true }))
    expect((await house.invoke(id, { query: 'tea' })).json).toMatchObject({ outcome: 'charged' })
  })

  test('may answer text where nothing else is promised', async () => {
    const { id } = await house.declared(house.wikiTool())
    house.world.upstream.answerWith((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' }).end('tea')
    })
    expect((await house.invoke(id, { query: 'tea' })).json).toMatchObject({
      outcome: 'free',
      body: 'tea',
    })
  })
})

describe('the signature of a request to a handler', () => {
  /** As the reference library of Standard Webhooks does it. */
  function isSigned(secret: string, request: ScriptedUpstream['requests'][number]): boolean {
    const {
      'webhook-id': id,
      'webhook-timestamp': at,
      'webhook-signature': signatures,
    } = request.headers
    expect(Math.abs(Date.now() / 1000 - Number(at))).toBeLessThan(300)
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
    const due = createHmac('sha256', key).update(`${id}.${at}.${request.body}`).digest()
    return String(signatures)
      .split(' ')
      .filter((one) => one.startsWith('v1,'))
      .map((one) => Buffer.from(one.slice(3), 'base64'))
      .some((given) => given.length === due.length && timingSafeEqual(given, due))
  }

  test('is that of the account, and of both secrets after a rotation', async () => {
    const { id, signing_secret: first } = await house.declared(house.wikiTool())
    await house.invoke(id, { query: 'tea' })
    const rotated = await house.world.rest('POST', '/v1/mcp/signing-secret/rotate', house.acme.key)
    expect(rotated.json).toMatchObject({ former_signs_until: expect.any(String) })
    const { json } = await house.world.rest('GET', '/v1/mcp/signing-secret', house.acme.key)
    expect(json).toEqual(rotated.json)
    const second = String(json.signing_secret)
    await house.invoke(id, { query: 'tea' })
    const [before, after] = house.world.upstream.requests
    expect([isSigned(String(first), before!), isSigned(second, before!)]).toEqual([true, false])
    expect([isSigned(String(first), after!), isSigned(second, after!)]).toEqual([true, true])
    const theirs = await house.world.rest('GET', '/v1/mcp/signing-secret', house.stranger.key)
    expect(theirs.json.signing_secret).not.toBe(second)
  })

  test('is only shown to a key that manages', async () => {
    const { json } = await house.world.rest('POST', '/v1/keys', house.acme.key, {
      name: 'seller',
      scopes: ['sell'],
    })
    const key = String(json.api_key)
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/rotate'],
    ] as const) {
      const answer = await house.world.rest(method, `/v1/mcp/signing-secret${path}`, key)
      expect(answer).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } })
    }
  })
})

describe('a tag', () => {
  test('attributes cost on both faces, under either name, and reaches the handler', async () => {
    const { id, endpoint_id } = await house.declared(house.wikiTool())
    await house.invoke(id, { query: 'a' }, { headers: { 'x-aig-tag': 'mcp.search_wiki' } })
    await house.invoke(
      id,
      { query: 'b' },
      { headers: { 'x-aig-tag': 'lost', 'x-souk-tag': 'wins' } },
    )
    const params = { name: 'call_api', arguments: { endpoint_id, arguments: { query: 'c' } } }
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
    await house.world.rest('POST', '/mcp', house.acme.key, message, {
      accept: 'application/json, text/event-stream',
      'x-aig-tag': 'by mcp',
    })
    const tags = house.world.upstream.requests.map(({ headers }) => headers['x-souk-tag'])
    expect(tags).toEqual(['mcp.search_wiki', 'wins', 'by mcp'])
    for (const tag of tags) {
      const at = `/v1/usage?tag=${encodeURIComponent(String(tag))}`
      expect((await house.world.rest('GET', at, house.acme.key)).json).toMatchObject({
        calls: [{ tag }],
      })
    }
  })

  test.each([
    ['longer than 100 characters', 'x'.repeat(101)],
    ['not plain ASCII', 't\u00e9'],
  ])('%s is refused, and nothing is called', async (_, tag) => {
    const { id } = await house.declared(house.wikiTool())
    for (const name of ['x-souk-tag', 'x-aig-tag']) {
      const answer = await house.invoke(id, { query: 'tea' }, { headers: { [name]: tag } })
      expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
      expect(answer.json.message).toContain(name)
    }
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const headers = { accept: 'application/json, text/event-stream', 'x-souk-tag': tag }
    const overMcp = await house.world.rest('POST', '/mcp', house.acme.key, message, headers)
    expect(overMcp).toMatchObject({ status: 400 })
    expect(house.world.upstream.requests).toEqual([])
  })
})

describe('a handler that calls on', () => {
  /** Handlers that call what `next` names, with the trace that they were sent, and add their depth up. */
  function callingOn(next: (url: string) => unknown): void {
    house.world.upstream.answerWith((req, res) => {
      const id = next(req.url!)
      if (id === undefined) return answerJson(200, { depth: 1 })(req, res)
      const headers = { 'x-souk-trace': String(req.headers['x-souk-trace']) }
      void house.invoke(id, { query: 'tea' }, { headers }).then(({ status, json }) => {
        const depth = Number((json.body as Json | undefined)?.depth)
        const refusal = json.code ?? (json.body as Json | undefined)?.refusal
        answerJson(200, { depth: status === 200 ? depth + 1 : 1, refusal })(req, res)
      })
    })
  }

  const chained = (index: number) =>
    house.declared(
      house.wikiTool({
        name: `chain_${index}`,
        handler_url: `${house.world.upstream.baseUrl}/${index}`,
        price: { model: 'per_call', amount: '0.001' },
      }),
    )

  test('pays for the whole chain with one key, and usage shows the tree', async () => {
    const tools = [await chained(0), await chained(1), await chained(2)]
    callingOn((url) => tools[Number(url.slice(1)) + 1]?.id)
    const root = await house.invoke(tools[0]!.id, { query: 'tea' })
    expect(root.json).toMatchObject({ outcome: 'charged', body: { depth: 3 } })
    const { json } = await house.world.rest(
      'GET',
      `/v1/usage?within=${root.json.call_id}`,
      house.acme.key,
    )
    const calls = json.calls as Json[]
    expect(calls).toHaveLength(3)
    expect(json.totals).toMatchObject({ calls: 3, charged: '0.00315' })
    // The latest first: each was made in the course of the one after it here.
    expect(calls.map((call) => call.parent_call_id)).toEqual([
      calls[1]!.call_id,
      root.json.call_id,
      undefined,
    ])
    const theirs = await house.world.rest(
      'GET',
      `/v1/usage?within=${root.json.call_id}`,
      house.stranger.key,
    )
    expect(theirs.json).toMatchObject({ calls: [] })
  })

  test('is stopped after eight calls within one another', async () => {
    const tools: Json[] = []
    for (let i = 0; i < 9; i++) tools.push(await chained(i))
    callingOn((url) => tools[Number(url.slice(1)) + 1]?.id)
    const { json } = await house.invoke(tools[0]!.id, { query: 'tea' })
    expect(json.body).toMatchObject({ depth: 8, refusal: 'call_depth_exceeded' })
    expect(house.world.upstream.requests).toHaveLength(8)
  })

  test('is stopped in a circle, and may stand in its own course once', async () => {
    const [one, two] = [await chained(0), await chained(1)]
    callingOn((url) => (url === '/0' ? two.id : one.id))
    const { json } = await house.invoke(one.id, { query: 'tea' })
    expect(json.body).toMatchObject({ depth: 4, refusal: 'call_depth_exceeded' })
  })

  test('cannot shorten its trace, nor make one up', async () => {
    const { id, endpoint_id } = await chained(0)
    await house.invoke(id, { query: 'tea' })
    const trace = String(house.world.upstream.requests[0]?.headers['x-souk-trace'])
    const [callId, marks, mac] = trace.split('.')
    const order = { name: 'call_api', arguments: { endpoint_id, arguments: { query: 'tea' } } }
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: order }
    const overMcp = await house.world.rest('POST', '/mcp', house.acme.key, message, {
      accept: 'application/json, text/event-stream',
      'x-souk-trace': 'nonsense',
    })
    expect(overMcp.text).toContain('x-souk-trace is not one')
    const forged = [
      `${callId}..${mac}`,
      `${callId}.${marks}${marks}.${mac}`,
      'nonsense',
      `${trace}x`,
    ]
    for (const text of forged) {
      const answer = await house.invoke(id, { query: 'tea' }, { headers: { 'x-souk-trace': text } })
      expect(answer, text).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    }
  })

  test('is bought once, however often it is asked for with the same idempotency key', async () => {
    const { id } = await chained(0)
    const more = { idempotency_key: 'once' }
    const [first, again] = [
      await house.invoke(id, { query: 'tea' }, { more }),
      await house.invoke(id, { query: 'tea' }, { more }),
    ]
    expect(again.json).toMatchObject({ call_id: first.json.call_id, idempotent_replay: true })
    expect(house.world.upstream.requests).toHaveLength(1)
    const dear = await house.invoke(id, { query: 'tea' }, { more: { max_price: '0.001' } })
    expect(dear).toMatchObject({ status: 409, json: { code: 'price_exceeds_max' } })
  })
})
