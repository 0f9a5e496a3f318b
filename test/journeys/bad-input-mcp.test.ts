/** Whatever a stranger sends to /mcp: a coded refusal, no charge, nothing lost, the process lives. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { badMessages, expectRefusedBytes } from '../support/bad-bytes.js'
import { aBazaar, type Bazaar, type Face, mcpFace } from '../support/bazaar.js'
import { failingUpstreams, SHORT_TIME } from '../support/failing-upstreams.js'
import { expectRefusal, PROBLEM, refusals } from '../support/refusals.js'
import { NARROW, refusalsAtTheHold } from '../support/refusals-at-the-hold.js'
import type { Json } from '../support/world.js'

let bazaar: Bazaar
let face: Face

beforeAll(async () => {
  bazaar = await aBazaar({ ...NARROW, ...SHORT_TIME })
  face = mcpFace(bazaar.world)
})

beforeEach(() => bazaar.calm())

afterAll(async () => {
  expect(await bazaar.buy(bazaar.buyer.key, bazaar.order())).toMatchObject({ outcome: 'charged' })
  await bazaar.world.close()
})

describe('refused before anything is sent', () => {
  test.each(refusals)('$name: $code', (row) => expectRefusal(bazaar, face, row))
})

describe('refused because something is used up', () => {
  test.each(refusalsAtTheHold)('$name: $code', (row) => expectRefusal(bazaar, face, row))
})

describe('refunded', () => {
  test.each(failingUpstreams)('$name: $code', (row) => expectRefusal(bazaar, face, row))
})

describe('refused unread', () => {
  test.each(badMessages)('$name: $code', (row) => expectRefusedBytes(bazaar, face, row))
})

describe('from a client of 2026-07-28', () => {
  const modern = () => mcpFace(bazaar.world, 'modern')

  test.each(refusals)('$name: $code', (row) => expectRefusal(bazaar, modern(), row))

  test.each(badMessages)('$name: $code', (row) => expectRefusedBytes(bazaar, modern(), row))

  test('what a failing upstream costs: nothing, with a receipt', async () => {
    for (const row of failingUpstreams.slice(0, 3)) await expectRefusal(bazaar, modern(), row)
  })
})

describe.each(['bare', 'modern'] as const)('the long way, through the SDK: %s', (era) => {
  const long = () => mcpFace(bazaar.world, era, 'long')

  test.each(refusals)('$name: $code', (row) => expectRefusal(bazaar, long(), row))

  test.each(badMessages)('$name: $code', (row) => expectRefusedBytes(bazaar, long(), row))
})

const buying = (changes: Json = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'call_api', arguments: bazaar.order() },
  ...changes,
})

const notJsonRpc: { name: string; message: () => unknown }[] = [
  { name: 'no jsonrpc', message: () => buying({ jsonrpc: undefined }) },
  { name: 'jsonrpc 1.0', message: () => buying({ jsonrpc: '1.0' }) },
  { name: 'an id that is an object', message: () => buying({ id: {} }) },
  { name: 'an id that is an array', message: () => buying({ id: [1] }) },
  { name: 'params that are an array', message: () => buying({ params: ['call_api'] }) },
  { name: 'params that are a text', message: () => buying({ params: 'call_api' }) },
  { name: 'a method that is a number', message: () => buying({ method: 7 }) },
  { name: 'no method', message: () => buying({ method: undefined }) },
  { name: 'null', message: () => null },
  { name: 'a text', message: () => 'tools/call' },
  { name: 'a number', message: () => 7 },
  { name: 'an empty batch', message: () => [] },
  { name: 'a batch of 51', message: () => Array.from({ length: 51 }, (_, id) => buying({ id })) },
  { name: 'a batch with one broken message', message: () => [buying(), { id: 2 }] },
  { name: 'a batch inside a batch', message: () => [[buying()]] },
]

/** Sends a message, and gives the answer when nothing moved. */
async function sendInVain(message: unknown, headers: Record<string, string> = {}) {
  const before = await bazaar.state()
  const reached = bazaar.world.upstream.requests.length
  const { buyer, world } = bazaar
  const answer = await world.rest('POST', '/mcp', buyer.key, JSON.stringify(message), {
    accept: 'application/json, text/event-stream',
    ...headers,
  })
  expect(await bazaar.state()).toEqual(before)
  expect(world.upstream.requests.length).toBe(reached)
  return answer
}

