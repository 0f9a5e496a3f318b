/** Tools by declaration: as the seed has them, in versions that stay, seen by their account alone. */
import { describe, expect, test } from 'vitest'
import { answerJson, type Json, type Party } from '../support/world.js'
import { SECRET, useToolWorld } from './a-tool-world.js'

const house = useToolWorld()

describe('the tool of the seed', () => {
  test('is declared, answers id, name and mcp_url, and is called with what its handler needs', async () => {
    const answer = await house.post(house.wikiTool())
    expect(answer).toMatchObject({ status: 201 })
    expect(answer.json).toEqual({
      id: expect.stringMatching(/^tool_[0-9a-z]{26}$/),
      name: 'search_wiki',
      version: 1,
      mcp_url: `${house.world.url}/mcp/${house.acme.slug}/tools`,
      endpoint_id: `${house.acme.slug}-search-wiki.search-wiki`,
      signing_secret: expect.stringMatching(/^whsec_/),
    })
    const found = { results: [{ title: 'Tea' }] }
    house.world.upstream.answerWith(answerJson(200, found))
    const called = await house.invoke(answer.json.id, { query: 'tea' })
    expect(called).toMatchObject({ status: 200, json: { outcome: 'free', body: found } })
    const [request] = house.world.upstream.requests
    expect(request).toMatchObject({
      method: 'POST',
      url: '/api/mcp-search?space=main',
      body: '{"query":"tea"}',
      headers: {
        authorization: `Bearer ${SECRET}`,
        'content-type': 'application/json',
        'x-souk-call': called.json.call_id,
        'webhook-id': called.json.call_id,
      },
    })
  })

  test('is listed and called at mcp_url by plain JSON-RPC, pinned or not, until it is given up', async () => {
    const { id, mcp_url } = await house.declared(house.wikiTool({ name: 'native' }))
    const rpc = async (method: string, params: Json) => {
      const message = { jsonrpc: '2.0', id: 1, method, params }
      const accept = { accept: 'application/json, text/event-stream' }
      const at = new URL(String(mcp_url)).pathname
      return (await house.world.rest('POST', at, house.acme.key, message, accept)).json
    }
    const { tools } = (await rpc('tools/list', {})).result as { tools: Json[] }
    expect(tools).toContainEqual(
      expect.objectContaining({ name: 'native', description: house.wikiTool().description }),
    )
    house.world.upstream.answerWith(answerJson(200, { results: ['tea'] }))
    for (const name of ['native', 'native@1']) {
      const called = await rpc('tools/call', { name, arguments: { query: 'tea' } })
      expect(called.result).toMatchObject({ structuredContent: { results: ['tea'] } })
    }
    await house.world.rest('DELETE', `/v1/mcp/tools/${id}`, house.acme.key)
    const gone = await rpc('tools/call', { name: 'native', arguments: { query: 'tea' } })
    expect(gone.error).toMatchObject({ code: -32602 })
  })

  test('is sold on the marketplace too, to its own account alone', async () => {
    const { endpoint_id } = await house.declared(house.wikiTool())
    const args = { endpoint_id, arguments: { query: 'tea' } }
    expect(await house.world.tool(house.acme.key, 'call_api', args)).toMatchObject({
      outcome: 'free',
    })
    const refused = await house.world.tool(house.stranger.key, 'call_api', args)
    expect(refused).toMatchObject({ isError: true, code: 'endpoint_not_found' })
    const at = `/v1/endpoints/${endpoint_id}`
    expect(await house.world.rest('GET', at, house.stranger.key)).toMatchObject({ status: 404 })
  })

  test('checks arguments before its handler is called', async () => {
    const { id } = await house.declared(house.wikiTool())
    const answer = await house.invoke(id, { k: 99 })
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_arguments' } })
    expect(house.world.upstream.requests).toEqual([])
  })

  test('never gives its secret back, in no answer and no echo', async () => {
    const { id } = await house.declared(house.wikiTool())
    house.world.upstream.answerWith((req, res) => res.end(JSON.stringify(req.headers)))
    const answers = [
      await house.invoke(id, { query: 'tea' }),
      await house.world.rest('GET', '/v1/mcp/tools', house.acme.key),
      await house.world.rest('GET', `/v1/mcp/tools/${id}`, house.acme.key),
    ]
    for (const { text } of answers) expect(text).not.toContain(SECRET)
  })
})

