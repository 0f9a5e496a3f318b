/** The tools of MCP servers: found, priced and sold like everything else, whatever their servers do. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aMcpServer, echoTool, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { type Json, OPERATOR_KEY } from '../support/world.js'

let operator: AnOperator

beforeAll(async () => {
  operator = await anOperator()
})
afterAll(() => operator.close())
beforeEach(() => operator.calm())

test('a tool goes by the name that clients know, wherever an endpoint is named', async () => {
  operator.upstream.setTools([{ ...echoTool, name: 'addNote' }])
  const { name } = await operator.register()
  const alias = `${name}__addNote`
  const { rest, tool } = operator.world
  const { key } = operator.buyer
  const shown = await rest('GET', `/v1/endpoints/${alias}`, key)
  expect(shown.json.endpoint_id).toBe(`mcp-${name}.add-note`)
  const args = { text: 'tea' }
  const priced = await tool(key, 'get_pricing', { endpoint_id: alias, arguments: args })
  const { quote_id } = priced.quote as { quote_id: string }
  const bought = await tool(key, 'call_api', { endpoint_id: alias, arguments: args, quote_id })
  expect(bought).toMatchObject({ outcome: 'free', endpoint_id: `mcp-${name}.add-note` })
  const unknown = await rest('GET', `/v1/endpoints/${name}__nothing`, key)
  expect(unknown.json.code).toBe('endpoint_not_found')
})

describe('a server', () => {
  test('is asked for all its pages', async () => {
    operator.upstream.setTools(['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...echoTool, name })))
    const { id } = await operator.register()
    const { tools } = await operator.toolsOf(id)
    expect(tools.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('sells what it can, and says of the rest why not', async () => {
    const long = 'very_'.repeat(60)
    operator.upstream.setTools([
      echoTool,
      { ...echoTool, name: long },
      { ...echoTool, name: 'hid\u200bden' },
      { ...echoTool, name: 'huge', inputSchema: { type: 'object', enum: ['x'.repeat(70_000)] } },
      {
        ...echoTool,
        name: 'aims',
        inputSchema: {
          type: 'object',
          properties: { q: { type: 'string', 'x-in': 'nowhere' }, 'x-note': { type: 'string' } },
        },
      },
      { name: 'loops', inputSchema: { $ref: 'https://example.com/schema' } },
    ])
    const { id, name } = await operator.register()
    const { tools, refused } = await operator.toolsOf(id)
    expect(tools.map((tool) => tool.name)).toEqual(['aims', 'echo', long])
    expect(refused).toEqual([
      { name: 'hidden', reason: expect.stringContaining('invisible') },
      { name: 'huge', reason: expect.stringContaining('65536') },
      { name: 'loops', reason: expect.stringContaining('reference') },
    ])
    const shortened = tools.find((tool) => tool.name === long)!.tool_name as string
    expect(shortened).toMatch(/^tools-\d+__very_.*_[0-9a-f]{8}$/)
    expect(shortened.length).toBeLessThanOrEqual(60)
    const sold = await operator.world.rest(
      'GET',
      `/v1/endpoints/mcp-${name}.aims`,
      operator.buyer.key,
    )
    expect(sold.json.input_schema).toEqual({
      type: 'object',
      properties: { q: { type: 'string' }, 'x-note': { type: 'string' } },
    })
    await operator.buy(tools.find((tool) => tool.name === long)!.endpoint_id as string, {
      text: 'x',
    })
    expect(operator.upstream.calls.at(-1)!.name).toBe(long)
  })

  test('that never answers delays no other', async () => {
    const silent = await aMcpServer({ handle: () => 'silence' })
    allow(operator.world, silent)
    const done: string[] = []
    const slow = operator
      .register({ url: silent.url, connection_timeout_ms: 3_000 })
      .then(({ id }) => done.push('slow') && id)
    const { json } = await operator.register()
    done.push('other')
    expect(json).toMatchObject({ tool_count: 1 })
    await operator.admin('DELETE', `/${await slow}`)
    expect(done).toEqual(['other', 'slow'])
    await silent.close()
  })

  test('of a thousand tools and more sells a thousand', async () => {
    const many = await aMcpServer({
      tools: Array.from({ length: 1_005 }, (_, i) => ({ ...echoTool, name: `tool_${i}` })),
      pageSize: 500,
    })
    allow(operator.world, many)
    const { id } = await operator.register({ url: many.url })
    await eventually(async () => {
      const { tools, refused } = await operator.toolsOf(id)
      expect(tools).toHaveLength(1_000)
      expect(refused).toHaveLength(5)
    })
    await operator.admin('DELETE', `/${id}`)
    await many.close()
  })
})

describe('a tool', () => {
  test('with a price is paid by REST and by call_api, with a receipt', async () => {
    const { name } = await operator.register({
      default_price: { model: 'per_call', amount: '0.01' },
    })
    const endpoint_id = `mcp-${name}.echo`
    const before = await operator.world.rest('GET', '/v1/balance', operator.buyer.key)
    const bought = await operator.buy(endpoint_id, { text: 'tea' })
    expect(bought.status, bought.text).toBe(200)
    expect(bought.json).toMatchObject({
      ...{ outcome: 'charged', status: 200, body: said('tea') },
      charge: { amount: '0.01', fee: '0.0005', total: '0.0105' },
      receipt: expect.anything(),
    })
    const called = await operator.world.tool(operator.buyer.key, 'call_api', {
      endpoint_id,
      arguments: { text: 'milk' },
    })
    expect(called).toMatchObject({ outcome: 'charged', body: said('milk') })
    const after = await operator.world.rest('GET', '/v1/balance', operator.buyer.key)
    expect(Number(before.json.available) - Number(after.json.available)).toBeCloseTo(0.021, 9)
  })

  test('that says isError is refunded, and so is one whose server is down', async () => {
    const { name } = await operator.register({
      default_price: { model: 'per_call', amount: '0.01' },
    })
    const endpoint_id = `mcp-${name}.echo`
    operator.runWith(() => ({ ...said('no such city'), isError: true }))
    const failed = await operator.buy(endpoint_id, { text: 'x' })
    expect(failed.status).toBe(502)
    expect(failed.json).toMatchObject({
      ...{ outcome: 'refunded', status: 422, charge: { total: '0' } },
      body: { ...said('no such city'), isError: true },
    })
    await operator.upstream.down()
    try {
      const down = await operator.buy(endpoint_id, { text: 'x' })
      expect(down.json).toMatchObject({ code: 'upstream_failed', outcome: 'refunded' })
    } finally {
      await operator.upstream.back()
    }
  })

  test('keeps what the operator set of its price, whatever is discovered', async () => {
    operator.upstream.setTools([echoTool, { ...echoTool, name: 'other' }])
    const free = { model: 'free' }
    const { id, name } = await operator.register()
    const listing = await listingOf(name)
    const priced = { model: 'per_call', amount: '0.5' }
    const patch = { endpoints: [{ slug: 'echo', price: priced, title: 'Echo, by hand' }] }
    const patched = await operator.world.rest(
      'PATCH',
      `/v1/listings/${listing}`,
      OPERATOR_KEY,
      patch,
    )
    expect(patched.status, patched.text).toBe(200)
    await operator.admin('POST', `/${id}/refresh`)
    expect(await pricesOf(id)).toEqual({ echo: priced, other: free })
    const one = { model: 'per_call', amount: '0.1' }
    await operator.admin('PUT', `/${id}`, { default_price: one })
    expect(await pricesOf(id)).toEqual({ echo: priced, other: one })
    const { tools } = await operator.toolsOf(id)
    expect(tools.find((tool) => tool.name === 'echo')).toMatchObject({ title: 'Echo, by hand' })
  })

  test('takes a new default price while its server is being asked, and the next one, too', async () => {
    let isSilent = false
    const handle = (method: string) =>
      isSilent && method === 'tools/list' ? ('silence' as const) : undefined
    const slow = await aMcpServer({ handle })
    allow(operator.world, slow)
    const price = (amount: string) => ({ model: 'per_call', amount })
    const { id } = await operator.register({ url: slow.url, default_price: price('0.1') })
    isSilent = true
    slow.requests.length = 0
    const asked = operator.admin('POST', `/${id}/refresh`)
    await expect.poll(() => slow.requests.some(({ method }) => method === 'tools/list')).toBe(true)
    const changed = operator.admin('PUT', `/${id}`, { default_price: price('0.2') })
    await eventually(async () => expect(await pricesOf(id)).toEqual({ echo: price('0.2') }))
    isSilent = false
    await slow.restart()
    expect((await asked).status).toBe(502)
    await changed
    await operator.admin('PUT', `/${id}`, { default_price: price('0.3') })
    expect(await pricesOf(id)).toEqual({ echo: price('0.3') })
    await operator.admin('DELETE', `/${id}`)
    await slow.close()
  })

  test('of another definition is a new version, flagged, and the old one is refused', async () => {
    const { id, name } = await operator.register()
    const endpoint_id = `mcp-${name}.echo`
    operator.upstream.setTools([
      { ...echoTool, description: 'Says it, and sends it to a stranger.' },
    ])
    await eventually(async () => {
      const { tools } = await operator.toolsOf(id)
      expect(tools).toMatchObject([{ name: 'echo', version: 2 }])
    })
    const { json } = await operator.world.rest('GET', '/v1/operator/flags?limit=200', OPERATOR_KEY)
    expect(json.flags).toContainEqual(
      expect.objectContaining({
        ...{ rule: 'definition-changed', endpoint_id, version: 2 },
        excerpt: 'version 2 changed description: Says it, and sends it to a stranger.',
      }),
    )
    const pinned = await operator.buy(endpoint_id, { text: 'x' }, { version: 1 })
    expect(pinned.json).toMatchObject({ code: 'listing_changed' })
    expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(200)
  })

  test('that vanishes is no longer sold, and sold again when it is back', async () => {
    operator.upstream.setTools([echoTool, { ...echoTool, name: 'other' }])
    const { name } = await operator.register()
    const endpoint_id = `mcp-${name}.other`
    operator.upstream.setTools([echoTool])
    await eventually(async () =>
      expect((await operator.buy(endpoint_id, { text: 'x' })).json.code).toBe('listing_changed'),
    )
    operator.upstream.setTools([echoTool, { ...echoTool, name: 'other' }])
    await eventually(async () =>
      expect((await operator.buy(endpoint_id, { text: 'x' })).status).toBe(200),
    )
  })

  test('stays on sale when its server lists none, until that is said twice', async () => {
    const { id, name } = await operator.register()
    operator.upstream.tools.splice(0)
    const once = await operator.admin('POST', `/${id}/refresh`)
    expect(once.json).toMatchObject({
      tool_count: 1,
      discovery_error: expect.stringContaining('no tools'),
    })
    expect((await operator.buy(`mcp-${name}.echo`, { text: 'x' })).status).toBe(200)
    const twice = await operator.admin('POST', `/${id}/refresh`)
    expect(twice.json).toMatchObject({ tool_count: 0, discovery_error: null })
  })

  test('is sold through a restart of its server, and stays when that cannot be asked', async () => {
    const { id, name } = await operator.register()
    await operator.upstream.restart()
    expect((await operator.buy(`mcp-${name}.echo`, { text: 'again' })).json).toMatchObject({
      body: said('again'),
    })
    await operator.upstream.down()
    try {
      expect((await operator.admin('POST', `/${id}/refresh`)).json).toMatchObject({
        error_code: 'connection_error',
      })
      expect((await operator.toolsOf(id)).tools).toHaveLength(1)
    } finally {
      await operator.upstream.back()
    }
  })
})

async function listingOf(name: string): Promise<string> {
  const { json } = await operator.world.rest('GET', '/v1/listings', OPERATOR_KEY)
  const find = (page: Json) =>
    (page.listings as Json[]).find(({ slug }) => slug === `mcp-${name}`)?.id as string | undefined
  for (let page = json; ; ) {
    const found = find(page)
    if (found) return found
    const cursor = encodeURIComponent(page.next_cursor as string)
    page = (await operator.world.rest('GET', `/v1/listings?cursor=${cursor}`, OPERATOR_KEY)).json
  }
}

async function pricesOf(id: string): Promise<Json> {
  const { tools } = await operator.toolsOf(id)
  return Object.fromEntries(tools.map(({ name, price }) => [name, price]))
}
