import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problems } from '#core/problem'
import {
  type Answered,
  answerJson,
  aShop,
  type Party,
  type Shop,
  type World,
} from '../../test/support/world.js'

let world: World
let shop: Shop
let buyer: Party
let seller: Party

beforeAll(async () => {
  shop = await aShop()
  ;({ world, buyer, seller } = shop)
})

afterAll(() => world.close())

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

test('a key of the operator looks and acts within its scopes', async () => {
  const keyWith = async (...scopes: string[]) => {
    const terms = { name: scopes.join(), scopes }
    const { json } = await world.rest('POST', '/v1/keys', world.operatorKey, terms)
    return json.api_key as string
  }
  const open = (key: string) => world.rest('POST', '/v1/accounts', key, { name: 'New' })
  const look = (key: string) => world.rest('GET', '/v1/operator/flags', key)
  const keys = await Promise.all([keyWith('call'), keyWith('read'), keyWith('manage')])
  const statuses = async (ask: typeof open) =>
    (await Promise.all(keys.map(ask))).map(({ status }) => status)
  expect(await statuses(open)).toEqual([403, 403, 201])
  expect(await statuses(look)).toEqual([403, 200, 200])
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

test.each(['h2c', 'h2c, HTTP/2.0', 'tea'])(
  'who would rather speak %s is answered',
  async (upgrade) => {
    const { host } = new URL(world.url)
    const body = JSON.stringify(shop.order())
    const head = [`POST /v1/calls HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${buyer.key}`]
    const asks = ['Connection: Upgrade, HTTP2-Settings, close', `Upgrade: ${upgrade}`]
    const type = ['Content-Type: application/json', `Content-Length: ${body.length}`]
    const answer = await raw([...head, ...asks, ...type, '', body].join('\r\n'))
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toContain('"outcome":"charged"')
  },
)

describe('a receipt', () => {
  let callId: string
  let receiptId: string
  let receipt: string

  beforeAll(async () => {
    const { json } = await world.rest('POST', '/v1/calls', buyer.key, shop.order())
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
    const { json } = await world.rest('POST', '/v1/calls', buyer.key, shop.order())
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
    const { status, json } = await world.rest(
      'POST',
      `/v1/listings/${shop.listing.id}/test`,
      seller.key,
    )
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