describe('versions', () => {
  test('the same again is the version that is there, whatever the order of its members', async () => {
    const tool = house.wikiTool({ name: 'same' })
    const first = await house.post(tool)
    const again = await house.post(Object.fromEntries(Object.entries(tool).reverse()))
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.json).toEqual(first.json)
  })

  test('many identical declarations at once make one tool with one version', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => house.post(house.wikiTool({ name: 'at-once' }))),
    )
    expect(new Set(answers.map(({ json }) => `${json.id} ${json.version}`)).size).toBe(1)
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201])
  })

  test('a pinned version keeps its handler, its secret and its price across hosts', async () => {
    const name = 'moving'
    const { id } = await house.declared(house.wikiTool({ name }))
    const moved = {
      name,
      handler_url: `${house.other.baseUrl}/v2`,
      handler_auth: 'Bearer other-secret-2',
    }
    const price = { model: 'per_call', amount: '0.002' }
    expect(await house.declared(house.wikiTool({ ...moved, price }))).toMatchObject({
      id,
      version: 2,
    })
    const old = await house.invoke(id, { query: 'tea' }, { more: { version: 1 } })
    expect(old).toMatchObject({
      status: 200,
      json: { version: 1, outcome: 'free', latest_version: 2 },
    })
    expect(house.world.upstream.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`)
    const latest = await house.invoke(id, { query: 'tea' })
    expect(latest.json).toMatchObject({ version: 2, charge: { total: '0.0021' } })
    expect(house.other.requests[0]?.headers.authorization).toBe('Bearer other-secret-2')
    const { json } = await house.world.rest('GET', `/v1/mcp/tools/${id}`, house.acme.key)
    expect(json.versions).toMatchObject([
      { version: 2, handler_url: `${house.other.baseUrl}/v2`, handler_auth: { type: 'bearer' } },
      { version: 1, handler_auth: { type: 'bearer' } },
    ])
  })

  test('a secret never goes to another host unless it is given again', async () => {
    const name = 'careful'
    const { id } = await house.declared(house.wikiTool({ name }))
    const { handler_auth, ...moved } = house.wikiTool({
      name,
      handler_url: `${house.other.baseUrl}/x`,
    })
    expect(await house.post(moved)).toMatchObject({
      status: 400,
      json: { code: 'invalid_request' },
    })
    expect(await house.declared({ ...moved, handler_auth: { type: 'none' } })).toMatchObject({
      version: 2,
    })
    await house.invoke(id, { query: 'tea' })
    expect(house.other.requests[0]?.headers.authorization).toBeUndefined()
  })

  test('another path of the same host gets the secret that is there; a new secret is no version', async () => {
    const name = 'staying'
    const { id } = await house.declared(house.wikiTool({ name }))
    const { handler_auth, ...next } = house.wikiTool({
      name,
      handler_url: `${house.world.upstream.baseUrl}/v2`,
    })
    expect(await house.declared(next)).toMatchObject({ version: 2 })
    await house.invoke(id, { query: 'tea' })
    expect(await house.declared({ ...next, handler_auth: 'Bearer rotated-secret' })).toMatchObject({
      version: 2,
    })
    await house.invoke(id, { query: 'tea' })
    await house.invoke(id, { query: 'tea' }, { more: { version: 1 } })
    expect(house.world.upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${SECRET}`,
      'Bearer rotated-secret',
      `Bearer ${SECRET}`,
    ])
  })

  test('a tool that was given up is refused at its next call, and goes on when declared again', async () => {
    const tool = house.wikiTool({ name: 'fleeting' })
    const { id, endpoint_id } = await house.declared(tool)
    const at = `/v1/mcp/tools/${id}`
    expect(await house.world.rest('DELETE', at, house.stranger.key)).toMatchObject({ status: 404 })
    expect(await house.world.rest('DELETE', at, house.acme.key)).toMatchObject({ status: 204 })
    expect(await house.world.rest('GET', at, house.acme.key)).toMatchObject({ status: 404 })
    expect(await house.invoke(id, { query: 'tea' })).toMatchObject({ status: 404 })
    const order = { endpoint_id, arguments: { query: 'tea' } }
    const refused = await house.world.rest('POST', '/v1/calls', house.acme.key, order)
    expect(refused).toMatchObject({ status: 409, json: { code: 'listing_changed' } })
    expect(await house.declared(tool)).toMatchObject({ id, version: 2 })
    expect(await house.invoke(id, { query: 'tea' }, { more: { version: 1 } })).toMatchObject({
      status: 200,
    })
  })

  test('its price can be changed where it is listed; what answers it cannot', async () => {
    const { id, endpoint_id } = await house.declared(house.wikiTool({ name: 'listed' }))
    const { json } = await house.world.rest('GET', '/v1/listings', house.acme.key)
    const listing = (json.listings as Json[]).find(({ slug }) => endpoint_id === `${slug}.listed`)!
    const at = `/v1/listings/${listing.id}`
    const price = { model: 'per_call', amount: '0.003' }
    const dearer = { endpoints: [{ slug: 'listed', price }] }
    expect(await house.world.rest('PATCH', at, house.acme.key, dearer)).toMatchObject({
      status: 200,
    })
    const called = await house.invoke(id, { query: 'tea' })
    expect(called.json).toMatchObject({ version: 2, charge: { amount: '0.003' } })
    const backend = { type: 'http', base_url: house.other.baseUrl }
    const credential = { type: 'bearer', token: 'another-secret' }
    const refused = [
      await house.world.rest('PATCH', at, house.acme.key, { backend }),
      await house.world.rest('PUT', `${at}/credential`, house.acme.key, credential),
    ]
    for (const answer of refused) expect(answer).toMatchObject({ status: 400 })
  })

  test('names that make the same slug stay two tools', async () => {
    const one = await house.declared(house.wikiTool({ name: 'findPage' }))
    const two = await house.declared(house.wikiTool({ name: 'find_page' }))
    expect(one.endpoint_id).not.toBe(two.endpoint_id)
    expect([one.version, two.version]).toEqual([1, 1])
  })
})

