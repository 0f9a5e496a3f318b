import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { echoTool } from '../../test/support/an-mcp-server.js'
import {
  aServer,
  asAlice,
  settingsFor,
  someConnections,
} from '../../test/support/some-connections.js'

type Server = Awaited<ReturnType<typeof aServer>>

/** Changes heard so far. */
function counter() {
  const heard = { times: 0 }
  return { heard, onChange: () => void heard.times++ }
}

/** A server that is watched comes to be as `expected`. */
async function expectState({ hostPort, url }: Server, expected: object): Promise<void> {
  const { connections } = someConnections([hostPort])
  const settings = settingsFor(url)
  connections.watch(settings, () => {})
  await expect.poll(() => connections.state(settings.id)).toMatchObject(expected)
}

test.each([
  ['session', 'streamable_http'],
  ['modern', 'streamable_http'],
  ['session', 'sse'],
] as const)('a change of the tools is heard (%s, %s)', async (era, transport) => {
  const server = await aServer({ era })
  const { connections } = someConnections([server.hostPort])
  const url = transport === 'sse' ? server.sseUrl : server.url
  const settings = settingsFor(url, { transport })
  const { heard, onChange } = counter()
  expect(connections.state(settings.id).status).toBe('off')
  const stop = connections.watch(settings, onChange)
  await expect.poll(() => connections.state(settings.id).status).toBe('connected')
  await expect.poll(() => server.streams.size + server.listens.size + server.sse.size).toBe(1)
  server.setTools([{ ...echoTool, name: 'other' }])
  await expect.poll(() => heard.times).toBe(1)
  expect(connections.state(settings.id)).toMatchObject({ serverInfo: { name: 'scripted' } })
  stop()
  await expect.poll(() => server.streams.size + server.listens.size).toBe(0)
  expect(connections.state(settings.id).status).toBe('off')
})

test('a change is heard over stdio', async () => {
  const script = fileURLToPath(new URL('../../test/support/a-stdio-server.mjs', import.meta.url))
  const { connections } = someConnections([])
  const more = {
    url: undefined,
    transport: 'stdio',
    command: process.execPath,
    args: [script],
  } as const
  const settings = settingsFor('', more)
  const { heard, onChange } = counter()
  connections.watch(settings, onChange)
  await connections.callTool(settings, { tool: 'changed', arguments: {} }, asAlice)
  await expect.poll(() => heard.times).toBe(1)
})

test('a server that restarts is found again, and its tools may have changed meanwhile', async () => {
  const server = await aServer()
  const { connections, events } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  const { heard, onChange } = counter()
  connections.watch(settings, onChange)
  await expect.poll(() => server.streams.size).toBe(1)
  await server.down()
  await expect.poll(() => connections.state(settings.id).status).toBe('failed')
  await server.back()
  await expect
    .poll(() => connections.state(settings.id).status, { timeout: 10_000 })
    .toBe('connected')
  expect(heard.times).toBe(1)
  expect(events.map(({ what }) => what)).toEqual(['connected', 'failed', 'connected'])
})

test('a server that offers no stream counts as connected and is not asked again', async () => {
  const server = await aServer({ hasStream: false })
  await expectState(server, { status: 'connected', revision: '2025-11-25' })
})

test('many changes at once are told at most once a second', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const { heard, onChange } = counter()
  connections.watch(settingsFor(server.url), onChange)
  await expect.poll(() => server.streams.size).toBe(1)
  for (let i = 0; i < 500; i++) server.setTools([echoTool])
  await expect.poll(() => heard.times, { timeout: 5000 }).toBe(2)
})

test('a server that cannot be reached is told as failed, with the reason', async () => {
  const server = await aServer()
  await server.close()
  await expectState(server, { status: 'failed', error: 'The provider refuses connections.' })
})
