/**
 * What clients can do wrong at a gateway's other ways in: WebSockets, event streams, tokens. A coded
 * refusal or the end of that connection, no charge, and all others go on. Shown elsewhere: a foreign
 * Origin, a missing key, another subprotocol (gateways.journey); redirects and client documents
 * (oauth-refusals.journey); forged and replayed approvals (approvals.journey, people.journey); sessions
 * of another account (tenants-routes.journey).
 */
import { connect as connectTo, type Socket as NetSocket } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { aBrowser } from '../support/a-browser.js'
import { anOAuthClient, aPerson, connect } from '../support/an-oauth-client.js'
import { eventually } from '../support/an-operator.js'
import { aSocket, rpcAt, type Socket } from '../support/mcp-clients.js'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

const TOO_BIG = 1009
const MIB = 1024 * 1024

let world: World
let ada: Party
let url: string
let headers: Record<string, string>
const args = { space: 'main', q: 'tea' }
const open: Socket[] = []

beforeAll(async () => {
  world = await aWorld()
  ada = await world.account('Ada', '1')
  headers = { authorization: `Bearer ${ada.key}` }
  const { endpointId } = await world.listing(await world.account('Seller'))
  const { json } = await world.rest('POST', '/v1/gateways', ada.key, {
    ...{ name: 'All', type: 'mcp', endpoint: 'all', configuration: { tools: [endpointId] } },
  })
  url = String(json.url)
  world.upstream.answerWith(answerJson(200, { found: true }))
})
afterEach(async () => {
  for (const one of open.splice(0)) one.breakOff()
  const { result } = await rpcAt(world, url, ada.key)('tools/list')
  expect(result.tools).toHaveLength(1)
})
afterAll(() => world.close())

async function socket(): Promise<Socket> {
  const opened = await aSocket(`${url}/ws`, headers)
  open.push(opened)
  return opened
}

const balance = async () => (await world.rest('GET', '/v1/balance', ada.key)).json
const list = { method: 'tools/list' }
const isAlive = async (one: Socket) =>
  expect(await one.ask({ id: 'alive', ...list })).toMatchObject({ result: { tools: [{}] } })
const codesIn = (one: Socket) => one.heard.map(({ error }) => (error as Json | undefined)?.code)

describe('a WebSocket', () => {
  test('frame beyond 1 MiB ends its connection, and no other', async () => {
    const [bad, good] = [await socket(), await socket()]
    const params = { name: 'search', arguments: { ...args, q: 'x'.repeat(2 * MIB) } }
    bad.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))
    expect(await bad.closed).toBe(TOO_BIG)
    await isAlive(good)
  })

  test.each<[string, string | Buffer, number]>([
    ['no JSON', 'tea', -32_700],
    ['nothing', '', -32_700],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x7b]), -32_700],
    ['half a message', '{"jsonrpc":"2.0","id":1,', -32_700],
    ['JSON that is no message', '{"id":1}', -32_600],
    ['an empty batch', '[]', -32_600],
    ['a batch of 51', JSON.stringify(Array(51).fill({ jsonrpc: '2.0', id: 1, ...list })), -32_600],
    ['brackets without end', '['.repeat(100_000), -32_600],
  ])(
    'frame of %s is answered with an error, and the connection goes on',
    async (_, frame, code) => {
      const one = await socket()
      one.send(frame, { binary: Buffer.isBuffer(frame) })
      await eventually(async () => expect(codesIn(one)).toEqual([code]))
      await isAlive(one)
    },
  )

  test('binary frame that holds a message is one', async () => {
    const one = await socket()
    one.send(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 3, ...list })), { binary: true })
    await eventually(async () => expect(one.heard).toMatchObject([{ id: 3, result: {} }]))
  })

  test('connection that sends 10,000 frames at once gets as many answers, and buys what it pays for', async () => {
    const made = await world.rest('POST', '/v1/sub-accounts', ada.key, {
      ...{ name: 'Flood', limits: { lifetime: '0.0105' } },
    })
    const one = await aSocket(`${url}/ws`, { authorization: `Bearer ${made.json.api_key}` })
    open.push(one)
    const before = Number((await balance()).available)
    const params = { name: 'search', arguments: args }
    const call = { jsonrpc: '2.0', method: 'tools/call', params }
    for (let id = 0; id < 10_000; id++) one.send(JSON.stringify({ ...call, id }))
    const other = await socket()
    await isAlive(other)
    await eventually(async () => expect(one.heard).toHaveLength(10_000))
    expect(new Set(one.heard.map(({ id }) => id)).size).toBe(10_000)
    const bought = one.heard.filter(({ result }) => result && (result as Json).isError !== true)
    expect(bought.length).toBeGreaterThan(0)
    expect(bought.length).toBeLessThanOrEqual(10)
    const after = await balance()
    expect(before - Number(after.available)).toBeCloseTo(bought.length * 0.00105, 9)
    expect(after.held).toBe('0')
  })

  test('connection after 10,000 notifications and answers that nobody asked for still works', async () => {
    const one = await socket()
    for (let id = 0; id < 5_000; id++) {
      one.send(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept' } }))
      one.send(
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId: id },
        }),
      )
    }
    await isAlive(one)
    expect(one.heard).toHaveLength(1)
  })

  test.each([
    ['of a foreign site', '/mcp', 'https://evil.example'],
    ['that is refused', '/v1/me', undefined],
  ])(
    'request %s harms nobody, whether its client is gone at once or never',
    async (_what, path, origin) => {
      const { hostname, port, host } = new URL(world.url)
      const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: Upgrade']
      const lines = [...head, 'Upgrade: websocket', ...(origin ? [`Origin: ${origin}`] : [])]
      const where = { host: hostname, port: Number(port), allowHalfOpen: true }
      /** Until it is gone, or was refused and does not go. */
      const ask = (isGoing: boolean) =>
        new Promise<NetSocket>((resolve) => {
          const client = connectTo(where, () => {
            client.write(`${lines.join('\r\n')}\r\n\r\n`, () => isGoing && client.resetAndDestroy())
          })
          const done = () => resolve(client)
          client.resume().once('error', done).once('close', done).once('end', done)
        })
      const { server } = world.started.gateway
      const connections = () => promisify(server.getConnections.bind(server))()
      await Promise.all(Array.from({ length: 50 }, () => ask(true)))
      await isAlive(await socket())
      const staying = await Promise.all(Array.from({ length: 50 }, () => ask(false)))
      await eventually(async () => expect(await connections()).toBeLessThan(50))
      for (const client of staying) client.destroy()
    },
  )

  test('connections of one key are bounded, and free their places when they end', async () => {
    const opened: Socket[] = []
    const refusals: string[] = []
    for (let i = 0; i < 70; i++) {
      await socket().then(
        (one) => opened.push(one),
        ({ message }: Error) => refusals.push(message),
      )
    }
    expect(opened).toHaveLength(64)
    expect(new Set(refusals)).toEqual(new Set(['429']))
    for (const one of opened) one.breakOff()
    await eventually(async () => isAlive(await socket()))
  })

  test('connection ends with its key, and brings nothing meanwhile', async () => {
    const made = await world.rest('POST', '/v1/keys', ada.key, { name: 'short', scopes: ['call'] })
    const one = await aSocket(`${url}/ws`, { authorization: `Bearer ${made.json.api_key}` })
    open.push(one)
    await isAlive(one)
    await world.rest('DELETE', `/v1/keys/${made.json.id}`, ada.key)
    const params = { name: 'search', arguments: args }
    one.send(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params }))
    await one.closed
    expect(one.heard.filter(({ id, result }) => id === 2 && result)).toEqual([])
    expect(JSON.stringify(one.heard)).not.toContain(ada.id)
  })
})

