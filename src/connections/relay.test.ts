import { expect, test } from 'vitest'
import { said } from '../../test/support/an-mcp-server.js'
import {
  aClient,
  aServer,
  resultOf,
  settingsFor,
  someConnections,
} from '../../test/support/some-connections.js'
import { isRpcError, type Progress, rpcError } from './connections.js'

test('a relay speaks for its client: its name, its capabilities, its era', async () => {
  const server = await aServer({ era: 'both' })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  const older = await connections.openRelay(settings, aClient().client)
  expect([older.era, older.protocolVersion, older.instructions]).toEqual([
    'session',
    '2025-11-25',
    'Be kind.',
  ])
  expect(server.requests[0]!.message.params).toMatchObject({
    capabilities: { sampling: {} },
    clientInfo: { name: 'agent', version: '2' },
  })
  const modern = await connections.openRelay(
    settings,
    aClient({ protocolVersion: '2026-07-28' }).client,
  )
  expect([modern.era, modern.serverInfo]).toEqual(['modern', { name: 'scripted', version: '1' }])
})

test('requests and answers go through in both directions, under ids of our own', async () => {
  const server = await aServer({
    async run({ ask, say, progress }) {
      say({ method: 'notifications/message', params: { level: 'info', data: 'x' } })
      progress(1)
      return said(JSON.stringify(await ask('sampling/createMessage', { a: 1 })))
    },
  })
  const { connections } = someConnections([server.hostPort])
  const asked: unknown[] = []
  const { client, heard } = aClient({
    async onRequest(method, params) {
      asked.push([method, params])
      return { role: 'assistant' }
    },
  })
  const relay = await connections.openRelay(settingsFor(server.url), client)
  const progress: Progress[] = []
  const params = { name: 'echo', arguments: {}, _meta: { progressToken: 'mine', 'x/y': 1 } }
  const result = (await resultOf(relay, 'tools/call', params, {
    onProgress: (each) => progress.push(each),
  })) as { content: [{ text: string }] }
  expect(JSON.parse(result.content[0].text)).toMatchObject({ result: { role: 'assistant' } })
  expect(asked).toEqual([['sampling/createMessage', { a: 1 }]])
  expect(heard).toEqual([['notifications/message', { level: 'info', data: 'x' }]])
  expect(progress).toEqual([{ progress: 1 }])
  expect(server.calls[0]!.meta.progressToken).not.toBe('mine')
  expect(server.calls[0]!.meta['x/y']).toBe(1)
})

test('an error of the server arrives with its code and data, one of the client likewise', async () => {
  const server = await aServer({
    async run({ ask }) {
      const { error } = await ask('elicitation/create', {})
      throw Object.assign(new Error('told'), { code: -32042, data: error })
    },
  })
  const { connections } = someConnections([server.hostPort])
  const { client } = aClient({
    async onRequest() {
      throw rpcError(-1, 'declined', { by: 'person' })
    },
  })
  const relay = await connections.openRelay(settingsFor(server.url), client)
  const failure = await resultOf(relay, 'tools/call', { name: 'echo' }).catch((error) => error)
  expect(isRpcError(failure)).toBe(true)
  expect(failure).toMatchObject({
    code: -32042,
    message: 'told',
    data: { code: -1, message: 'declined', data: { by: 'person' } },
  })
})

test('what the server says unasked is heard, and its own requests are answered', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const { client, heard } = aClient()
  await connections.openRelay(settingsFor(server.url), client)
  await expect.poll(() => server.streams.size).toBe(1)
  server.setTools([])
  await expect.poll(() => heard).toEqual([['notifications/tools/list_changed', undefined]])
  const [stream] = server.streams
  stream!.write('data: {"jsonrpc":"2.0","id":7,"method":"roots/list"}\n\n')
  await expect
    .poll(() => server.requests.find(({ message }) => message.id === 7)?.message)
    .toMatchObject({ result: { answered: true } })
})

test('a request that the server takes back is taken back at the client, and not answered', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  let signal: AbortSignal | undefined
  const { client } = aClient({
    onRequest(method, _, options) {
      if (method === 'ping') return Promise.resolve({})
      signal = options.signal
      return new Promise((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(rpcError(-1, 'taken back')))
      })
    },
  })
  await connections.openRelay(settingsFor(server.url), client)
  await expect.poll(() => server.streams.size).toBe(1)
  const [stream] = server.streams
  stream!.write('data: {"jsonrpc":"2.0","id":8,"method":"sampling/createMessage"}\n\n')
  await expect.poll(() => signal?.aborted).toBe(false)
  stream!.write(
    'data: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}\n\n',
  )
  await expect.poll(() => signal?.aborted).toBe(true)
  stream!.write('data: {"jsonrpc":"2.0","id":9,"method":"ping"}\n\n')
  const answered = () => server.requests.map(({ message }) => message.id)
  await expect.poll(answered).toContain(9)
  expect(answered()).not.toContain(8)
})

