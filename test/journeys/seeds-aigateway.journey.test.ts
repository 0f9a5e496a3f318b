/**
 * The page `aigateway.txt`, in its order: one tool, declared once, for every client. Its hosts are ours
 * here, and its `mcp_url`, which is one for everybody there, is that of the account. What it says of
 * chat completions is not of this gateway yet.
 */
import { describe, expect, test } from 'vitest'
import { aBrowser } from '../support/a-browser.js'
import { aPerson, signIn } from '../support/an-oauth-client.js'
import { clientOf, namesIn, rpcAt } from '../support/mcp-clients.js'
import { answerJson, type Json, type Party } from '../support/world.js'
import { SECRET, useToolWorld } from './a-tool-world.js'

const house = useToolWorld()
const MATCHES = { results: [{ title: 'Holidays', url: 'https://wiki.acme.internal/holidays' }] }

/** What the page's client block calls `url` and `Authorization`. */
const block = async (more: Json = {}) => {
  const { mcp_url } = await house.declared(house.wikiTool())
  return { url: String(mcp_url), headers: { Authorization: `Bearer ${house.acme.key}` }, ...more }
}

describe('the declaration of the page', () => {
  test('is answered with id, name and mcp_url', async () => {
    const { status, json } = await house.post(house.wikiTool())
    expect(status).toBe(201)
    expect(json).toMatchObject({
      id: expect.stringMatching(/^tool_[0-9a-z]+$/),
      name: 'search_wiki',
      mcp_url: `${house.world.url}/mcp/${house.acme.slug}/tools`,
    })
  })

  test.each<[string, Json]>([
    ['~/.claude/settings.json', { transport: 'streamable-http' }],
    ['.cursor/mcp.json', {}],
  ])('shows up in the client of %s, which calls it', async (_file, more) => {
    house.world.upstream.answerWith(answerJson(200, MATCHES))
    const client = await clientOf(await block(more))
    const { tools } = await client.listTools()
    expect(tools).toMatchObject([
      {
        name: 'search_wiki',
        description: 'Search the internal company wiki and return the top 5 matches.',
        inputSchema: house.wikiTool().input_schema,
      },
    ])
    const called = await client.callTool({ name: 'search_wiki', arguments: { query: 'holidays' } })
    expect(called.structuredContent).toEqual(MATCHES)
    await client.close()
    const [request] = house.world.upstream.requests
    expect(request!.headers.authorization).toBe(`Bearer ${SECRET}`)
    expect(JSON.stringify(request!.headers)).not.toContain(house.acme.key)
  })

  test('is served to older clients over SSE', async () => {
    const client = await clientOf(await block({ transport: 'sse', url: await sseUrl() }))
    expect((await client.listTools()).tools).toMatchObject([{ name: 'search_wiki' }])
    const called = await client.callTool({ name: 'search_wiki', arguments: { query: 'x' } })
    expect(called.structuredContent).toEqual({ results: [] })
    await client.close()
  })

  test('keeps its handler when the secret of the agents is rotated', async () => {
    const { mcp_url } = await house.declared(house.wikiTool())
    const made = await house.world.rest('POST', '/v1/keys', house.acme.key, {
      ...{ name: 'agents', scopes: ['call'] },
    })
    const rotate = `/v1/keys/${made.json.id}/rotate`
    const { json } = await house.world.rest('POST', rotate, house.acme.key)
    const params = { name: 'search_wiki', arguments: { query: 'x' } }
    const answers = [made.json.api_key, json.api_key].map((key) =>
      rpcAt(house.world, String(mcp_url), String(key))('tools/call', params),
    )
    const [old, fresh] = await Promise.all(answers)
    expect([old!.status, fresh!.status]).toEqual([401, 200])
    expect(house.world.upstream.requests).toHaveLength(1)
    expect(house.world.upstream.requests[0]!.headers.authorization).toBe(`Bearer ${SECRET}`)
  })
})

async function sseUrl(): Promise<string> {
  return `${(await block()).url}/sse`
}

