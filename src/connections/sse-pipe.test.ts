import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { said } from '../../test/support/an-mcp-server.js'
import {
  aServer,
  asAlice,
  asBob,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'

const call = (text: string) => ({ tool: 'echo', arguments: { text } })

test('a server of the older transport is called, each holder on a stream of its own', async () => {
  const server = await aServer({ isStateless: true, revision: '2024-11-05' })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.sseUrl, { transport: 'sse' })
  const answers = await Promise.all([
    connections.callTool(settings, call('a'), asAlice),
    connections.callTool(settings, call('b'), asBob),
    connections.callTool(settings, call('c'), asAlice),
  ])
  expect(answers.map(textOf)).toEqual(['a', 'b', 'c'])
  expect(server.sse.size).toBe(2)
  await connections.forget(settings.id)
  await expect.poll(() => server.sse.size).toBe(0)
})

test('a stream that breaks fails the running call; the next one opens another', async () => {
  let isBad = true
  const server = await aServer({
    isStateless: true,
    run() {
      if (!isBad) return said('fine')
      for (const stream of server.sse.values()) stream.destroy()
    },
  })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.sseUrl, { transport: 'sse' })
  const broken = await connections.callTool(settings, call('a'), asAlice)
  expect(broken).toMatchObject({ kind: 'unanswered', reason: 'broken', dispatched: true })
  isBad = false
  expect(textOf(await connections.callTool(settings, call('a'), asAlice))).toBe('fine')
})

test.each([
  ['http://127.0.0.1:1/messages', /another origin/],
  ['//evil.example/messages', /another origin/],
  [undefined, /does not say/],
])('messages never go to another origin than that of the stream (%s)', async (endpoint, detail) => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (endpoint === undefined) response.end('data: {}\n\n')
    else response.write(`event: endpoint\ndata: ${endpoint}\n\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const { connections } = someConnections([hostPort])
  const settings = settingsFor(`http://${hostPort}/sse`, { transport: 'sse' })
  const answer = await connections.callTool(settings, call('a'), asAlice)
  expect(answer).toMatchObject({ kind: 'unanswered', detail: expect.stringMatching(detail) })
})
