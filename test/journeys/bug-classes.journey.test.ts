/**
 * The bug classes that recur in gateways of this kind, by their number in the research
 * (gateways.md 1.4), each as what can't happen here, shown end to end. The rest of them: processes (7)
 * and what headers and bodies may switch (2, advisories) in the files beside this one; sub-accounts' and
 * keys' lists over the marketplace (3) in market.journey; tokens never sent upstream (4) in
 * oauth.journey; tools renamed and recomposed (9) in gateways.journey.
 */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aMcpServer, echoTool, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, eventually } from '../support/an-operator.js'
import { aSocket, clientOf, namesIn, rpcAt } from '../support/mcp-clients.js'
import { answerJson, type Json, OPERATOR_KEY, type Party } from '../support/world.js'

const REFUNDED = { 'souk/call': { outcome: 'refunded', charge: { total: '0' } } }
const PRICE = { model: 'per_call', amount: '0.001' }

let operator: AnOperator
let buyer: Party
let gateways = 0

beforeAll(async () => {
  operator = await anOperator()
  buyer = operator.buyer
})
beforeEach(() => operator.calm())
afterAll(() => operator.close())

async function post(path: string, key: string, body: Json): Promise<Json> {
  const { status, json, text } = await operator.world.rest('POST', path, key, body)
  expect(status, `${path}: ${text}`).toBeLessThan(300)
  return json
}

/** A gateway of a party, with these tools. @returns its address. */
async function aGateway(configuration: Json, { key }: Party = buyer): Promise<string> {
  const endpoint = `made-${++gateways}`
  const made = { name: 'Made', type: 'mcp', endpoint, configuration }
  return String((await post('/v1/gateways', key, made)).url)
}

const available = async () =>
  (await operator.world.rest('GET', '/v1/balance', buyer.key)).json.available
const methodsSince = (start: number) =>
  operator.upstream.requests.slice(start).map(({ method }) => method)

describe('1: a stale upstream session', () => {
  test('is begun anew once, and the call answers with its result, paid once', async () => {
    const { name } = await operator.register({ default_price: PRICE })
    const url = await aGateway({ servers: [name] })
    const rpc = rpcAt(operator.world, url, buyer.key)
    const params = { name: `${name}__echo`, arguments: { text: 'kept' } }
    await rpc('tools/call', params)
    const before = Number(await available())
    const [start, calls] = [operator.upstream.requests.length, operator.upstream.calls.length]
    await operator.upstream.restart()
    const { result } = await rpc('tools/call', params)
    expect(result).toMatchObject({
      ...said('kept'),
      _meta: { 'souk/call': { outcome: 'charged' } },
    })
    expect(operator.upstream.calls.length - calls).toBe(1)
    const ofCall = methodsSince(start).filter((method) => !/tools\/list|ping/.test(method))
    expect(ofCall.filter((method) => method === 'tools/call')).toHaveLength(2)
    expect(before - Number(await available())).toBeCloseTo(0.00105, 9)
    expect(namesIn((await rpc('tools/list')).result)).toEqual([`${name}__echo`])
  })

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['null', null],
    ['a text', 'done'],
  ])(
    'or a broken server that answers %s is a failure, not an empty success',
    async (_w, result) => {
      const { name } = await operator.register({ default_price: PRICE })
      const rpc = rpcAt(operator.world, await aGateway({ servers: [name] }), buyer.key)
      const before = await available()
      operator.runWith(() => result)
      const answer = await rpc('tools/call', { name: `${name}__echo`, arguments: { text: 'x' } })
      expect(answer.result).toMatchObject({
        ...{ isError: true, structuredContent: { code: 'upstream_failed' } },
        _meta: REFUNDED,
      })
      expect(await available()).toBe(before)
    },
  )

  test('is never answered by sending again what may have run', async () => {
    const { name } = await operator.register({ tool_call_timeout_ms: 200, default_price: PRICE })
    const rpc = rpcAt(operator.world, await aGateway({ servers: [name] }), buyer.key)
    const [runs, before] = [operator.upstream.calls.length, await available()]
    const fates: ((call: { hangUp(): void }) => unknown)[] = [
      () => undefined,
      (call) => call.hangUp(),
    ]
    for (const fate of fates) {
      operator.runWith(fate)
      const answer = await rpc('tools/call', { name: `${name}__echo`, arguments: { text: 'x' } })
      expect(answer.error ?? answer.result.isError, JSON.stringify(answer.json)).toBeTruthy()
    }
    expect(operator.upstream.calls.length - runs).toBe(fates.length)
    expect(await available()).toBe(before)
  })
})