describe('what the page promises of a tool', () => {
  test('each call is logged with latency, outcome, cost and tag, and the plumbing is free', async () => {
    const { id, endpoint_id } = await house.declared(house.wikiTool({ name: 'observed' }))
    const before = await house.world.rest('GET', '/v1/balance', house.acme.key)
    const headers = { 'x-aig-tag': 'mcp.search_wiki' }
    await house.invoke(id, { query: 'x' }, { headers })
    house.world.upstream.answerWith(answerJson(500, {}))
    await house.invoke(id, { query: 'x' }, { headers })
    const usage = `/v1/usage?endpoint_id=${endpoint_id}&tag=mcp.search_wiki`
    const { json } = await house.world.rest('GET', usage, house.acme.key)
    expect(json.calls).toMatchObject([
      { outcome: 'refunded', total: '0', tag: 'mcp.search_wiki' },
      { outcome: 'free', total: '0', tag: 'mcp.search_wiki' },
    ])
    for (const call of json.calls as Json[]) expect(call.latency_ms).toEqual(expect.any(Number))
    expect((await house.world.rest('GET', '/v1/balance', house.acme.key)).json).toEqual(before.json)
  })

  test('a handler calls another tool with the same key, and its tag is that of the cost', async () => {
    const slot = house.wikiTool({
      name: 'find_free_slot',
      handler_url: `${house.other.baseUrl}/slots`,
      price: { model: 'per_call', amount: '0.001' },
      input_schema: { type: 'object' },
    })
    const inner = await house.declared(slot)
    house.other.answerWith(answerJson(200, { slot: '10:00' }))
    const outer = await house.declared(house.wikiTool({ name: 'schedule_meeting' }))
    house.world.upstream.answerWith((req, res) => {
      const headers = {
        'x-aig-tag': 'mcp.schedule_meeting',
        'x-souk-trace': String(req.headers['x-souk-trace']),
      }
      void house.invoke(inner.id, {}, { headers }).then(({ json }) => {
        answerJson(200, { booked: (json.body as Json).slot })(req, res)
      })
    })
    const { json } = await house.invoke(outer.id, { query: 'x' })
    expect(json).toMatchObject({ outcome: 'free', body: { booked: '10:00' } })
    const usage = await house.world.rest(
      'GET',
      '/v1/usage?tag=mcp.schedule_meeting',
      house.acme.key,
    )
    expect(usage.json.calls).toMatchObject([
      { endpoint_id: inner.endpoint_id, total: '0.00105', parent_call_id: json.call_id },
    ])
  })

  test('each sub-account sees its own tools, usage and caps', async () => {
    const { world, acme } = house
    const open = async (name: string) => {
      const body = { name, limits: { day: '0.0011' } }
      const { json } = await world.rest('POST', '/v1/sub-accounts', acme.key, body)
      return { id: json.id, slug: json.slug, key: json.api_key } as Party
    }
    const price = { model: 'per_call', amount: '0.001' }
    const [engineers, customers] = [await open('Engineers'), await open('Customers')]
    await house.declared(house.wikiTool({ name: 'deploy', price }), engineers)
    await house.declared(house.wikiTool({ name: 'status', price }), customers)
    for (const [party, name, foreign] of [
      [engineers, 'deploy', 'status'],
      [customers, 'status', 'deploy'],
    ] as const) {
      const rpc = rpcAt(world, `/mcp/${party.slug}/tools`, party.key)
      expect(namesIn((await rpc('tools/list')).result)).toEqual([name])
      const args = { arguments: { query: 'x' } }
      const called = await rpc('tools/call', { name, ...args })
      expect(called.result._meta).toMatchObject({ 'souk/call': { outcome: 'charged' } })
      const capped = await rpc('tools/call', { name, ...args })
      expect(capped.result).toMatchObject({
        ...{ isError: true, structuredContent: { code: 'limit_exceeded' } },
      })
      expect((await rpc('tools/call', { name: foreign, ...args })).error.code).toBe(-32_602)
      const { json } = await world.rest('GET', '/v1/usage', party.key)
      expect(json.totals).toMatchObject({ calls: 1, charged: '0.00105' })
    }
  })

  test('its input schema is held to before the handler is called', async () => {
    const { mcp_url } = await house.declared(house.wikiTool())
    const rpc = rpcAt(house.world, String(mcp_url), house.acme.key)
    for (const args of [{}, { query: 'x', k: 21 }, { query: 'x', k: 'five' }, { query: 7 }]) {
      const { result } = await rpc('tools/call', { name: 'search_wiki', arguments: args })
      expect(result).toMatchObject({
        ...{ isError: true, structuredContent: { code: 'invalid_arguments' } },
      })
    }
    expect(house.world.upstream.requests).toEqual([])
  })

  test('with require_human_approval the agent pauses for a yes or no before dispatch', async () => {
    const { world, acme } = house
    const { mcp_url } = await house.declared(
      house.wikiTool({ name: 'careful', require_human_approval: true }),
    )
    const rpc = rpcAt(world, String(mcp_url), acme.key)
    const params = { name: 'careful', arguments: { query: 'x' } }
    const paused = (await rpc('tools/call', params)).result.structuredContent as Json
    expect(paused).toMatchObject({ code: 'approval_required' })
    expect(house.world.upstream.requests).toEqual([])
    await aPerson(world, acme.key, 'owner@acme.example')
    const browser = aBrowser(world.url)
    const asked = await browser.open(String(paused.approval_url))
    await browser.send(await signIn(browser, asked, 'owner@acme.example'), { decision: 'approve' })
    const called = await rpc('tools/call', {
      ...params,
      _meta: { 'souk/quote_id': paused.quote_id },
    })
    expect(called.result.structuredContent).toEqual({ results: [] })
    expect(house.world.upstream.requests).toHaveLength(1)
  })

  test('each POST of another declaration is a version that stays; clients pin it or take the latest', async () => {
    // The same declaration again is the version that is there, so that deploying twice breaks nobody.
    const name = 'evolving'
    const first = await house.declared(house.wikiTool({ name }))
    const input_schema = { type: 'object', required: ['q'], properties: { q: { type: 'string' } } }
    const second = await house.declared(house.wikiTool({ name, input_schema }))
    expect([first.version, second.version, second.id]).toEqual([1, 2, first.id])
    const rpc = rpcAt(house.world, String(first.mcp_url), house.acme.key)
    const isFine = async (tool: string, args: Json) =>
      (await rpc('tools/call', { name: tool, arguments: args })).result.isError !== true
    expect(await isFine('evolving@1', { query: 'x' })).toBe(true)
    expect(await isFine('evolving@1', { q: 'x' })).toBe(false)
    expect(await isFine('evolving', { q: 'x' })).toBe(true)
    expect(await isFine('evolving', { query: 'x' })).toBe(false)
    const listed = (await rpc('tools/list')).result.tools as Json[]
    expect(listed.find((tool) => tool.name === name)!.inputSchema).toEqual(input_schema)
  })
})
