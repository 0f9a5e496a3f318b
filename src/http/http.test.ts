import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problems } from '#core/problem'
import {
  type Answered,
  answerJson,
  aWorld,
  type Json,
  type Party,
  type World,
} from '../../test/support/world.js'
import { routes } from './routes/routes.js'

let world: World
let buyer: Party
let seller: Party
let wiki: { id: string; endpointId: string }

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Ada', '1')
  seller = await world.account('Acme')
  wiki = await world.listing(seller, { slug: 'wiki' })
})

afterAll(() => world.close())

const order = (more: Json = {}) => ({
  endpoint_id: wiki.endpointId,
  arguments: { space: 'main', q: 'tea' },
  ...more,
})

/** A request over a bare socket: what it answers until it closes. */
function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(world.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (part) => {
      answer += part
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.write(text)
  })
}

async function failures(): Promise<string | undefined> {
  const { text } = await world.rest('GET', '/metrics', undefined)
  return /^souk_failures_total (\d+)$/m.exec(text)?.[1]
}

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
    await visit('get', endpoint, buyer.key, `/v1/endpoints/${wiki.endpointId}`)
    await visit('get', endpoint, buyer.key, '/v1/endpoints/arxiv.search?version=1')
  })

  test('for buying', async () => {
    await visit('post', '/v1/quotes', buyer.key, '/v1/quotes', order())
    const bought = await visit('post', '/v1/calls', buyer.key, '/v1/calls', order())
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

  test('without a route left out', () => {
    const declared = routes.filter(({ result }) => result !== undefined)
    const missing = declared.filter(({ method, path }) => !visited.has(`${method} ${path}`))
    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  })
})

describe('a refusal', () => {
  test.each<[string, () => Promise<Answered>, keyof typeof problems]>([
    ['of a body', () => world.rest('POST', '/v1/calls', buyer.key, {}), 'invalid_request'],
    ['of a stranger', () => world.rest('GET', '/v1/me', undefined), 'unauthenticated'],
    ['of an address', () => world.rest('GET', '/v1/nothing', buyer.key), 'not_found'],
    ['of a method', () => world.rest('PUT', '/v1/me', buyer.key), 'method_not_allowed'],
    [
      'of a content type',
      () => world.rest('POST', '/v1/calls', buyer.key, 'a=1', { 'content-type': 'text/plain' }),
      'unsupported_media_type',
    ],
    [
      'of an origin',
      () => world.rest('GET', '/healthz', undefined, undefined, { origin: 'https://evil.example' }),
      'forbidden_origin',
    ],
    [
      'of an act of the operator',
      () => world.rest('GET', '/v1/operator/ledger', buyer.key),
      'forbidden',
    ],
  ])('%s is an RFC 9457 problem document with code, action and trace_id', async (_, ask, code) => {
    const { status, headers, json } = await ask()
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(json).toMatchObject({
      type: `${world.url}/docs#${code}`,
      title: problems[code].title,
      status,
      detail: expect.stringMatching(/\.$/),
      code,
      message: json.detail,
      action: expect.stringMatching(/\.$/),
      trace_id: expect.stringMatching(/^trc_[0-9a-z]{26}$/),
    })
    expect(status).toBe(problems[code].status)
  })

  test('of a stranger says how to authenticate', async () => {
    const { headers } = await world.rest('GET', '/v1/me', 'souk_test_wrong')
    expect(headers.get('www-authenticate')).toBe('Bearer realm="souk"')
  })
})

describe('methods', () => {
  test.each([
    ['DELETE', '/v1/me', 'GET, HEAD'],
    ['PUT', '/v1/calls', 'POST'],
    ['POST', '/v1/listings/lst_1', 'GET, HEAD, PATCH, DELETE'],
    ['OPTIONS', '/v1/keys', 'POST, GET, HEAD'],
    ['POST', '/v1/ME/', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
    ['PATCH', '/.well-known/jwks.json', 'GET, HEAD'],
  ])('%s %s is 405 with Allow: %s', async (method, path, allow) => {
    const { status, headers } = await world.rest(method, path, buyer.key)
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow })
  })

  test('an address that is none has no Allow', async () => {
    const { status, headers } = await world.rest('OPTIONS', '/v1/mee', buyer.key)
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 404, allow: null })
  })

  test.each(['/healthz', '/v1/me', '/docs', '/openapi.json'])(
    'HEAD %s answers as GET does, without its body',
    async (path) => {
      const [head, get] = [
        await world.rest('HEAD', path, buyer.key),
        await world.rest('GET', path, buyer.key),
      ]
      expect(head).toMatchObject({ status: 200, text: '' })
      for (const name of ['content-type', 'content-length']) {
        expect(head.headers.get(name)).toBe(get.headers.get(name))
      }
    },
  )
})