describe('what is not JSON-RPC', () => {
  test.each(notJsonRpc)('$name: invalid_request', async ({ message }) => {
    const { status, json } = await sendInVain(message())
    expect(status).toBe(400)
    expect(json).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32_600, data: { code: 'invalid_request', ...PROBLEM } },
    })
  })

  test('a notification buys nothing', async () => {
    expect(await sendInVain(buying({ id: undefined }))).toMatchObject({ status: 202, text: '' })
  })

  test('an unknown method gets the error that JSON-RPC has for it', async () => {
    const { json } = await sendInVain(buying({ method: 'tools/steal' }))
    expect(json).toMatchObject({ id: 1, error: { code: -32_601 } })
  })

  test.each([
    {},
    { name: 7 },
    { name: 'call_api', arguments: [] },
    { name: 'call_api', arguments: 'x' },
  ])('tools/call with params %j is refused', async (params) => {
    const { json } = await sendInVain(buying({ params }))
    expect(json).toMatchObject({ id: 1, error: { message: expect.stringMatching(/\w/) } })
  })

  test.each(['no_such_tool', '__proto__', 'constructor', ''])(
    'the tool "%s" is not there',
    async (name) => {
      const { json } = await sendInVain(buying({ params: { name, arguments: {} } }))
      const { isError, structuredContent } = json.result as Json
      expect(isError).toBe(true)
      expect(structuredContent).toMatchObject({ code: 'invalid_request', ...PROBLEM })
    },
  )
})

describe('sessions and versions', () => {
  const initialize = (key: string) => {
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    }
    return bazaar.world.rest('POST', '/mcp', key, {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params,
    })
  }

  test('a session that nobody opened does not exist', async () => {
    for (const id of ['x', '..', 'a.9999999999999.b', "' or 1=1 --"]) {
      const { status, json } = await sendInVain(buying(), { 'mcp-session-id': id })
      expect(status).toBe(404)
      expect(json.error).toMatchObject({ data: { code: 'not_found', ...PROBLEM } })
    }
  })

  test("another key's session does not exist, in the same words", async () => {
    const opened = await initialize(bazaar.stranger.key)
    const theirs = opened.headers.get('mcp-session-id')!
    const foreign = await sendInVain(buying(), { 'mcp-session-id': theirs })
    const unknown = await sendInVain(buying(), { 'mcp-session-id': 'x' })
    expect(foreign).toMatchObject({ status: 404, text: unknown.text })
    const ended = await bazaar.world.rest('DELETE', '/mcp', bazaar.buyer.key, undefined, {
      'mcp-session-id': theirs,
    })
    expect(ended.status).toBe(404)
  })

  test('a version of the protocol that is not served is refused', async () => {
    const { status, json } = await sendInVain(buying(), { 'mcp-protocol-version': '1999-01-01' })
    expect(status).toBe(400)
    expect(json).toMatchObject({ jsonrpc: '2.0', error: { message: expect.stringMatching(/\w/) } })
  })

  test.each(['GET', 'PUT', 'PATCH'])('%s is not a method of /mcp', async (method) => {
    const { status, headers, json } = await bazaar.world.rest(method, '/mcp', bazaar.buyer.key)
    expect(status).toBe(405)
    expect(headers.get('allow')).toBe('POST, DELETE')
    expect(json.error).toMatchObject({ message: expect.stringMatching(/\w/) })
  })
})

test('what one account bought, another one does not see', async () => {
  const { world, buyer, buy, order } = bazaar
  const other = await world.account('Nosy')
  await buy(buyer.key, order())
  const { json } = await face.ask(other.key, 'get_usage', {})
  expect(json).toMatchObject({ calls: [], totals: { calls: 0, charged: '0' } })
})

test.each([
  ['browse_apis', 'query'],
  ['browse_apis', 'category'],
  ['browse_apis', 'seller'],
  ['get_usage', 'endpoint_id'],
  ['get_usage', 'key_id'],
  ['get_usage', 'tag'],
] as const)('%s finds nothing where %s is a piece of SQL or of a search', async (tool, filter) => {
  for (const text of [
    "' or 1=1 --",
    '"; drop table calls; --',
    "wiki' union select * from api_keys",
  ]) {
    const { json } = await face.ask(bazaar.stranger.key, tool, { [filter]: `zzqx${text}` })
    expect(json.isError).toBeUndefined()
    if (filter !== 'query')
      expect(json).toMatchObject(tool === 'get_usage' ? { calls: [] } : { results: [] })
  }
})
