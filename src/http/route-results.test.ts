import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aMcpServer, echoTool } from '../../test/support/an-mcp-server.js'
import { aShop, OPERATOR_KEY, type Party, type Shop, type World } from '../../test/support/world.js'
import { routes } from './routes/routes.js'

let world: World
let shop: Shop
let buyer: Party
let seller: Party

beforeAll(async () => {
  shop = await aShop({ SOUK_SIGNUP: 'open' })
  ;({ world, buyer, seller } = shop)
})

afterAll(() => world.close())

describe('the result that a route declares is what it answers', () => {
  const visited = new Set<string>()

  /** Asks, and fails where the answer lacks a declared field or has one that is not declared. */
  async function visit(
    method: string,
    path: string,
    key: string | undefined,
    at: string,
    body?: unknown,
  ) {
    const route = routes.find((one) => one.method === method && one.path === path)!
    visited.add(`${method} ${path}`)
    const answer = await world.rest(method.toUpperCase(), at, key, body)
    expect(answer.status, answer.text).toBe(route.status ?? 200)
    const parsed = route.result!.safeParse(answer.json)
    expect(parsed.error?.issues, `${method} ${path}`).toBeUndefined()
    expect(parsed.data).toEqual(answer.json)
    return answer.json
  }

  test('for looking', async () => {
    const endpoint = '/v1/endpoints/{endpoint_id}'
    await visit('get', '/v1/endpoints', buyer.key, '/v1/endpoints')
    await visit('get', '/v1/endpoints', buyer.key, '/v1/endpoints?query=wiki&limit=20')
    await visit('get', endpoint, buyer.key, `/v1/endpoints/${shop.endpointId}`)
    await visit('get', endpoint, buyer.key, '/v1/endpoints/arxiv.search?version=1')
  })

  test('for buying', async () => {
    await visit('post', '/v1/quotes', buyer.key, '/v1/quotes', shop.order())
    const bought = await visit('post', '/v1/calls', buyer.key, '/v1/calls', shop.order())
    await visit('get', '/v1/calls/{id}', buyer.key, `/v1/calls/${bought.call_id}`)
    await visit('get', '/v1/receipts/{id}', buyer.key, `/v1/receipts/${bought.receipt_id}`)
    await visit('get', '/v1/usage', buyer.key, '/v1/usage?limit=1')
    await visit('get', '/v1/statement', buyer.key, '/v1/statement?limit=2')
    const mark = { call_id: bought.call_id, score: 5 }
    await visit('post', '/v1/ratings', buyer.key, '/v1/ratings', mark)
  })

  test('for selling', async () => {
    const listing = {
      slug: 'notes',
      title: 'Notes',
      description: 'Notes.',
      category: 'search',
      backend: { type: 'http', base_url: world.upstream.baseUrl },
      endpoints: [
        {
          slug: 'all',
          title: 'All notes',
          description: 'All notes.',
          method: 'GET',
          path: '/notes',
          input_schema: { type: 'object' },
          price: {
            model: 'per_unit',
            unit: 'note',
            amount: '0.001',
            quantity: '/count',
            max_quantity: 10,
          },
        },
      ],
    }
    const one = '/v1/listings/{id}'
    const { id } = await visit('post', '/v1/listings', seller.key, '/v1/listings', listing)
    const at = `/v1/listings/${id}`
    const credential = { type: 'bearer', token: 'a-token-of-the-seller' }
    await visit('put', `${one}/credential`, seller.key, `${at}/credential`, credential)
    await visit('get', '/v1/listings', seller.key, '/v1/listings')
    await visit('get', one, seller.key, at)
    await visit('patch', one, seller.key, at, { title: 'My notes' })
    await visit('post', `${one}/test`, seller.key, `${at}/test`, {})
    await visit('post', `${one}/publish`, seller.key, `${at}/publish`)
    await visit('post', `${one}/pause`, seller.key, `${at}/pause`)
    await visit('get', '/v1/earnings', seller.key, '/v1/earnings')
    const document = {
      openapi: '3.0.3',
      info: { title: 'Tides', version: '1' },
      servers: [{ url: world.upstream.baseUrl }],
      paths: { '/tides': { get: { summary: 'Tides', responses: { 200: { description: 'ok' } } } } },
    }
    const input = { document, price: { model: 'free' } }
    await visit('post', '/v1/listings/import', seller.key, '/v1/listings/import', input)
  })

  test('for tools', async () => {
    const tool = {
      name: 'find',
      description: 'Finds notes.',
      input_schema: { type: 'object', properties: { q: { type: 'string' } } },
      output_schema: { type: 'object' },
      handler_url: `${world.upstream.baseUrl}/find`,
      handler_auth: { type: 'header', name: 'x-key', value: 'secret-of-the-handler' },
      price: { model: 'per_call', amount: '0.001' },
      annotations: { readOnlyHint: true },
      tags: ['notes'],
    }
    const one = '/v1/mcp/tools/{id}'
    const { id } = await visit('post', '/v1/mcp/tools', buyer.key, '/v1/mcp/tools', tool)
    const at = `/v1/mcp/tools/${id}`
    await visit('get', '/v1/mcp/tools', buyer.key, '/v1/mcp/tools')
    await visit('get', one, buyer.key, at)
    const order = { arguments: { q: 'tea' } }
    await visit('post', `${one}/invoke`, buyer.key, `${at}/invoke`, order)
    await visit('get', '/v1/mcp/signing-secret', buyer.key, '/v1/mcp/signing-secret')
    const rotate = '/v1/mcp/signing-secret/rotate'
    await visit('post', rotate, buyer.key, rotate)
  })

  test('for accounts, keys and the gateway itself', async () => {
    const { operatorKey } = world
    const limits = { day: '5' }
    const opening = { name: 'New', limits }
    const { id } = await visit('post', '/v1/accounts', operatorKey, '/v1/accounts', opening)
    await visit('patch', '/v1/accounts/{id}', operatorKey, `/v1/accounts/${id}`, { limits })
    const credit = { amount: '1', reason: 'test' }
    const grants = '/v1/accounts/{id}/grants'
    await visit('post', grants, operatorKey, `/v1/accounts/${id}/grants`, credit)
    await visit('get', '/v1/operator/ledger', operatorKey, '/v1/operator/ledger')
    await visit('get', '/v1/operator/flags', operatorKey, '/v1/operator/flags')
    await visit('get', '/v1/me', buyer.key, '/v1/me')
    const signIn = { email: 'buyer@example.com', password: 'correct horse battery' }
    await visit('put', '/v1/me/sign-in', buyer.key, '/v1/me/sign-in', signIn)
    const key = await visit('post', '/v1/keys', buyer.key, '/v1/keys', {
      name: 'limited',
      scopes: ['call', 'read'],
      limits: { call: '0.5', day: '1' },
      expires_at: '2999-01-01T00:00:00Z',
    })
    await visit('get', '/v1/balance', key.api_key as string, '/v1/balance')
    await visit('get', '/v1/keys', buyer.key, '/v1/keys')
    await visit('post', '/v1/keys/{id}/rotate', buyer.key, `/v1/keys/${key.id}/rotate`)
    await visit('get', '/.well-known/jwks.json', undefined, '/.well-known/jwks.json')
    await visit('get', '/healthz', undefined, '/healthz')
    await visit('get', '/readyz', undefined, '/readyz')
  })

  test('for accounts below an account', async () => {
    const [all, one] = ['/v1/sub-accounts', '/v1/sub-accounts/{id}']
    const { key } = buyer
    const team = {
      name: 'Team',
      balance: 'own',
      limits: { day: '1' },
      allow: { listings: [shop.listing.slug] },
    }
    const { id } = await visit('post', all, key, all, team)
    const paidFor = await visit('post', all, key, all, { name: 'Second team' })
    const at = `${all}/${id}`
    await visit('get', all, key, all)
    await visit('get', one, key, at)
    await visit('get', one, key, `${all}/${paidFor.id}`)
    await visit('patch', one, key, at, { name: 'Best team' })
    await visit('post', `${one}/keys`, key, `${at}/keys`, { name: 'k', scopes: ['call'] })
    await visit('get', `${one}/keys`, key, `${at}/keys`)
    await visit('post', `${one}/transfers`, key, `${at}/transfers`, { amount: '0.1' })
    await visit('get', '/v1/usage', key, `/v1/usage?sub_account=${id}`)
    await visit('post', '/v1/earnings/transfer', seller.key, '/v1/earnings/transfer', {
      amount: '0.001',
    })
  })

  test('for the operator of a market', async () => {
    const { operatorKey: key } = world
    const { id } = await visit('post', '/v1/sign-ups', undefined, '/v1/sign-ups', { name: 'Guest' })
    await visit('post', '/v1/invites', key, '/v1/invites', { email: 'a@example.com', credit: '1' })
    const [account, listing] = ['/v1/accounts/{id}', '/v1/operator/listings/{id}']
    const why = { reason: 'a test', category: 'abuse' }
    await visit('post', `${account}/suspend`, key, `/v1/accounts/${id}/suspend`, why)
    await visit('get', '/v1/accounts', key, '/v1/accounts?limit=2&status=suspended')
    await visit('post', `${account}/resume`, key, `/v1/accounts/${id}/resume`, {})
    const at = `/v1/operator/listings/${shop.listing.id}`
    await visit('post', `${listing}/suspend`, key, `${at}/suspend`, why)
    await visit('get', '/v1/operator/listings', key, '/v1/operator/listings?limit=200')
    const endpoint = '/v1/endpoints/{endpoint_id}'
    await visit('get', endpoint, buyer.key, `/v1/endpoints/${shop.endpointId}`)
    await visit('post', `${listing}/resume`, key, `${at}/resume`, {})
    await visit('get', '/v1/operator/audit', key, '/v1/operator/audit?limit=200')
  })

  test('for gateways, and calls that wait for a person', async () => {
    const { key } = buyer
    const [all, one] = ['/v1/gateways', '/v1/gateways/{id}']
    const configuration = { tools: [shop.endpointId] }
    const composed = { name: 'Mine', type: 'mcp', endpoint: '/mine', configuration }
    const { id } = await visit('post', all, key, all, composed)
    await visit('get', all, key, all)
    await visit('get', one, key, `${all}/${id}`)
    await visit('patch', one, key, `${all}/${id}`, { name: 'Ours' })
    const limits = { approve_above: '0' }
    const careful = await world.rest('POST', '/v1/keys', key, {
      name: 'k',
      scopes: ['call'],
      limits,
    })
    const order = { endpoint_id: shop.endpointId, arguments: { space: 'main', q: 'tea' } }
    const refused = await world.rest('POST', '/v1/calls', careful.json.api_key as string, order)
    await visit('get', '/v1/approvals', key, '/v1/approvals')
    const at = `/v1/approvals/${refused.json.approval_id}`
    await visit('get', '/v1/approvals/{id}', key, at)
  })

  test('for MCP servers', async () => {
    const server = await aMcpServer({
      tools: [{ ...echoTool, annotations: { readOnlyHint: true } }],
    })
    world.started.gateway.deps.upstreams.allowHost(server.hostPort)
    const path = '/v1/admin/mcp-servers'
    const body = { name: 'shown', transport: 'streamable_http', url: server.url, prefix: 'seen' }
    const { id } = await visit('post', path, OPERATOR_KEY, path, body)
    await visit('get', path, OPERATOR_KEY, path)
    await visit('get', `${path}/{id}`, OPERATOR_KEY, `${path}/${id}`)
    const tools = { include: ['echo'] }
    await visit('put', `${path}/{id}`, OPERATOR_KEY, `${path}/${id}`, { tools })
    await visit('post', `${path}/{id}/test`, OPERATOR_KEY, `${path}/${id}/test`)
    await visit('post', `${path}/{id}/refresh`, OPERATOR_KEY, `${path}/${id}/refresh`)
    await visit('get', `${path}/{id}/tools`, OPERATOR_KEY, `${path}/${id}/tools`)
    await server.close()
  })

  test('without a route left out', () => {
    const declared = routes.filter(({ result }) => result !== undefined)
    const missing = declared.filter(({ method, path }) => !visited.has(`${method} ${path}`))
    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  })
})
