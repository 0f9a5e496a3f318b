/** What a hostile seller, buyer or client can try against money and secrets, and what comes of it. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { aBazaar, type Bazaar, type Face, mcpFace, restFace } from '../support/bazaar.js'
import { answerJson, type Json } from '../support/world.js'

const MIB = 1024 * 1024

let bazaar: Bazaar
let faces: Face[]

beforeAll(async () => {
  bazaar = await aBazaar({ SOUK_MAX_IN_FLIGHT_PER_KEY: '1000', SOUK_UPSTREAM_TIME_MS: '20000' })
  faces = [restFace(bazaar.world), mcpFace(bazaar.world)]
})

beforeEach(() => bazaar.calm())

afterAll(() => bazaar.world.close())

/** Calls of one key at once, by both faces in turn; how often each outcome or code came. */
async function stampede(key: string, count: number, order: Json) {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, i) => faces[i % 2]!.ask(key, 'call_api', order)),
  )
  const counts: Record<string, number> = {}
  for (const { json } of answers) {
    const kind = String(json.code ?? json.outcome)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return { counts, answers: answers.map(({ json }) => json) }
}

const upstreamCalls = (script: () => Promise<unknown>) => {
  const { requests } = bazaar.world.upstream
  const before = requests.length
  return script().then(() => requests.length - before)
}

describe('all at once', () => {
  test('300 calls against money for exactly 100 buy exactly 100', async () => {
    const { world, order } = bazaar
    const { key } = await world.account('Crowd', '0.105')
    const reached = await upstreamCalls(async () => {
      const { counts } = await stampede(key, 300, order())
      expect(counts).toEqual({ charged: 100, insufficient_balance: 200 })
    })
    expect(reached).toBe(100)
    const { json } = await world.rest('GET', '/v1/balance', key)
    expect(json).toMatchObject({ available: '0', held: '0' })
  })

  test('300 calls that are all refunded leave everything where it was', async () => {
    const { world, order } = bazaar
    const { key } = await world.account('Crowd', '0.105')
    world.upstream.answerWith(answerJson(500, {}))
    const before = await bazaar.state()
    const { counts } = await stampede(key, 300, order())
    expect((counts.upstream_failed ?? 0) + (counts.insufficient_balance ?? 0)).toBe(300)
    expect(await bazaar.state()).toEqual(before)
  })

  test.each(['day', 'month', 'lifetime'])(
    'of 100 calls against a %s limit for exactly 10, exactly 10 are made',
    async (limit) => {
      const { key } = await bazaar.key(bazaar.buyer, { limits: { [limit]: '0.0105' } })
      const { counts } = await stampede(key, 100, bazaar.order())
      expect(counts).toEqual({ charged: 10, limit_exceeded: 90 })
    },
  )

  test('of 40 calls to a listing that takes 5 a day, 5 are made', async () => {
    const { buyer, sell, order } = bazaar
    const { endpointId } = await sell({}, { limits: { per_day: 5 } })
    const { counts } = await stampede(buyer.key, 40, order({ endpoint_id: endpointId }))
    expect(counts).toEqual({ charged: 5, rate_limited: 35 })
  })

  test('64 calls with one idempotency key are one call', async () => {
    const { world, buyer, order } = bazaar
    const balanceBefore = await world.rest('GET', '/v1/balance', buyer.key)
    const reached = await upstreamCalls(async () => {
      const { counts, answers } = await stampede(buyer.key, 64, order({ idempotency_key: 'once' }))
      expect(counts).toEqual({ charged: 64 })
      expect(new Set(answers.map(({ receipt }) => receipt)).size).toBe(1)
      expect(new Set(answers.map(({ call_id }) => call_id)).size).toBe(1)
      expect(answers.filter((answer) => answer.idempotent_replay !== true)).toHaveLength(1)
    })
    expect(reached).toBe(1)
    const { json } = await world.rest('GET', '/v1/balance', buyer.key)
    const spent = nanos(balanceBefore.json.available) - nanos(json.available)
    expect(spent).toBe(1_050_000n)
  })

  test('one quote that 40 calls use at once is used by one', async () => {
    const { buyer, order, quote } = bazaar
    const quote_id = await quote(buyer.key, order())
    const { counts } = await stampede(buyer.key, 40, order({ quote_id }))
    expect(counts).toEqual({ charged: 1, quote_used: 39 })
  })
})

function nanos(usdc: unknown): bigint {
  const [whole = '', fraction = ''] = String(usdc).split('.')
  return BigInt(whole + fraction.padEnd(9, '0'))
}