describe('2 and 3: what is listed is what can be called', () => {
  const args = { space: 'main', q: 'tea' }
  const argsOf = (name: string) => (/^(own|echo)/.test(name) ? { text: 'tea' } : args)
  const names = ['open', 'asking', 'paused', 'stopped', 'seller_stopped', 'own', 'echo', 'priced']
  const callers: Record<string, string> = {}
  let url: string

  beforeAll(async () => {
    const { world } = operator
    const [acme, seller, bad] = [
      await world.account('Acme', '1'),
      await world.account('Seller'),
      await world.account('Bad seller'),
    ]
    const server = await operator.register()
    const sold = {
      open: await world.listing(seller),
      asking: await world.listing(seller, { endpoint: { requires_approval: true } }),
      paused: await world.listing(seller),
      stopped: await world.listing(seller),
      seller_stopped: await world.listing(bad),
      priced: await world.listing(seller, { endpoint: { price: { model: 'free' } } }),
    }
    const own = await post('/v1/mcp/tools', acme.key, {
      ...{ name: 'own', description: 'Own.', input_schema: { type: 'object' } },
      handler_url: world.upstream.baseUrl,
    })
    const tools = [
      ...Object.entries(sold).map(([name, { endpointId }]) => ({ endpoint_id: endpointId, name })),
      { endpoint_id: String(own.endpoint_id), name: 'own' },
      { endpoint_id: `mcp-${server.name}.echo`, name: 'echo' },
    ]
    url = await aGateway({ tools }, acme)
    const key = async (of: string, terms: Json) =>
      String(
        (await post('/v1/keys', of, { name: 'k', scopes: ['call', 'manage'], ...terms })).api_key,
      )
    const sub = async (terms: Json) =>
      String((await post('/v1/sub-accounts', acme.key, { name: 'Sub', ...terms })).api_key)
    const narrow = { allow: { listings: [sold.open.slug, sold.asking.slug, sold.paused.slug] } }
    callers.owner = acme.key
    callers['key with a list'] = await key(acme.key, narrow)
    callers['key below it'] = await key(callers['key with a list'], {})
    callers['key with servers'] = await key(acme.key, { allow: { servers: [server.name] } })
    callers['key with an empty list'] = await key(acme.key, { allow: { listings: [] } })
    callers['sub-account'] = await sub({})
    callers['sub-account with a list'] = await sub(narrow)
    callers['its narrower key'] = await key(callers['sub-account with a list'], {
      allow: { listings: [sold.open.slug] },
    })
    callers['key that may not call'] = await key(acme.key, { scopes: ['read'] })
    await world.rest('POST', `/v1/listings/${sold.paused.id}/pause`, seller.key)
    const stop = (path: string) => post(path, OPERATOR_KEY, { reason: 'x', category: 'quality' })
    await stop(`/v1/operator/listings/${sold.stopped.id}/suspend`)
    await stop(`/v1/accounts/${bad.id}/suspend`)
    world.upstream.answerWith(answerJson(200, { found: true }))
  })

  const EXPECTED: Record<string, string[]> = {
    owner: ['open', 'asking', 'priced', 'own', 'echo'],
    'key with a list': ['open', 'asking'],
    'key below it': ['open', 'asking'],
    'key with servers': ['echo'],
    'key with an empty list': [],
    'sub-account': ['open', 'asking', 'priced', 'own', 'echo'],
    'sub-account with a list': ['open', 'asking'],
    'its narrower key': ['open'],
  }

  test.each(Object.keys(EXPECTED))('for: %s', async (who) => {
    const rpc = rpcAt(operator.world, url, callers[who])
    const listed = namesIn((await rpc('tools/list')).result)
    expect(listed).toEqual(EXPECTED[who])
    for (const name of names.flatMap((one) => [one, `${one}@1`])) {
      const { result, error } = await rpc('tools/call', { name, arguments: argsOf(name) })
      const isThere = listed.includes(name.replace('@1', ''))
      if (!isThere)
        expect(error, name).toMatchObject({ code: -32_602, message: `Unknown tool: ${name}` })
      else if (name.startsWith('asking')) {
        expect(result.structuredContent, name).toMatchObject({ code: 'approval_required' })
      } else expect(result, name).toMatchObject({ _meta: { 'souk/call': {} } })
    }
  })

  test('for a key that may only look: the list is there, and a call says what is missing', async () => {
    const rpc = rpcAt(operator.world, url, callers['key that may not call'])
    expect(namesIn((await rpc('tools/list')).result)).toEqual(EXPECTED.owner)
    // The holder of an access token gets 403 and a challenge instead: oauth.journey.
    const { result } = await rpc('tools/call', { name: 'open', arguments: args })
    expect(result).toMatchObject({
      ...{ isError: true, structuredContent: { code: 'insufficient_scope' } },
    })
  })

  test('for everybody: what changes between list and call is refused as what is not listed', async () => {
    const { world } = operator
    const seller = await world.account('Fickle')
    const { id, endpointId } = await world.listing(seller)
    const rpc = rpcAt(world, await aGateway({ tools: [endpointId] }), buyer.key)
    for (const act of ['pause', 'publish', 'pause'] as const) {
      await world.rest('POST', `/v1/listings/${id}/${act}`, seller.key)
      const isThere = act === 'publish'
      expect(namesIn((await rpc('tools/list')).result)).toHaveLength(isThere ? 1 : 0)
      const { error } = await rpc('tools/call', { name: 'search', arguments: args })
      expect(error?.code).toBe(isThere ? undefined : -32_602)
    }
  })
})