describe('an event stream', () => {
  test('takes messages of its own key alone, and none after it ended', async () => {
    const stranger = await world.account('Stranger')
    const leaving = new AbortController()
    const stream = await fetch(`${url}/sse`, { headers, signal: leaving.signal })
    const reader = stream.body!.getReader()
    const { value } = await reader.read()
    const [, messages] = /data: (\S+)/.exec(Buffer.from(value!).toString())!
    expect(messages).toContain(`${new URL(url).pathname}/messages`)
    const post = (key: string | undefined, body: unknown) =>
      world.rest('POST', messages!, key, body)
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
    expect((await post(stranger.key, ping)).status).toBe(404)
    expect((await post(undefined, ping)).status).toBe(401)
    expect((await post(ada.key, ping)).status).toBe(202)
    expect((await post(ada.key, 'x'.repeat(20 * MIB))).status).toBe(413)
    leaving.abort()
    await eventually(async () => expect((await post(ada.key, ping)).status).toBe(404))
  })
})

describe('an access token', () => {
  test('of another audience opens nothing here, by no transport', async () => {
    await aPerson(world, ada.key, 'ada@example.com')
    const browser = aBrowser(world.url)
    const client = await anOAuthClient(world)
    const { access_token } = await connect(client, browser, 'ada@example.com')
    const wrong = { authorization: `Bearer ${access_token}` }
    const path = new URL(url).pathname
    const message = { jsonrpc: '2.0', id: 1, ...list }
    const answers = [
      await world.rest('POST', path, access_token, message),
      await world.rest('GET', `${path}/sse`, access_token),
      await world.rest('POST', `${path}/messages?sessionId=x`, access_token, message),
      await world.rest('DELETE', path, access_token),
    ]
    for (const { status, headers: got } of answers) {
      expect(status).toBe(401)
      expect(got.get('www-authenticate')).toContain(`/.well-known/oauth-protected-resource${path}`)
      expect(got.get('www-authenticate')).toContain('error="invalid_token"')
    }
    await expect(aSocket(`${url}/ws`, wrong)).rejects.toThrow('401')
    for (const rest of ['/v1/me', '/v1/balance', '/v1/keys', '/v1/operator/ledger']) {
      expect((await world.rest('GET', rest, access_token)).status, rest).toBe(401)
    }
    expect((await world.rest('POST', '/mcp', access_token, message)).status).toBe(200)
  })
})