describe('what is no tool', () => {
  test.each<[string, () => Json, RegExp]>([
    ['a long name', () => ({ name: 'x'.repeat(65) }), /64 letters/],
    ['a name with a dot', () => ({ name: 'a.b' }), /64 letters/],
    [
      'a private host',
      () => ({ handler_url: 'https://10.0.0.1/x' }),
      /handler_url: .*public internet/,
    ],
    ['plain http', () => ({ handler_url: 'http://wiki.example/x' }), /handler_url: .*https/],
    [
      'a password in the URL',
      () => ({ handler_url: 'https://a:b@wiki.example/x' }),
      /handler_auth/,
    ],
    ['another scheme', () => ({ handler_url: 'file:///etc/passwd' }), /handler_url/],
    ['a short secret', () => ({ handler_auth: 'Bearer abc' }), /handler_auth.*8 characters/],
    [
      'a header of ours',
      () => ({ handler_auth: { type: 'header', name: 'Webhook-Id', value: 'x'.repeat(9) } }),
      /handler_auth\.name/,
    ],
    [
      'an input that is no object',
      () => ({ input_schema: { type: 'string' } }),
      /"type": "object"/,
    ],
    [
      'an output that is no schema',
      () => ({ output_schema: { type: 'object', properties: { a: { $ref: 'http://x' } } } }),
      /output_schema/,
    ],
    ['an unknown member', () => ({ handler: 'x' }), /handler/],
  ])('%s is refused with what is wrong', async (_, changes, message) => {
    const answer = await house.post(house.wikiTool({ name: 'wrong', ...changes() }))
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(answer.json.message).toMatch(message)
    const { json } = await house.world.rest('GET', '/v1/mcp/tools', house.acme.key)
    expect((json.tools as Json[]).map(({ name }) => name)).not.toContain('wrong')
  })
})