describe('a receipt', () => {
  let callId: string
  let receiptId: string
  let receipt: string

  beforeAll(async () => {
    const { json } = await world.rest('POST', '/v1/calls', buyer.key, order())
    callId = json.call_id as string
    receiptId = json.receipt_id as string
    receipt = json.receipt as string
  })

  test('comes as the bare JWS for Accept: application/jose, to buyer and seller alike', async () => {
    for (const { key } of [buyer, seller]) {
      const accept = { accept: 'application/jose' }
      const answer = await world.rest('GET', `/v1/receipts/${receiptId}`, key, undefined, accept)
      expect(answer).toMatchObject({ status: 200, text: receipt })
      expect(answer.headers.get('content-type')).toBe('application/jose')
      expect(answer.headers.get('cache-control')).toBe('private, no-store')
    }
  })

  test('comes with its claims otherwise', async () => {
    const { json } = await world.rest('GET', `/v1/receipts/${receiptId}`, buyer.key)
    expect(json).toMatchObject({ receipt, claims: { jti: receiptId, call_id: callId } })
  })

  test('is not there for anybody else', async () => {
    const other = await world.account('Bob')
    const answer = await world.rest('GET', `/v1/receipts/${receiptId}`, other.key)
    expect(answer).toMatchObject({ status: 404, json: { code: 'receipt_not_found' } })
  })
})

describe('the body of a call', () => {
  async function aBody(contentType: string, bytes: Buffer): Promise<{ path: string }> {
    world.upstream.answerWith(
      (_req, res) => void res.writeHead(200, { 'content-type': contentType }).end(bytes),
    )
    const { json } = await world.rest('POST', '/v1/calls', buyer.key, order())
    world.upstream.answerWith(answerJson(200, {}))
    return { path: `/v1/calls/${json.call_id}/body` }
  }

  test('comes as the exact bytes, with headers that keep it from running in a browser', async () => {
    const page = Buffer.from('<script>alert(1)</script>\u00fc')
    const { path } = await aBody('text/html; charset=utf-8', page)
    const { status, headers, text } = await world.rest('GET', path, buyer.key)
    expect({ status, text }).toEqual({ status: 200, text: page.toString() })
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': expect.stringMatching(/^text\/html/),
      'content-length': String(page.length),
      'content-security-policy': "sandbox; default-src 'none'",
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    })
  })

  test('is its buyer’s alone', async () => {
    const { path } = await aBody('text/plain', Buffer.from('tea'))
    for (const { key } of [seller, await world.account('Eve')]) {
      expect(await world.rest('GET', path, key)).toMatchObject({ status: 404 })
    }
  })
})

describe('a request body', () => {
  test('that is longer than 1 MiB is refused, whether it says so or is found out', async () => {
    const declared = await world.rest('POST', '/v1/calls', buyer.key, 'x'.repeat(1024 * 1024 + 1))
    expect(declared).toMatchObject({ status: 413, json: { code: 'too_large' } })
    const { hostname, port } = new URL(world.url)
    const headers = { authorization: `Bearer ${buyer.key}`, 'content-type': 'application/json' }
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest({ hostname, port, path: '/v1/calls', method: 'POST', headers })
      request.on('response', (response) => resolve(response.resume().statusCode))
      request.on('error', reject)
      request.write(Buffer.alloc(1024 * 1024, ' '))
      request.write('{')
    })
    expect(status).toBe(413)
  })

  test('whose client goes away in the middle is no failure of the gateway, on either face', async () => {
    const before = await failures()
    for (const path of ['/v1/calls', '/mcp']) {
      const { hostname, port, host } = new URL(world.url)
      const socket = connect(Number(port), hostname)
      const head = [`POST ${path} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${buyer.key}`]
      socket.write(
        [...head, 'Content-Type: application/json', 'Content-Length: 99', '', '{'].join('\r\n'),
      )
      await new Promise((resolve) => setTimeout(resolve, 50))
      socket.destroy()
    }
    await world.rest('GET', '/healthz', undefined)
    expect(await failures()).toBe(before)
  })

  test('without content counts as an empty object', async () => {
    const { status, json } = await world.rest('POST', `/v1/listings/${wiki.id}/test`, seller.key)
    expect({ status, ok: json.ok }).toEqual({ status: 200, ok: true })
  })
})

describe('what is not HTTP as it should be', () => {
  test('is refused by the process, which lives on', async () => {
    expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
    expect(await raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
    expect((await world.rest('GET', '/healthz', undefined)).status).toBe(200)
  })

  test('such as a path that does not decode is invalid_request', async () => {
    const answer = await world.rest('GET', '/v1/endpoints/%E0%A4%A', buyer.key)
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  })
})

test('/openapi.json and /docs are served to everybody, the page with a policy that runs nothing', async () => {
  const description = await world.rest('GET', '/openapi.json', undefined)
  expect(description.json).toMatchObject({ openapi: '3.1.0', servers: [{ url: world.url }] })
  const page = await world.rest('GET', '/docs', undefined)
  expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  expect(page.headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'unsafe-inline'",
  )
})