describe('a client that goes away', () => {
  test.each(['/v1/calls', '/mcp'])(
    'during a call at %s gets the same receipt when it comes back',
    async (path) => {
      const { world, buyer, order } = bazaar
      const sent = order({ idempotency_key: `gone-${path}` })
      const rpc = { method: 'tools/call', params: { name: 'call_api', arguments: sent } }
      const body = path === '/mcp' ? { jsonrpc: '2.0', id: 1, ...rpc } : sent
      const reached = world.upstream.requests.length
      await new Promise<void>((resolve) => {
        const client = request(world.url + path, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${buyer.key}`,
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
          },
        })
        client.on('error', () => {})
        world.upstream.answerWith((req, res) => {
          client.destroy()
          // The gateway learns of it before the upstream answers.
          setTimeout(() => {
            answerJson(200, { found: 1 })(req, res)
            resolve()
          }, 100)
        })
        client.end(JSON.stringify(body))
      })
      bazaar.calm()
      const again = await faces[0]!.ask(buyer.key, 'call_api', sent)
      expect(again.json).toMatchObject({
        outcome: 'charged',
        body: { found: 1 },
        idempotent_replay: true,
      })
      const { json } = await world.rest('GET', `/v1/calls/${again.json.call_id}`, buyer.key)
      expect(json.receipt).toBe(again.json.receipt)
      expect(world.upstream.requests.length - reached).toBe(1)
    },
  )
})

describe('an answer that is too much', () => {
  const bomb = gzipSync(Buffer.alloc(300 * MIB))

  const scripts: Record<string, (req: IncomingMessage, res: ServerResponse) => void> = {
    'a gzip bomb of 300 MiB': (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
      res.end(bomb)
    },
    '20 MiB of text': (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' })
      for (let i = 0; i < 20; i++) res.write(Buffer.alloc(MIB, 0))
      res.end()
    },
    'a text without an end': (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' })
      const more = () => {
        while (!res.destroyed && res.write(Buffer.alloc(MIB, 0)));
      }
      res.on('drain', more)
      more()
    },
  }

  test.each(Object.keys(scripts))('%s is cut at 10 MiB, delivered and charged', async (name) => {
    const { world, buyer, order } = bazaar
    world.upstream.answerWith(scripts[name]!)
    for (const face of faces) {
      const { json } = await face.ask(buyer.key, 'call_api', order())
      expect(json).toMatchObject({ outcome: 'charged', truncated: true, status: 200 })
      const mostShown = face === faces[0] ? MIB : MIB / 16
      expect(Buffer.byteLength(String(json.body))).toBeLessThanOrEqual(mostShown)
      const stored = await fetch(String(json.body_url), {
        headers: { authorization: `Bearer ${buyer.key}` },
      })
      const bytes = Buffer.from(await stored.arrayBuffer())
      expect(bytes.length).toBe(10 * MIB)
      expect(claimsOf(json).response).toEqual({
        status: 200,
        hash: createHash('sha256').update(bytes).digest('hex'),
        bytes: 10 * MIB,
        truncated: true,
      })
    }
  })

  test('a cut answer in which the metered quantity cannot be read is refunded', async () => {
    const { world, buyer, sell, order } = bazaar
    const price = { model: 'per_unit', unit: 'word', amount: '0.1', quantity: '/words' }
    const { endpointId } = await sell({ price: { ...price, max_quantity: 1 } })
    world.upstream.answerWith((_req, res) => {
      res.end(`{"words":1,"text":"${'x'.repeat(11 * MIB)}"}`)
    })
    const { json } = await faces[0]!.ask(buyer.key, 'call_api', order({ endpoint_id: endpointId }))
    expect(json).toMatchObject({ code: 'upstream_failed', outcome: 'refunded', truncated: true })
  })

  test('five bombs of 300 MiB do not make the gateway grow by one', async () => {
    const { world, buyer, order } = bazaar
    world.upstream.answerWith(scripts['a gzip bomb of 300 MiB']!)
    await faces[0]!.ask(buyer.key, 'call_api', order())
    const before = process.memoryUsage().rss
    for (let i = 0; i < 5; i++) await faces[0]!.ask(buyer.key, 'call_api', order())
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * MIB)
  })
})

function claimsOf({ receipt }: Json): Json {
  return JSON.parse(Buffer.from(String(receipt).split('.')[1]!, 'base64url').toString())
}

test('a redirect to another origin does not carry the credential', async () => {
  const { world, buyer, order } = bazaar
  const seen: IncomingMessage['headers'][] = []
  const other = createServer((req, res) => {
    seen.push(req.headers)
    answerJson(200, { from: 'other' })(req, res)
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(other.address() as AddressInfo).port}`
  world.started.gateway.deps.upstreams.allowHost(host)
  world.upstream.answerWith((_req, res) => {
    res.writeHead(307, { location: `http://${host}/elsewhere` }).end()
  })
  const { json } = await faces[0]!.ask(
    buyer.key,
    'call_api',
    order({ arguments: { space: 'main', q: 'tea', lang: 'en' } }),
  )
  other.close()
  expect(json).toMatchObject({ outcome: 'charged', body: { from: 'other' } })
  expect(seen).toHaveLength(1)
  for (const name of ['x-api-key', 'authorization', 'cookie', 'lang']) {
    expect(seen[0]).not.toHaveProperty(name)
  }
})

test('no API key is in a file of the data folder, but for those that hold keys', async () => {
  const { world, buyer, seller, stranger, key } = bazaar
  const made = [buyer.key, seller.key, stranger.key, (await key(buyer)).key, world.buyer.key]
  await bazaar.buy(made[3]!, bazaar.order())
  const files = readdirSync(world.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.key$|^sandbox-keys\.json$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  const isOfSqlite = inject('database') === 'sqlite'
  expect(files.some((file) => file.endsWith('-wal'))).toBe(isOfSqlite)
  for (const file of files) {
    const bytes = readFileSync(file)
    for (const secret of [...made, world.operatorKey]) {
      expect(bytes.includes(secret), file).toBe(false)
    }
  }
})