test('a modern client has its own stream of news, and results that ask for input pass as they are', async () => {
  const asks = { resultType: 'input_required', inputRequests: { a: {} }, requestState: 's' }
  const server = await aServer({ era: 'modern', run: () => asks })
  const { connections } = someConnections([server.hostPort])
  const { client, heard } = aClient({ protocolVersion: '2026-07-28' })
  const relay = await connections.openRelay(settingsFor(server.url), client)
  expect(await resultOf(relay, 'tools/call', { name: 'echo', arguments: {} })).toEqual(asks)
  const news: string[] = []
  const stopping = new AbortController()
  const listening = relay.relay(
    'subscriptions/listen',
    { notifications: { toolsListChanged: true } },
    { timeoutMs: 0, signal: stopping.signal, onNotification: (method) => news.push(method) },
  )
  await expect.poll(() => server.listens.size).toBe(1)
  server.setTools([])
  await expect
    .poll(() => news)
    .toEqual(['notifications/subscriptions/acknowledged', 'notifications/tools/list_changed'])
  expect(heard).toEqual([])
  stopping.abort()
  expect(await listening).toMatchObject({ kind: 'error' })
  await expect.poll(() => server.listens.size).toBe(0)
})

test('two relays never share a session; closing one ends its own', async () => {
  const server = await aServer({ run: ({ session }) => said(session!) })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  const relays = await Promise.all(
    [1, 2].map(() => connections.openRelay(settings, aClient().client)),
  )
  const sessions = await Promise.all(
    relays.map((relay) => resultOf(relay, 'tools/call', { name: 'echo' })),
  )
  expect(sessions[0]).not.toEqual(sessions[1])
  await relays[0]!.close()
  expect(server.sessions.size).toBe(1)
  await connections.forget(settings.id)
  expect(server.sessions.size).toBe(0)
})

test('a session that the server forgot ends the relay, and says so', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const reasons: string[] = []
  const { client } = aClient({ onClose: (why) => void reasons.push(why) })
  const relay = await connections.openRelay(settingsFor(server.url), client)
  server.sessions.clear()
  await expect(resultOf(relay, 'tools/list')).rejects.toSatisfy(isRpcError)
  expect(reasons).toEqual([expect.stringMatching(/no longer knows/)])
  // Nothing of it is left open, on either side.
  await expect.poll(() => server.streams.size).toBe(0)
  await expect.poll(() => server.ended).toHaveLength(1)
})

test('a relay that is opened while its server is removed does not outlive it', async () => {
  let initialize: (() => void) | undefined
  const server = await aServer({
    handle(method) {
      if (method === 'initialize') initialize?.()
      return undefined
    },
  })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url)
  const forgotten = new Promise<void>((resolve) => {
    initialize = () => resolve(connections.forget(settings.id))
  })
  const opening = connections.openRelay(settings, aClient().client)
  await expect(opening).rejects.toMatchObject({ code: 'upstream_failed' })
  await forgotten
  expect(server.sessions.size).toBe(0)
})

test('a server that restarts has forgotten the session, which the client is told without asking', async () => {
  const server = await aServer()
  const { connections } = someConnections([server.hostPort])
  const reasons: string[] = []
  const { client } = aClient({ onClose: (why) => void reasons.push(why) })
  await connections.openRelay(settingsFor(server.url), client)
  await expect.poll(() => server.streams.size).toBe(1)
  await server.restart()
  await expect.poll(() => reasons, { timeout: 5000 }).toHaveLength(1)
})

test.each([404, 405])(
  'a server without a stream of its own (%i) is relayed all the same',
  async (hasStream) => {
    const server = await aServer({ hasStream })
    const { connections } = someConnections([server.hostPort])
    const reasons: string[] = []
    const { client } = aClient({ onClose: (why) => void reasons.push(why) })
    const relay = await connections.openRelay(settingsFor(server.url), client)
    const call = { name: 'echo', arguments: { text: 'x' } }
    for (let i = 0; i < 3; i++) expect(await resultOf(relay, 'tools/call', call)).toEqual(said('x'))
    expect(reasons).toEqual([])
  },
)

test('no secret of the settings passes through a relay', async () => {
  const secret = 'sk-live-0123456789abcdef'
  const server = await aServer({ run: ({ headers }) => said(String(headers['x-api-key'])) })
  const { connections } = someConnections([server.hostPort])
  const settings = settingsFor(server.url, { headers: { 'X-Api-Key': secret } })
  const relay = await connections.openRelay(settings, aClient().client)
  expect(await resultOf(relay, 'tools/call', { name: 'echo' })).toEqual(said('[redacted]'))
})

test('a server that cannot be reached is a refusal', async () => {
  const server = await aServer()
  await server.close()
  const { connections } = someConnections([server.hostPort])
  await expect(
    connections.openRelay(settingsFor(server.url), aClient().client),
  ).rejects.toMatchObject({
    code: 'upstream_failed',
  })
})