describe('6: names of tools', () => {
  test('have at most 60 characters wherever they come from, and are called as they are listed', async () => {
    const long = 'a'.repeat(300)
    operator.upstream.setTools([
      echoTool,
      { ...echoTool, name: long },
      { ...echoTool, name: 'b.c/d' },
    ])
    const { name } = await operator.register()
    const declared = await post('/v1/mcp/tools', buyer.key, {
      ...{ name: 'd'.repeat(64), description: 'Long.', input_schema: { type: 'object' } },
      handler_url: operator.world.upstream.baseUrl,
    })
    operator.world.upstream.answerWith(answerJson(200, { declared: true }))
    const { endpointId } = await operator.world.listing(await operator.world.account('Seller'), {
      slug: 's'.repeat(40),
      endpoint: { slug: 'e'.repeat(60), price: { model: 'free' } },
    })
    const tools = [endpointId, String(declared.endpoint_id), endpointId]
    const urls = [
      await aGateway({ tools, servers: [name] }),
      `${operator.world.url}/mcp/${buyer.slug}/tools`,
    ]
    for (const url of urls) {
      const rpc = rpcAt(operator.world, url, buyer.key)
      const listed = namesIn((await rpc('tools/list')).result)
      expect(new Set(listed).size).toBe(listed.length)
      expect(listed.length).toBeGreaterThan(0)
      for (const tool of listed) {
        expect(tool).toMatch(/^[A-Za-z0-9_-]{1,60}$/)
        const args = /eeee/.test(tool) ? { space: 'x', q: 'x' } : {}
        const params = { name: tool, arguments: args }
        const { result } = await rpc('tools/call', params)
        expect(result.isError, `${tool}: ${JSON.stringify(result)}`).toBeFalsy()
      }
    }
    expect(operator.upstream.calls.map((call) => call.name)).toEqual(
      expect.arrayContaining(['echo', long, 'b.c/d']),
    )
  })
})

