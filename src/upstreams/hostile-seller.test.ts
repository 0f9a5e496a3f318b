import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '#core/clock'
import { type Answer, type Credential, createUpstreams, type UpstreamRequest } from './upstreams.js'

const MIB = 1024 * 1024
const secret = 'sk/live+"0123456789&='
const bearer: Credential = { type: 'bearer', token: secret }
const none: Credential = { type: 'none' }
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function listening(server: Server, onConnection: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { hostPort, origin: `http://${hostPort}`, sockets }
}

/** A seller that speaks HTTP. */
const aSeller = (answer: RequestListener) => listening(createHttpServer(answer))

/** A seller that writes what it likes once it was asked something. */
const aRawSeller = (answer: (socket: Socket) => void) =>
  listening(createServer(), (socket) => socket.once('data', () => answer(socket)))

type Options = Partial<Parameters<typeof createUpstreams>[0]>

function upstreamsFor(sellers: { hostPort: string }[], options: Options = {}) {
  const upstreams = createUpstreams({
    allow: sellers.map(({ hostPort }) => hostPort),
    timeoutMs: 5_000,
    maxBodyBytes: 10 * MIB,
    userAgent: 'Souk/1 (test)',
    clock: systemClock,
    ...options,
  })
  cleanups.push(() => upstreams.close())
  return upstreams
}

const get = (url: string): UpstreamRequest => ({ method: 'GET', url, headers: {} })

function answered(answer: Answer) {
  if (answer.kind !== 'answered') throw new Error(`${answer.reason}: ${answer.detail}`)
  return answer
}

test('the secret comes back in no form, neither in the body nor in headers', async () => {
  const credential: Credential = { type: 'basic', username: 'me', password: secret }
  const seller = await aSeller((request, response) => {
    const bytes = Buffer.from(secret)
    response.setHeader('x-request-id', secret)
    response.setHeader('link', `<https://x.example/?k=${encodeURIComponent(secret)}>`)
    response.end(
      [
        secret,
        JSON.stringify({ secret, headers: request.headers }),
        encodeURIComponent(secret),
        bytes.toString('base64'),
        bytes.toString('base64url'),
        request.headers.authorization,
        Buffer.from(JSON.stringify(request.headers)).toString('base64'),
      ].join('\n'),
    )
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), credential, {}))
  const shown = JSON.stringify(answer.headers) + answer.body.toString()
  expect(shown.match(/\[redacted\]/g)!.length).toBeGreaterThanOrEqual(9)
  for (const form of [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replaceAll('=', ''),
    Buffer.from(`me:${secret}`).toString('base64').replaceAll('=', ''),
    '0123456789',
  ]) {
    expect(shown).not.toContain(form)
  }
  const lastLine = answer.body.toString().split('\n').at(-1)!
  expect(Buffer.from(lastLine, 'base64').toString('latin1')).not.toContain('0123456')
})

test('a secret in a packed body does not come back', async () => {
  const seller = await aSeller((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(`key=${secret}.`))
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), bearer, {}))
  expect(answer.body.toString()).toBe('key=[redacted].')
})

test('a redirect that would carry the secret to another host is not followed', async () => {
  const other = await aSeller((_, response) => response.end())
  const seller = await aSeller((_, response) => {
    response.writeHead(302, { location: `${other.origin}/?k=${encodeURIComponent(secret)}` }).end()
  })
  const answer = await upstreamsFor([seller, other]).send(get(seller.origin), bearer, {})
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'blocked', dispatched: true })
  expect(other.sockets.size).toBe(0)
})

test('a redirect inward is blocked without a connection', async () => {
  const canary = await aSeller((_, response) => response.end())
  const port = canary.hostPort.split(':')[1]
  for (const location of [
    canary.origin,
    `https://127.0.0.1:${port}/`,
    `https://[::ffff:127.0.0.1]:${port}/`,
    'http://169.254.169.254/latest/meta-data',
    'https://169.254.169.254/',
    `//127.0.0.1:${port}/`,
    'file:///etc/passwd',
    'https://user:password@api.example/',
  ]) {
    const seller = await aSeller((_, response) => response.writeHead(302, { location }).end())
    const answer = await upstreamsFor([seller]).send(get(seller.origin), none, {})
    expect(answer, location).toMatchObject({ reason: 'blocked', dispatched: true })
  }
  expect(canary.sockets.size).toBe(0)
})

