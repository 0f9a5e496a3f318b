import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { type Answer, type Credential, createUpstreams, type UpstreamRequest } from './upstreams.js'

const secret = 'sk_live_0123456789'
const bearer: Credential = { type: 'bearer', token: secret }
const none: Credential = { type: 'none' }
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A seller on a loopback port, and what it was asked. */
async function aSeller(answer: RequestListener = (_, response) => response.end()) {
  const seen: IncomingMessage[] = []
  const bodies: Promise<string>[] = []
  const server: Server = createServer((request, response) => {
    seen.push(request)
    bodies.push(request.toArray().then((chunks) => Buffer.concat(chunks).toString()))
    answer(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cleanups.push(() => new Promise((done) => server.close(done)))
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { hostPort, origin: `http://${hostPort}`, seen, bodies }
}

type Options = Partial<Parameters<typeof createUpstreams>[0]>

function upstreamsFor(sellers: { hostPort: string }[], options: Options = {}) {
  const upstreams = createUpstreams({
    allow: sellers.map(({ hostPort }) => hostPort),
    timeoutMs: 5_000,
    maxBodyBytes: 1024 * 1024,
    userAgent: 'Souk/1 (test)',
    clock: handClock(),
    ...options,
  })
  cleanups.push(() => upstreams.close())
  return upstreams
}

const get = (url: string, headers: Record<string, string> = {}): UpstreamRequest => ({
  method: 'GET',
  url,
  headers,
})

function answered(answer: Answer) {
  if (answer.kind !== 'answered') throw new Error(`${answer.reason}: ${answer.detail}`)
  return answer
}

test.each<[Credential, string, string | undefined, string]>([
  [none, 'authorization', undefined, '/a?q=1'],
  [bearer, 'authorization', `Bearer ${secret}`, '/a?q=1'],
  [{ type: 'header', name: 'X-Api-Key', value: secret }, 'x-api-key', secret, '/a?q=1'],
  [
    { type: 'query', name: 'k', value: 'a b&c=d e' },
    'authorization',
    undefined,
    '/a?q=1&k=a%20b%26c%3Dd%20e',
  ],
  [
    { type: 'basic', username: 'me', password: 'päßword!' },
    'authorization',
    `Basic ${Buffer.from('me:päßword!').toString('base64')}`,
    '/a?q=1',
  ],
])(
  'a credential $type reaches the seller in its place only',
  async (credential, name, value, url) => {
    const seller = await aSeller()
    await upstreamsFor([seller]).send(get(`${seller.origin}/a?q=1`), credential, {})
    expect(seller.seen[0]!.headers[name]).toBe(value)
    expect(seller.seen[0]!.url).toBe(url)
  },
)

test('a request arrives exactly as it was shaped, under the name of Souk', async () => {
  const seller = await aSeller()
  const upstreams = upstreamsFor([seller])
  const body = Buffer.from('{"a":"é"}')
  const headers = { 'content-type': 'application/json', 'x-arg': 'v', accept: 'text/csv' }
  await upstreams.send({ method: 'POST', url: `${seller.origin}/x%2Fy`, headers, body }, none, {
    callId: 'call_1',
  })
  const request = seller.seen[0]!
  expect([request.method, request.url, await seller.bodies[0]]).toEqual([
    'POST',
    '/x%2Fy',
    '{"a":"é"}',
  ])
  expect(request.headers).toEqual({
    host: seller.hostPort,
    connection: 'keep-alive',
    'content-length': '10',
    'content-type': 'application/json',
    'x-arg': 'v',
    accept: 'text/csv',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'Souk/1 (test)',
    'x-souk-call': 'call_1',
  })
})

test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const)(
  '%s is sent as such',
  async (method) => {
    const seller = await aSeller((_, response) => response.writeHead(201).end('made'))
    const request = { method, url: `${seller.origin}/`, headers: {} }
    const answer = answered(await upstreamsFor([seller]).send(request, none, {}))
    expect(seller.seen[0]!.method).toBe(method)
    expect([answer.status, answer.body.toString()]).toEqual([201, method === 'HEAD' ? '' : 'made'])
  },
)

test('calls to one seller reuse its connections', async () => {
  const seller = await aSeller()
  const upstreams = upstreamsFor([seller])
  for (let i = 0; i < 10; i++) await upstreams.send(get(seller.origin), none, {})
  expect(new Set(seller.seen.map((request) => request.socket)).size).toBeLessThan(3)
})

test('connections are kept to a bounded number of sellers, the longest unused go first', async () => {
  const sellers = await Promise.all(Array.from({ length: 258 }, () => aSeller()))
  const upstreams = upstreamsFor(sellers)
  for (const { origin } of sellers) answered(await upstreams.send(get(origin), none, {}))
  const sockets = sellers.map(({ seen }) => seen[0]!.socket)
  await expect.poll(() => sockets.filter((socket) => !socket.destroyed).length).toBe(256)
  expect([sockets[0]!.destroyed, sockets[1]!.destroyed]).toEqual([true, true])
  expect(answered(await upstreams.send(get(sellers[0]!.origin), none, {})).status).toBe(200)
})

test('only headers of the allow-list come back', async () => {
  const seller = await aSeller((_, response) => {
    response.setHeader('content-type', 'Application/JSON; charset=utf-8')
    response.setHeader('x-ratelimit-remaining', '9')
    response.setHeader('link', ['<a>; rel=next', `<b?k=${secret}>; rel=last`])
    response.setHeader('set-cookie', 'session=1')
    response.setHeader('server', 'secret-inside/1.0')
    response.setHeader('x-echo', secret)
    response.setHeader('etag', '"1"')
    response.sendDate = false
    response.end('{}')
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), bearer, {}))
  expect(answer.headers).toEqual({
    'content-type': 'Application/JSON; charset=utf-8',
    'x-ratelimit-remaining': '9',
    link: '<a>; rel=next, <b?k=[redacted]>; rel=last',
    etag: '"1"',
  })
  expect(answer.mediaType).toBe('application/json')
})

test.each([
  ['7', 7_000],
  [new Date(Date.UTC(2026, 0, 15, 12, 1)).toUTCString(), 60_000],
  [new Date(0).toUTCString(), 0],
  ['soon', undefined],
])('Retry-After %j asks for %j ms', async (value, waitMs) => {
  const seller = await aSeller((_, response) => {
    response.writeHead(429, { 'retry-after': value }).end()
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), none, {}))
  expect([answer.status, answer.retryAfterMs]).toEqual([429, waitMs])
})

