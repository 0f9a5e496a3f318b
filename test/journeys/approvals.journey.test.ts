/** A person says yes or no to exactly one call: in the client, or on a page. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aBrowser, type Browser } from '../support/a-browser.js'
import { aSocket } from '../support/mcp-clients.js'
import { answerJson, aWorld, type Party, type World } from '../support/world.js'

type Json = Record<string, unknown>

let world: World
let buyer: Party
let stranger: Party
let endpointId: string
let listing: { id: string; sellerKey: string }
const args = { space: 'main', q: 'tea' }

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Buyer', '1')
  stranger = await world.account('Stranger', '1')
  const seller = await world.account('Seller')
  const listed = await world.listing(seller, { endpoint: { requires_approval: true } })
  endpointId = listed.endpointId
  listing = { id: listed.id, sellerKey: seller.key }
})

beforeEach(() => {
  world.upstream.answerWith(answerJson(200, { found: true }))
  world.upstream.requests.length = 0
})

afterAll(() => world.close())

const order = (more: Json = {}) => ({ endpoint_id: endpointId, arguments: args, ...more })
const buy = (more: Json = {}, key = buyer.key) => world.rest('POST', '/v1/calls', key, order(more))

type Said = 'accept' | 'accept unticked' | 'decline' | 'cancel'

function answerTo(said: Said) {
  const action = said.split(' ')[0] as 'accept' | 'decline' | 'cancel'
  return { action, ...(action === 'accept' && { content: { approve: said === 'accept' } }) }
}

async function olderClient(
  said: Said,
  asked: unknown[] = [],
  { key, meanwhile = async () => {} }: { key?: string; meanwhile?: () => Promise<unknown> } = {},
): Promise<Client> {
  const client = new Client({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked.push(params)
    await meanwhile()
    return answerTo(said)
  })
  const requestInit = { headers: { authorization: `Bearer ${key ?? buyer.key}` } }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${world.url}/mcp`), { requestInit }),
  )
  return client
}

async function modernClient(
  said: Said,
  asked: unknown[] = [],
  { key }: { key?: string } = {},
): Promise<ModernClient> {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { form: {} } } },
  )
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params)
    return answerTo(said)
  })
  const requestInit = { headers: { authorization: `Bearer ${key ?? buyer.key}` } }
  await client.connect(new ModernHttp(new URL(`${world.url}/mcp`), { requestInit }))
  return client
}

describe.each([
  ['2025-11-25', olderClient],
  ['2026-07-28', modernClient],
] as const)('a client of %s that can show forms', (_era, connect) => {
  const callWith = async (said: Said, q: string) => {
    const client = await connect(said)
    const params = { name: 'call_api', arguments: order({ arguments: { ...args, q } }) }
    const result = await client.callTool(params)
    await client.close()
    return result as { isError?: boolean; structuredContent: Json }
  }

  test('is asked in place, and the call goes through on a yes', async () => {
    const result = await callWith('accept', `yes-${_era}`)
    expect(result.structuredContent).toMatchObject({ outcome: 'charged', body: { found: true } })
    expect(world.upstream.requests).toHaveLength(1)
  })

  test.each(['decline', 'accept unticked'] as const)('sends nothing after: %s', async (said) => {
    const result = await callWith(said, `${said}-${_era}`)
    expect(result).toMatchObject({ isError: true, structuredContent: { code: 'forbidden' } })
    expect(world.upstream.requests).toHaveLength(0)
  })

  test('is led to the page when the form is put away', async () => {
    const result = await callWith('cancel', `cancel-${_era}`)
    expect(result.structuredContent).toMatchObject({ code: 'approval_required' })
    expect(world.upstream.requests).toHaveLength(0)
  })

  test('cannot say yes for a key whose owner decides on the page, nor for one below it', async () => {
    const make = (key: string, limits: object) =>
      world.rest('POST', '/v1/keys', key, { name: 'k', scopes: ['call', 'manage'], limits })
    const made = await make(buyer.key, { approve_on: 'page' })
    const strict = made.json.api_key as string
    const below = (await make(strict, { approve_on: 'client' })).json.api_key as string
    for (const key of [strict, below]) {
      const asked: unknown[] = []
      const client = await connect('accept', asked, { key })
      const params = { name: 'call_api', arguments: order({ arguments: { ...args, q: key } }) }
      const { structuredContent } = (await client.callTool(params)) as { structuredContent: Json }
      await client.close()
      expect(structuredContent).toMatchObject({ code: 'approval_required' })
      expect(structuredContent.approval_url).toContain('/approvals/')
      expect(asked).toEqual([])
    }
    expect(world.upstream.requests).toHaveLength(0)
    const { json } = await world.rest('GET', '/v1/keys', buyer.key)
    const shown = (json.keys as Json[]).find(({ id }) => id === made.json.id)
    expect(shown!.limits).toEqual({ approve_on: 'page' })
  })
})

test('the form says what, with which arguments, and for how much', async () => {
  const asked: Json[] = []
  const client = await olderClient('accept', asked)
  await client.callTool({ name: 'call_api', arguments: order() })
  await client.close()
  expect(asked[0]!.message).toBe(
    'Approve this call of "Search the wiki"? It costs at most 0.00105 USDC. Arguments: {"space":"main","q":"tea"}',
  )
  expect(asked[0]!.requestedSchema).toMatchObject({ required: ['approve'] })
})

describe('a question whose client goes away', () => {
  const inFlight = () => world.started.gateway.deps.slots.inFlight()
  const never = new Promise(() => {})

  test('keeps no room for its call: over HTTP', async () => {
    const asked: unknown[] = []
    const client = await olderClient('accept', asked, { meanwhile: () => never })
    client.callTool({ name: 'call_api', arguments: order() }).catch(() => {})
    await expect.poll(() => asked.length).toBe(1)
    expect(inFlight()).toBe(1)
    await client.close()
    await expect.poll(inFlight).toBe(0)
  })

  test('keeps no room for its call: over a WebSocket', async () => {
    const at = `${world.url}/mcp/ws`
    const socket = await aSocket(at, { authorization: `Bearer ${buyer.key}` })
    const capabilities = { elicitation: {} }
    const hello = { protocolVersion: '2025-11-25', clientInfo: { name: 'x', version: '1' } }
    await socket.ask({ id: 1, method: 'initialize', params: { ...hello, capabilities } })
    const params = { name: 'call_api', arguments: order() }
    void socket.ask({ id: 2, method: 'tools/call', params })
    await expect.poll(() => socket.heard.at(-1)?.method).toBe('elicitation/create')
    expect(inFlight()).toBe(1)
    socket.close()
    await expect.poll(inFlight).toBe(0)
  })
})

describe('what ends while a person is asked', () => {
  const callAs = async (key: string, meanwhile: () => Promise<unknown>) => {
    const client = await olderClient('accept', [], { key, meanwhile })
    const name = 'call_api'
    const result = await client.callTool({ name, arguments: order({ version: 1 }) })
    await client.close()
    return result.structuredContent as Json
  }

  test('buys nothing: an account that was suspended', async () => {
    const culprit = await world.account('Culprit', '1')
    const suspend = () =>
      world.rest('POST', `/v1/accounts/${culprit.id}/suspend`, world.operatorKey, {
        category: 'fraud',
        reason: 'found out',
      })
    expect(await callAs(culprit.key, suspend)).toMatchObject({ code: 'account_suspended' })
    expect(world.upstream.requests).toHaveLength(0)
  })

  test('is not sold: a listing that was paused', async () => {
    const pause = () => world.rest('POST', `/v1/listings/${listing.id}/pause`, listing.sellerKey)
    expect(await callAs(buyer.key, pause)).toMatchObject({ code: 'listing_changed' })
    expect(world.upstream.requests).toHaveLength(0)
    await world.rest('POST', `/v1/listings/${listing.id}/publish`, listing.sellerKey)
  })
})

describe('a client that cannot ask', () => {
  const credentials = { email: 'ada@acme.example', password: 'correct horse battery' }
  const refusedFor = async (q: string) => {
    const refused = await buy({ arguments: { ...args, q } })
    expect(refused.status, refused.text).toBe(403)
    expect(refused.json.code).toBe('approval_required')
    return refused.json as { approval_url: string; quote_id: string; approval_id: string }
  }
  let browser: Browser

  beforeAll(async () => {
    const set = await world.rest('PUT', '/v1/me/sign-in', buyer.key, credentials)
    expect(set.status, set.text).toBeLessThan(300)
    browser = aBrowser(world.url)
    await browser.send(await browser.open('/sign-in'), credentials)
  })

  test('is given an address where the owner approves, and then its quote goes through once', async () => {
    const { approval_url, quote_id } = await refusedFor('page')
    const page = await browser.open(approval_url)
    expect(page.text).toContain('Search the wiki')
    expect(page.text).toContain('0.00105')
    await browser.send(page, { decision: 'approve' })
    const call = { arguments: { ...args, q: 'page' }, quote_id }
    const bought = await buy(call)
    expect(bought.json).toMatchObject({ outcome: 'charged' })
    expect((await buy(call)).json).toMatchObject({ code: 'quote_used' })
    expect((await browser.open(approval_url)).text).toContain('it was made')
  })

  test('finds its approval without the quote, too, but for these arguments alone', async () => {
    const { approval_url } = await refusedFor('bare')
    await browser.send(await browser.open(approval_url), { decision: 'approve' })
    expect((await buy({ arguments: { ...args, q: 'other' } })).json.code).toBe('approval_required')
    expect((await buy({ arguments: { ...args, q: 'bare' } })).json.outcome).toBe('charged')
    expect((await buy({ arguments: { ...args, q: 'bare' } })).json.code).toBe('approval_required')
  })

  test('is refused for good when the owner declines', async () => {
    const { approval_url, quote_id } = await refusedFor('no')
    await browser.send(await browser.open(approval_url), { decision: 'decline' })
    const again = await buy({ arguments: { ...args, q: 'no' }, quote_id })
    expect(again.json).toMatchObject({ code: 'forbidden' })
    expect(world.upstream.requests).toHaveLength(0)
  })

  test('asks nobody twice for the same call', async () => {
    const first = await refusedFor('twice')
    expect((await refusedFor('twice')).approval_id).toBe(first.approval_id)
  })

  test('gains nothing by another account, its quote or its address', async () => {
    const { approval_url, quote_id } = await refusedFor('theirs')
    const stolen = await buy({ arguments: { ...args, q: 'theirs' }, quote_id }, stranger.key)
    expect(stolen.json.code).toBe('quote_not_found')
    const other = { email: 'eve@stranger.example', password: 'battery staple horse' }
    await world.rest('PUT', '/v1/me/sign-in', stranger.key, other)
    const theirs = aBrowser(world.url)
    await theirs.send(await theirs.open('/sign-in'), other)
    const page = await theirs.open(approval_url)
    expect(page.status).toBe(404)
    expect(page.text).not.toContain('theirs')
  })
})

describe('a limit of the buyer', () => {
  test('above which a person is asked holds for the key and all below it', async () => {
    const seller = await world.account('Plain seller')
    const plain = await world.listing(seller)
    const make = (key: string, limits: object) =>
      world.rest('POST', '/v1/keys', key, { name: 'k', scopes: ['call', 'manage'], limits })
    const careful = (await make(buyer.key, { approve_above: '0.001' })).json.api_key as string
    const below = (await make(careful, {})).json.api_key as string
    const body = { endpoint_id: plain.endpointId, arguments: args }
    for (const key of [careful, below]) {
      const refused = await world.rest('POST', '/v1/calls', key, body)
      expect(refused.json).toMatchObject({ code: 'approval_required' })
    }
    const free = (await make(buyer.key, { approve_above: '0.00105' })).json.api_key as string
    expect((await world.rest('POST', '/v1/calls', free, body)).json.outcome).toBe('charged')
  })
})

describe('state that travels through a client', () => {
  const ENVELOPE = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
  }
  const headers = {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'call_api',
  }
  const send = async (q: string, more: Json = {}, key = buyer.key) => {
    const params = { name: 'call_api', arguments: order({ arguments: { ...args, q } }) }
    const message = {
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { ...params, ...more, _meta: ENVELOPE },
    }
    const { json, text } = await world.rest('POST', '/mcp', key, message, headers)
    const result = (json.result ?? json) as Json
    expect(result, text).toBeDefined()
    return result
  }
  const yes = { approve: { action: 'accept', content: { approve: true } } }
  const structured = (result: Json) => result.structuredContent as Json

  test('goes through once, and is refused when replayed, forged, or of another call or key', async () => {
    const asked = await send('state')
    expect(asked).toMatchObject({ resultType: 'input_required' })
    const requestState = asked.requestState as string
    const forged = requestState.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    const refused = await send('state', { inputResponses: yes, requestState: forged })
    expect(structured(refused).code).toBe('invalid_request')
    const elsewhere = await send('other', { inputResponses: yes, requestState })
    expect(structured(elsewhere).code).toBe('invalid_request')
    const stolen = await send('state', { inputResponses: yes, requestState }, stranger.key)
    expect(structured(stolen).code).toBe('invalid_request')
    expect(world.upstream.requests).toHaveLength(0)

    const bought = await send('state', { inputResponses: yes, requestState })
    expect(structured(bought).outcome).toBe('charged')
    const replayed = await send('state', { inputResponses: yes, requestState })
    expect(structured(replayed).code).toBe('invalid_request')
    expect(world.upstream.requests).toHaveLength(1)
  })
})