test('a loop of redirects ends after three', async () => {
  let hits = 0
  const seller = await aSeller((_, response) => {
    hits++
    response.writeHead(302, { location: '/again' }).end()
  })
  const answer = await upstreamsFor([seller]).send(get(seller.origin), none, {})
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'broken', dispatched: true })
  expect(hits).toBe(4)
})

const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['gzip', (bytes) => gzipSync(bytes, { level: 1 })],
  ['br', (bytes) => brotliCompressSync(bytes, quickly)],
])('a bomb in %s is unpacked to the limit and no further', async (encoding, pack) => {
  const bomb = pack(Buffer.alloc(100 * MIB))
  const seller = await aSeller((_, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(bomb)
  })
  const upstreams = upstreamsFor([seller])
  const before = process.memoryUsage().arrayBuffers
  let peak = before
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers)
  }, 1)
  const answer = answered(await upstreams.send(get(seller.origin), bearer, {}))
  clearInterval(sampling)
  expect(answer.truncated).toBe(true)
  expect(answer.body.length).toBe(10 * MIB)
  expect(peak - before).toBeLessThan(64 * MIB)
})

test('an endless body is cut at the limit and its connection closed', async () => {
  const seller = await aSeller((_, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const pump = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', pump)
    pump()
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), bearer, {}))
  expect([answer.truncated, answer.body.length]).toEqual([true, 10 * MIB])
  const [socket] = seller.sockets
  await expect.poll(() => socket!.destroyed).toBe(true)
})

test('a body of exactly the limit is whole, one byte more is cut', async () => {
  const seller = await aSeller((request, response) => {
    response.end(Buffer.alloc(Number(request.url!.slice(1)), 'x'))
  })
  const upstreams = upstreamsFor([seller], { maxBodyBytes: 1000 })
  for (const [size, truncated] of [
    [1000, false],
    [1001, true],
    [5000, true],
  ] as const) {
    const answer = answered(await upstreams.send(get(`${seller.origin}/${size}`), bearer, {}))
    expect([answer.body.length, answer.truncated]).toEqual([Math.min(size, 1000), truncated])
  }
})

test('half a secret never survives at the cut', async () => {
  const token = 'abcdefghijklmnop'
  const seller = await aSeller((_, response) => {
    response.end(`${'.'.repeat(90)}${token}${token}${token}${'.'.repeat(500)}`)
  })
  for (let maxBodyBytes = 88; maxBodyBytes < 130; maxBodyBytes++) {
    const upstreams = upstreamsFor([seller], { maxBodyBytes })
    const answer = answered(await upstreams.send(get(seller.origin), { type: 'bearer', token }, {}))
    expect(answer.body.toString()).not.toMatch(/abc|nop/)
    expect(answer.truncated).toBe(true)
  }
})

test('a slow drip ends at the deadline', async () => {
  const seller = await aSeller((_, response) => {
    response.writeHead(200)
    const drip = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(drip))
  })
  const answer = await upstreamsFor([seller]).send(get(seller.origin), none, { timeoutMs: 150 })
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'timeout', dispatched: true })
  const [socket] = seller.sockets
  await expect.poll(() => socket!.destroyed).toBe(true)
})

test('a seller that never answers ends at the deadline, whatever it redirected before', async () => {
  const seller = await aSeller((request, response) => {
    if (request.url === '/') response.writeHead(302, { location: '/silence' }).end()
  })
  const answer = await upstreamsFor([seller]).send(get(seller.origin), none, { timeoutMs: 100 })
  expect(answer).toMatchObject({ reason: 'timeout', dispatched: true })
})

test('a call that is given up says whether it was sent', async () => {
  const seller = await aSeller(() => {})
  const upstreams = upstreamsFor([seller])
  const early = await upstreams.send(get(seller.origin), none, { signal: AbortSignal.abort() })
  expect(early).toMatchObject({ reason: 'cancelled', dispatched: false })
  expect(seller.sockets.size).toBe(0)
  const controller = new AbortController()
  const running = upstreams.send(get(seller.origin), none, { signal: controller.signal })
  await expect.poll(() => seller.sockets.size).toBe(1)
  setTimeout(() => controller.abort(), 50)
  expect(await running).toMatchObject({ reason: 'cancelled', dispatched: true })
})