const large = Buffer.from(JSON.stringify(Array.from({ length: 60_000 }, (_, i) => i)))

test.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['identity', (bytes: Buffer) => bytes],
])('a body in %s is decoded, small or large', async (encoding, pack) => {
  for (const body of [Buffer.from('{"ok":true}'), large]) {
    const seller = await aSeller((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(pack(body))
    })
    const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), none, {}))
    expect(answer.body.equals(body)).toBe(true)
    expect(answer.truncated).toBe(false)
  }
})

test('a redirect within the origin keeps credential and headers', async () => {
  const seller = await aSeller((request, response) => {
    if (request.url!.startsWith('/old')) response.writeHead(302, { location: '/new?page=2' }).end()
    else response.end('here')
  })
  const upstreams = upstreamsFor([seller])
  const answer = answered(
    await upstreams.send(get(`${seller.origin}/old`, { 'x-arg': 'v' }), bearer, {}),
  )
  expect(answer.body.toString()).toBe('here')
  expect(seller.seen[1]!.url).toBe('/new?page=2')
  expect(seller.seen[1]!.headers).toMatchObject({ 'x-arg': 'v', authorization: `Bearer ${secret}` })
  await upstreams.send(
    get(`${seller.origin}/old`),
    { type: 'query', name: 'page', value: secret },
    {},
  )
  expect(seller.seen[3]!.url).toBe(`/new?page=${secret}`)
})

