/**
 * Ten thousand calls at the same time against a real gateway: as many as it carries are sold, every
 * other one is told at once to come back, and the gateway stays as small as it was and sells on.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  killTheRest,
  startGateway,
} from '../journeys/gateway-process.js'
import {
  account,
  answerJson,
  type Door,
  doorOf,
  type Json,
  listing,
  OPERATOR_KEY,
  type Party,
  type ScriptedUpstream,
  scriptedUpstream,
} from '../support/world.js'

const CROWD = 10_000
const BUYERS = 4
const KEYS_A_BUYER = 50
/** The gateway's own limits, which are the defaults. */
const OVERALL = 1_024
const PER_KEY = 64
/** A bound, not a measurement: a third of it is usual. */
const MAX_MEMORY_BYTES = 1024 * 1024 * 1024
const TIMEOUT_MS = 180_000

/** Elsewhere a process does not say how large it was at most. */
const onLinux = test.skipIf(process.platform !== 'linux')

type Said = { status: number; retryAfter: string | undefined; code: unknown }

const folder = emptyFolder()
let upstream: ScriptedUpstream
let gateway: GatewayProcess
let door: Door
let buyers: Party[]
let endpointId: string

beforeAll(async () => {
  upstream = await scriptedUpstream()
  await build()
  gateway = await startGateway(folder.path, {
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    // The seller waits for the whole crowd.
    SOUK_UPSTREAM_TIME_MS: String(TIMEOUT_MS),
  })
  door = doorOf(gateway.url, upstream)
  endpointId = (await listing(door, await account(door, 'Seller'))).endpointId
  buyers = []
  for (let n = 1; n <= BUYERS; n++) buyers.push(await account(door, `Buyer ${n}`, '1000'))
}, TIMEOUT_MS)

afterAll(async () => {
  await killTheRest()
  await upstream.close()
  folder.remove()
})

onLinux(
  'with many keys, as many as the gateway takes are sold and all others told that it is busy',
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const keys = (await Promise.all(buyers.map(keysOf))).flat()
    const refused = await crowd(keys, OVERALL)
    for (const said of refused) expect(said).toEqual({ status: 503, retryAfter: '1', code: 'busy' })
    await expectWhole(OVERALL)
  },
)

onLinux(
  'with one key, as many as a key may have are sold and all others told that it is busy',
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const refused = await crowd([buyers[0]!.key], PER_KEY)
    for (const said of refused) expect(said).toEqual({ status: 429, retryAfter: '1', code: 'busy' })
    await expectWhole(OVERALL + PER_KEY)
  },
)

/** All calls at once, with these keys in turn. The seller answers when all others were refused. */
async function crowd(keys: readonly string[], sold: number): Promise<Said[]> {
  const waiting: (() => void)[] = []
  const refused: Said[] = []
  const answerAll = () => {
    if (refused.length < CROWD - sold) return
    for (const answer of waiting.splice(0)) answer()
  }
  upstream.answerWith((req, res) => {
    waiting.push(() => answerJson(200, { ok: true })(req, res))
    answerAll()
  })
  const callers = Array.from({ length: CROWD }, async (_, i) => {
    const said = await buy(keys[i % keys.length]!)
    if (said.status !== 200) refused.push(said)
    answerAll()
  })
  await Promise.all(callers)
  expect(refused).toHaveLength(CROWD - sold)
  return refused
}

/** Nothing is open, every sale is in the books, memory is bounded, and it sells as before. */
async function expectWhole(sold: number): Promise<void> {
  const { json } = await door.rest('GET', '/v1/operator/ledger', OPERATOR_KEY)
  expect(json).toMatchObject({ balanced: true, open_holds: 0, findings: [] })
  const fees = (json.accounts as { name: string; balance: string }[]).find(
    ({ name }) => name === 'platform:fees',
  )
  expect(Math.round(Number(fees!.balance) / 0.00005)).toBe(sold + extra)
  expect(peakMemoryBytes()).toBeLessThan(MAX_MEMORY_BYTES)
  upstream.answerWith(answerJson(200, { ok: true }))
  expect((await buy(buyers[0]!.key)).status).toBe(200)
  extra++
}

/** Calls that were bought one by one, after a crowd. */
let extra = 0

function peakMemoryBytes(): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(
    readFileSync(`/proc/${gateway.pid}/status`, 'utf8'),
  )!
  return Number(kilobytes) * 1024
}

async function keysOf(buyer: Party): Promise<string[]> {
  const keys: string[] = []
  for (let n = 1; n <= KEYS_A_BUYER; n++) {
    const terms = { name: `Key ${n}`, scopes: ['call'] }
    keys.push(String((await door.rest('POST', '/v1/keys', buyer.key, terms)).json.api_key))
  }
  return keys
}

/** A call on a connection of its own, written by hand: so many clients must cost next to nothing. */
function buy(key: string): Promise<Said> {
  const { host, hostname, port } = new URL(gateway.url)
  const order = JSON.stringify({ endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } })
  const head = [
    'POST /v1/calls HTTP/1.1',
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${order.length}`,
    'connection: close',
  ]
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setEncoding('utf8')
    // Where the machine is slow, a connection may wait for longer than one may without being read.
    socket.on('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNRESET' && text === '' ? resolve(buy(key)) : reject(error),
    )
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('end', () => resolve(saidIn(text)))
    socket.write(`${head.join('\r\n')}\r\n\r\n${order}`)
  })
}

function saidIn(text: string): Said {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1]?.trim(),
    code: (JSON.parse(body) as Json).code,
  }
}