test('a call that waited too long for a connection is never sent', async () => {
  let requests = 0
  const seller = await aSeller((_, response) => {
    requests++
    setTimeout(() => response.end(), 300)
  })
  const upstreams = upstreamsFor([seller])
  const first = Array.from({ length: 128 }, () => upstreams.send(get(seller.origin), none, {}))
  const late = await upstreams.send(get(seller.origin), none, { timeoutMs: 50 })
  expect(late).toMatchObject({ reason: 'timeout', dispatched: false })
  await Promise.all(first)
  expect(answered(await upstreams.send(get(seller.origin), none, {})).status).toBe(200)
  expect(requests).toBe(129)
})

test('a refused connection is unreachable and nothing was sent', async () => {
  const server = createServer()
  const seller = await listening(server)
  server.close()
  await once(server, 'close')
  const answer = await upstreamsFor([seller]).send(get(seller.origin), bearer, {})
  expect(answer).toMatchObject({ reason: 'unreachable', dispatched: false })
  expect(answer).toHaveProperty('detail', expect.not.stringContaining('127.0.0.1'))
})

test('a host that does not speak TLS is unreachable and nothing was sent', async () => {
  const seller = await aSeller((_, response) => response.end())
  const url = seller.origin.replace('http:', 'https:')
  const answer = await upstreamsFor([seller]).send(get(url), bearer, {})
  expect(answer).toMatchObject({ reason: 'unreachable', dispatched: false })
})

const head = 'HTTP/1.1 200 OK\r\n'

test.each<[string, (socket: Socket) => void]>([
  ['a reset', (socket) => socket.resetAndDestroy()],
  ['an end before the headers', (socket) => socket.end()],
  [
    'a reset inside the body',
    (socket) => {
      socket.write(`${head}content-length: 10\r\n\r\nabc`, () => socket.resetAndDestroy())
    },
  ],
  ['fewer bytes than declared', (socket) => socket.end(`${head}content-length: 10\r\n\r\nabc`)],
  [
    'an unfinished chunk',
    (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n5\r\nab`),
  ],
  [
    'two lengths',
    (socket) => socket.end(`${head}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`),
  ],
  [
    'a length and chunks',
    (socket) => {
      socket.end(
        `${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      )
    },
  ],
  ['no HTTP', (socket) => socket.end('220 smtp.example ESMTP\r\n')],
  [
    'an upgrade',
    (socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
    },
  ],
  ['too many headers', (socket) => socket.end(`${head}x-a: ${'a'.repeat(70_000)}\r\n\r\n`)],
  [
    'an unknown encoding',
    (socket) => {
      socket.end(`${head}content-encoding: zstd\r\ncontent-length: 3\r\n\r\nabc`)
    },
  ],
  [
    'stacked encodings',
    (socket) => {
      socket.end(`${head}content-encoding: gzip, gzip\r\ncontent-length: 3\r\n\r\nabc`)
    },
  ],
  [
    'bytes that are not in the declared encoding',
    (socket) => {
      socket.end(`${head}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc`)
    },
  ],
  [
    'half a packed body',
    (socket) => {
      socket.write(`${head}content-encoding: gzip\r\nconnection: close\r\n\r\n`)
      socket.end(gzipSync('x'.repeat(1000)).subarray(0, 20))
    },
  ],
])('%s is a broken answer, sent once', async (_, answer) => {
  const seller = await aRawSeller(answer)
  const result = await upstreamsFor([seller]).send(get(seller.origin), bearer, {})
  expect(result).toMatchObject({ kind: 'unanswered', reason: 'broken', dispatched: true })
  expect(seller.sockets.size).toBe(1)
})

test('bytes past the declared length belong to no answer, not even to the next one', async () => {
  const smuggled = `${head}content-length: 4\r\n\r\nevil`
  const seller = await aRawSeller((socket) => {
    socket.write(`${head}content-length: 3\r\n\r\nabc${smuggled}`)
  })
  const upstreams = upstreamsFor([seller])
  for (let i = 0; i < 3; i++) {
    const answer = await upstreams.send(get(seller.origin), none, {})
    expect(answer.kind === 'answered' ? answer.body.toString() : answer.reason).toBe('abc')
  }
  expect(seller.sockets.size).toBe(3)
})

test('hints before the answer are not the answer', async () => {
  const seller = await aRawSeller((socket) => {
    socket.end(`HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n${head}content-length: 3\r\n\r\nabc`)
  })
  const answer = answered(await upstreamsFor([seller]).send(get(seller.origin), none, {}))
  expect([answer.status, answer.headers.link, answer.body.toString()]).toEqual([
    200,
    undefined,
    'abc',
  ])
})