describe('of another account', () => {
  test('every address of a tool is the 404 of no such tool', async () => {
    const { id } = await house.declared(house.wikiTool())
    const none = `tool_${'0'.repeat(26)}`
    for (const [method, rest] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/invoke'],
    ] as const) {
      const [theirs, nothing] = [
        await house.world.rest(
          method,
          `/v1/mcp/tools/${id}${rest}`,
          house.stranger.key,
          method === 'POST' ? {} : undefined,
        ),
        await house.world.rest(
          method,
          `/v1/mcp/tools/${none}${rest}`,
          house.stranger.key,
          method === 'POST' ? {} : undefined,
        ),
      ]
      expect(theirs.status).toBe(404)
      expect({ ...theirs.json, trace_id: '' }).toEqual({ ...nothing.json, trace_id: '' })
    }
    expect((await house.world.rest('GET', '/v1/mcp/tools', house.stranger.key)).json).toEqual({
      tools: [],
    })
  })

  test('a private tool is found by its own account and those below it, and by nobody else', async () => {
    const description = 'Finds zebras in the zoological archive.'
    const { endpoint_id } = await house.declared(house.wikiTool({ name: 'zebras', description }))
    const below = await house.world.rest('POST', '/v1/sub-accounts', house.acme.key, {
      name: 'Keepers',
    })
    const other = await house.world.rest('POST', '/v1/keys', house.acme.key, {
      ...{ name: 'reader', scopes: ['read'] },
    })
    const look = async (key: unknown) => {
      const query = `?query=${encodeURIComponent('zebras in the archive')}`
      const pages = [
        await house.world.tool(String(key), 'browse_apis', { query: description }),
        await house.world.tool(String(key), 'browse_apis', { limit: 20 }),
        (await house.world.rest('GET', `/v1/endpoints${query}`, String(key))).json,
        (await house.world.rest('GET', '/v1/endpoints?limit=20', String(key))).json,
      ]
      return pages.map(({ results }) =>
        (results as Json[]).some((result) => result.endpoint_id === endpoint_id),
      )
    }
    for (const key of [house.acme.key, below.json.api_key, other.json.api_key])
      expect(await look(key)).toEqual([true, true, true, true])
    expect(await look(house.stranger.key)).toEqual([false, false, false, false])
    const own = await house.world.tool(house.acme.key, 'describe_endpoint', { endpoint_id })
    expect(own).toMatchObject({ description })
  })

  test('a sub-account has tools of its own, and may call those of the account above it', async () => {
    const { id } = await house.declared(house.wikiTool({ name: 'shared' }))
    const opened = await house.world.rest('POST', '/v1/sub-accounts', house.acme.key, {
      name: 'Team',
    })
    const team = { ...opened.json, key: opened.json.api_key } as unknown as Party
    expect((await house.world.rest('GET', '/v1/mcp/tools', team.key)).json).toEqual({ tools: [] })
    const called = await house.invoke(id, { query: 'tea' }, { party: team })
    expect(called).toMatchObject({ status: 200, json: { outcome: 'free' } })
    expect(await house.world.rest('DELETE', `/v1/mcp/tools/${id}`, team.key)).toMatchObject({
      status: 404,
    })
    const own = await house.declared(house.wikiTool({ name: 'shared' }), team)
    expect(own).toMatchObject({ version: 1, mcp_url: `${house.world.url}/mcp/${team.slug}/tools` })
    const theirs = await house.invoke(own.id, { query: 'tea' })
    expect(theirs).toMatchObject({ status: 404 })
  })

  test('a public tool is bought like anything else, and its owner earns', async () => {
    const price = { model: 'per_call', amount: '0.01' }
    const tool = await house.declared(house.wikiTool({ name: 'sold', visibility: 'public', price }))
    const order = { endpoint_id: tool.endpoint_id, arguments: { query: 'tea' } }
    const bought = await house.world.rest('POST', '/v1/calls', house.stranger.key, order)
    expect(bought.json).toMatchObject({
      outcome: 'charged',
      charge: { amount: '0.01', total: '0.0105' },
    })
  })
})
