import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { createEventStreams, openList } from './event-streams.js'
import { createGuests } from './guests.js'
import type { Surface } from './surface.js'

/** Places of one key. */
const PLACES = 64

const principal = { key: { id: 'key_1' }, account: {} } as unknown as Principal
const visitor = { principal, look: async () => principal }
let watched = 0
const surface = {
  watch: () => {
    watched++
    return () => watched--
  },
} as unknown as Surface

const guests = createGuests()
const streams = createEventStreams()
let opened = 0
const server = createServer(async (req, res) => {
  // As when the database is asked who comes here, and the client does not wait for it.
  await once(res, 'close')
  const guest = guests.receive(res, visitor)
  if (req.url === '/list') openList(res, surface, guest)
  else {
    const conversation = { receive() {}, end: () => void watched-- }
    const start = async () => {
      watched++
      return conversation
    }
    await streams.openConversation(res, { owner: 'me', messagesPath: '/messages' }, start)
  }
  opened++
})

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  guests.close()
  return new Promise((resolve) => server.close(resolve))
})

test.each(['/list', '/sse'])('%s takes no place for a client that left meanwhile', async (path) => {
  const before = opened
  const { port } = server.address() as AddressInfo
  for (let i = 0; i <= PLACES; i++) {
    const client = request({ host: '127.0.0.1', port, path, agent: false }).end()
    client.on('error', () => {})
    await once(server, 'request')
    client.destroy()
  }
  await expect.poll(() => opened - before).toBe(PLACES + 1)
  expect(watched).toBe(0)
})