test.each<Credential>([
  bearer,
  { type: 'header', name: 'x-api-key', value: secret },
  { type: 'query', name: 'k', value: secret },
  { type: 'basic', username: 'me', password: secret },
])(
  'a redirect to another origin carries neither credential $type nor arguments',
  async (credential) => {
    const other = await aSeller((request, response) => {
      if (request.url === '/landed')
        response.writeHead(302, { location: `${home.origin}/back` }).end()
    })
    const home = await aSeller((request, response) => {
      if (request.url === '/back') response.end('home')
      else response.writeHead(307, { location: `${other.origin}/landed` }).end()
    })
    const request = get(`${home.origin}/start`, { 'x-arg': 'v', accept: 'text/x-arg' })
    const answer = answered(await upstreamsFor([home, other]).send(request, credential, {}))
    expect(answer.body.toString()).toBe('home')
    for (const hop of [other.seen[0]!, home.seen[1]!]) {
      expect(JSON.stringify([hop.url, hop.rawHeaders])).not.toMatch(/sk_live|x-arg|authorization/i)
      expect(hop.headers['user-agent']).toBe('Souk/1 (test)')
    }
  },
)

test('a redirect of another method is an answer', async () => {
  const seller = await aSeller((_, response) => response.writeHead(307, { location: '/new' }).end())
  const request = { method: 'POST' as const, url: `${seller.origin}/`, headers: {} }
  expect(answered(await upstreamsFor([seller]).send(request, none, {})).status).toBe(307)
  expect(seller.seen).toHaveLength(1)
})

test('a redirect without a place to go is an answer', async () => {
  const seller = await aSeller((_, response) => response.writeHead(302).end())
  expect(answered(await upstreamsFor([seller]).send(get(seller.origin), none, {})).status).toBe(302)
})

test('a document is fetched through redirects, whole or not at all', async () => {
  const seller = await aSeller((request, response) => {
    if (request.url === '/moved') response.writeHead(301, { location: '/api.json' }).end()
    else if (request.url === '/api.json') response.end('{"openapi":"3.1.0"}')
    else response.writeHead(404).end()
  })
  const upstreams = upstreamsFor([seller])
  const limits = { maxBytes: 100, timeoutMs: 1_000 }
  const document = await upstreams.fetchDocument(`${seller.origin}/moved`, limits)
  expect(document.toString()).toBe('{"openapi":"3.1.0"}')
  const here = upstreams.fetchDocument(`${seller.origin}/moved`, { ...limits, staysHere: true })
  await expect(here).rejects.toMatchObject({ message: expect.stringContaining('status 301') })
  for (const [url, maxBytes] of [
    [`${seller.origin}/api.json`, 10],
    [`${seller.origin}/none`, 100],
    ['https://127.0.0.1/', 100],
    ['no url', 100],
  ] as const) {
    await expect(upstreams.fetchDocument(url, { ...limits, maxBytes })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  }
})

test('a host that is allowed later is reachable from then on', async () => {
  const seller = await aSeller((_, response) => response.end('open'))
  const upstreams = upstreamsFor([])
  expect(() => upstreams.checkReachable(seller.origin)).toThrow('SOUK_EGRESS_ALLOW')
  expect(await upstreams.send(get(seller.origin), none, {})).toMatchObject({ reason: 'blocked' })
  upstreams.allowHost(seller.hostPort)
  expect(() => upstreams.checkReachable(seller.origin)).not.toThrow()
  expect(answered(await upstreams.send(get(seller.origin), none, {})).body.toString()).toBe('open')
  expect(() => upstreams.allowHost('127.0.0.1')).toThrow('not host:port')
})

test('closing waits for running calls and refuses new ones', async () => {
  const seller = await aSeller((_, response) => setTimeout(() => response.end('done'), 50))
  const upstreams = upstreamsFor([seller])
  const running = upstreams.send(get(seller.origin), none, {})
  await expect.poll(() => seller.seen.length).toBe(1)
  const closing = upstreams.close()
  expect(await upstreams.send(get(seller.origin), none, {})).toMatchObject({
    reason: 'cancelled',
    dispatched: false,
  })
  expect(answered(await running).body.toString()).toBe('done')
  await closing
})
