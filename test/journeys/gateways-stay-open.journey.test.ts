/** What becomes of connections that stay open while their key, or what it may use, changes. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aSocket } from '../support/mcp-clients.js'
import { OPERATOR_KEY } from '../support/world.js'
import { ALL, type ARelay, aRelay, eventsOf } from './a-relay.js'

const LIST_CHANGED = 'notifications/tools/list_changed'

let operator: ARelay
/** Gateways of the operator: one composed of a tool, one that relays its server. */
let composed: string
let relayed: string

beforeAll(async () => {
  operator = await aRelay()
  const { path, id } = await operator.relaying(operator.upstream.url, 1)
  relayed = path
  const [tool] = (await operator.toolsOf(id)).tools
  const made = await operator.world.rest('POST', '/v1/gateways', OPERATOR_KEY, {
    ...{ name: 'Mine', type: 'mcp', endpoint: 'mine' },
    configuration: { tools: [tool!.endpoint_id] },
  })
  expect(made.status, made.text).toBe(201)
  composed = new URL(made.json.url as string).pathname
})
afterAll(() => operator.close())

/** Something that stays open, and what was heard on it. */
type Open = { heard(): string; ended: Promise<unknown>; close(): void }

const authorization = (key: string) => ({ authorization: `Bearer ${key}` })

async function overGet(path: string, key: string): Promise<Open> {
  const session = { 'mcp-session-id': await operator.initialize(path, {}, key) }
  return asOpen(eventsOf(operator.world.url + path, { ...authorization(key), ...session }))
}

const overSse = (path: string, key: string) =>
  asOpen(eventsOf(`${operator.world.url}${path}/sse`, authorization(key)))

function overListen(path: string, key: string): Promise<Open> {
  const { headers, body } = listening
  return asOpen(
    eventsOf(
      operator.world.url + path,
      { ...headers, ...authorization(key) },
      JSON.stringify(body),
    ),
  )
}

const META = 'io.modelcontextprotocol'
const _meta = {
  [`${META}/protocolVersion`]: '2026-07-28',
  [`${META}/clientInfo`]: { name: 'by-hand', version: '1' },
  [`${META}/clientCapabilities`]: {},
}
const method = 'subscriptions/listen'
const listening = {
  headers: {
    ...{ ...ALL, 'content-type': 'application/json' },
    ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method },
  },
  body: {
    ...{ jsonrpc: '2.0', id: 1, method },
    params: { notifications: { toolsListChanged: true }, _meta },
  },
}

async function overSocket(path: string, key: string): Promise<Open> {
  const socket = await aSocket(`${operator.world.url}${path}/ws`, authorization(key))
  const clientInfo = { name: 'by-hand', version: '1' }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  await socket.ask({ id: 1, method: 'initialize', params })
  const { closed: ended, breakOff: close } = socket
  return { heard: () => JSON.stringify(socket.heard), ended, close }
}

async function asOpen(opening: ReturnType<typeof eventsOf>): Promise<Open> {
  const { status, text, ended, close } = await opening
  if (status !== 200) throw new Error(String(status))
  return { heard: text, ended, close }
}

const places: [string, () => string][] = [
  ['a composed gateway', () => composed],
  ['a relayed server', () => relayed],
]
const transports: [string, (path: string, key: string) => Promise<Open>][] = [
  ['a GET stream', overGet],
  ['a WebSocket', overSocket],
  ['subscriptions/listen', overListen],
]
/** All of them, and SSE, where a relay opens nothing before it is spoken to. */
const ways = places.flatMap(([place, path]) =>
  transports.map(([name, open]): [string, (key: string) => Promise<Open>] => [
    `${name} at ${place}`,
    (key) => open(path(), key),
  ]),
)
const everyWay = [
  ...ways,
  ...places.map(([place, path]): [string, (key: string) => Promise<Open>] => [
    `SSE at ${place}`,
    (key) => overSse(path(), key),
  ]),
]

/** An account below the operator's, with a key of its own. */
async function aTeam(): Promise<{ id: string; key: string; keyId: string }> {
  const team = await operator.world.rest('POST', '/v1/sub-accounts', OPERATOR_KEY, { name: 'Team' })
  expect(team.status, team.text).toBe(201)
  const { id, api_key: key } = team.json as { id: string; api_key: string }
  const { json } = await operator.world.rest('GET', `/v1/sub-accounts/${id}/keys`, OPERATOR_KEY)
  const [{ id: keyId }] = json.keys as [{ id: string }]
  return { id, key, keyId }
}

const ends: [string, (team: { id: string; keyId: string }) => Promise<{ status: number }>][] = [
  [
    'key was revoked',
    ({ keyId }) => operator.world.rest('DELETE', `/v1/keys/${keyId}`, OPERATOR_KEY),
  ],
  [
    'secret was rotated',
    ({ keyId }) => operator.world.rest('POST', `/v1/keys/${keyId}/rotate`, OPERATOR_KEY),
  ],
  [
    'account was suspended',
    ({ id }) =>
      operator.world.rest('POST', `/v1/accounts/${id}/suspend`, OPERATOR_KEY, {
        ...{ category: 'fraud', reason: 'found out' },
      }),
  ],
]

test.each(ends)('what stays open ends within seconds once its %s', async (_why, end) => {
  const [team, other] = [await aTeam(), await aTeam()]
  const held = await Promise.all(everyWay.map(([, open]) => open(team.key)))
  const theirs = await Promise.all(everyWay.map(([, open]) => open(other.key)))
  const over: string[] = []
  for (const [i, [way]] of everyWay.entries()) void theirs[i]!.ended.then(() => over.push(way))
  expect((await end(team)).status).toBeLessThan(300)
  await Promise.all(held.map(({ ended }) => ended))
  for (const [way, open] of everyWay) await expect(open(team.key), way).rejects.toThrow()
  expect(over).toEqual([])
  for (const { close } of theirs) close()
})

test('a list that got narrower is told of over every transport', async () => {
  const { id, key } = await aTeam()
  const held = await Promise.all(ways.map(([, open]) => open(key)))
  let isNarrow = false
  // What there was is read when a stream begins, which nobody hears of.
  const change = async () => {
    isNarrow = !isNarrow
    const allow = isNarrow ? { listings: [] } : {}
    const path = `/v1/sub-accounts/${id}`
    expect((await operator.world.rest('PATCH', path, OPERATOR_KEY, { allow })).status).toBe(200)
    return ways.flatMap(([way], at) => (held[at]!.heard().includes(LIST_CHANGED) ? [] : [way]))
  }
  await expect.poll(change, { interval: 2_000, timeout: 20_000 }).toEqual([])
  for (const { close } of held) close()
})

test.each(places)('a key has at most 64 subscriptions open at %s', async (_place, path) => {
  const { key } = await aTeam()
  const held = await Promise.all(Array.from({ length: 64 }, () => overListen(path(), key)))
  await expect(overListen(path(), key)).rejects.toThrow('429')
  held[0]!.close()
  await expect.poll(() => overListen(path(), key).then((one) => held.push(one))).toBe(65)
  for (const { close } of held) close()
})