describe('8: a server that is late or gone', () => {
  test('blinds nobody: the others are listed and called, and its error tells no address', async () => {
    const dead = await aMcpServer()
    allow(operator.world, dead)
    const [one, other] = [await operator.register(), await operator.register({ url: dead.url })]
    const rpc = rpcAt(
      operator.world,
      await aGateway({ servers: [one.name, other.name] }),
      buyer.key,
    )
    await dead.close()
    const [mine, gone] = [`${one.name}__echo`, `${other.name}__echo`]
    expect(namesIn((await rpc('tools/list')).result)).toEqual([mine, gone])
    const call = (name: string) => rpc('tools/call', { name, arguments: { text: 'x' } })
    const [fine, failed] = await Promise.all([call(mine), call(gone)])
    expect(fine.result.content).toEqual(said('x').content)
    expect(failed.result).toMatchObject({ structuredContent: { code: 'upstream_failed' } })
    const { content, structuredContent } = failed.result
    expect(JSON.stringify({ content, structuredContent })).not.toMatch(
      /127\.0\.0\.1|localhost|http:|ECONN|\d{4}/,
    )
  })

  test('that comes later is in the list of a session that looked before', async () => {
    const late = await aMcpServer({ port: 0 })
    allow(operator.world, late)
    const now = await operator.register()
    await late.down()
    const { id, name } = await operator.register({ url: late.url })
    const { id: gatewayId, url } = (await post('/v1/gateways', OPERATOR_KEY, {
      ...{ name: 'Late', type: 'mcp', endpoint: 'late', configuration: { servers: [now.name] } },
    })) as { id: string; url: string }
    const client = await clientOf({ url, apiKey: OPERATOR_KEY })
    const listed = async () => (await client.listTools()).tools.map((tool) => tool.name)
    expect(await listed()).toEqual([`${now.name}__echo`])
    await late.back()
    await operator.admin('POST', `/${id}/refresh`)
    const patch = { configuration: { servers: [now.name, name] } }
    await operator.world.rest('PATCH', `/v1/gateways/${gatewayId}`, OPERATOR_KEY, patch)
    await eventually(async () =>
      expect(await listed()).toEqual([`${now.name}__echo`, `${name}__echo`]),
    )
    await client.close()
    await late.close()
  })
})

describe('10: ids', () => {
  // Of two clients that use the same ids: tenants-at-once.journey.
  test('of one client that uses one id twice at once are both answered, each with its own', async () => {
    const { name } = await operator.register()
    const url = await aGateway({ servers: [name] })
    const waiting: (() => void)[] = []
    operator.runWith(
      (call) =>
        new Promise((resolve) => {
          waiting.push(() => resolve(said(String(call.arguments.text))))
          if (waiting.length === 2) for (const answer of waiting.splice(0).reverse()) answer()
        }),
    )
    const message = (text: string) => ({
      ...{ jsonrpc: '2.0', id: 7, method: 'tools/call' },
      params: { name: `${name}__echo`, arguments: { text } },
    })
    const client = await clientOf({ url, apiKey: buyer.key })
    const headers = {
      'mcp-session-id': sessionOf(client),
      accept: 'application/json, text/event-stream',
    }
    const over = async (text: string) => {
      const { json } = await operator.world.rest(
        'POST',
        new URL(url).pathname,
        buyer.key,
        message(text),
        headers,
      )
      return [json.id, ((json.result as Json).content as Json[])[0]!.text]
    }
    expect(await Promise.all([over('one'), over('two')])).toEqual([
      [7, 'one'],
      [7, 'two'],
    ])
    await client.close()
    const socket = await aSocket(`${url}/ws`, { authorization: `Bearer ${buyer.key}` })
    for (const text of ['one', 'two']) socket.send(JSON.stringify(message(text)))
    await eventually(async () => expect(socket.heard).toHaveLength(2))
    const texts = socket.heard.map(({ id, result }) => [
      id,
      ((result as Json).content as Json[])[0]!.text,
    ])
    expect(texts.sort()).toEqual([
      [7, 'one'],
      [7, 'two'],
    ])
    socket.close()
    const ids = operator.upstream.calls.map(({ session, id }) => `${session} ${id}`)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each([7, '7', 'seven'])('of progress keep their type: %j', async (progressToken) => {
    const { name } = await operator.register()
    const url = await aGateway({ servers: [name] })
    operator.runWith((call) => {
      call.progress(1)
      return said('done')
    })
    const socket = await aSocket(`${url}/ws`, { authorization: `Bearer ${buyer.key}` })
    const params = { name: `${name}__echo`, arguments: {}, _meta: { progressToken } }
    await socket.ask({ id: 1, method: 'tools/call', params })
    const [progress] = socket.heard.filter(({ method }) => method === 'notifications/progress')
    expect(progress!.params).toMatchObject({ progressToken, progress: 1 })
    expect(operator.upstream.calls.at(-1)!.meta.progressToken).not.toBe(progressToken)
    socket.close()
  })
})

function sessionOf({ transport }: Client): string {
  return (transport as { sessionId?: string }).sessionId!
}
