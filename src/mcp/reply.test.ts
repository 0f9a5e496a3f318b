import { once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openEvents, sendEvent } from './reply.js'

const MIB = 1024 * 1024

test('a client that does not read its stream is given up, and so is what it was to read', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = request({ host: '127.0.0.1', port }).end()
  client.on('error', () => {})
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  openEvents(res)
  const mostUnsent = Math.max(
    ...Array.from({ length: 40 }, () => {
      sendEvent(res, 'x'.repeat(MIB))
      return res.writableLength
    }),
  )
  expect(res.destroyed).toBe(true)
  expect(mostUnsent).toBeLessThan(18 * MIB)
})
