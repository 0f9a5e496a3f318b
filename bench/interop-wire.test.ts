import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { startWire, type Wire } from './interop-wire.js'

let server: Server
let wire: Wire

afterEach(() => {
  wire.close()
  server.close()
})

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} }
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } }
const agreed = JSON.stringify({ jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-03-26' } })

async function openWire(): Promise<void> {
  server = createServer((req, res) => {
    res.end(req.url === '/mcp' ? agreed : '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  wire = await startWire(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

async function post(body: object): Promise<string> {
  const response = await fetch(`${wire.origin}/mcp`, { method: 'POST', body: JSON.stringify(body) })
  return response.text()
}

test('notes the revision that initialize agreed on, once a tool is called in it', async () => {
  await openWire()
  expect(await post(initialize)).toBe(agreed)
  expect(wire.called()).toBeUndefined()
  await post(call)
  expect(wire.called()).toEqual({ revision: '2025-03-26', transport: 'http' })
})

test('notes the revision that a call itself names, whatever was agreed on before', async () => {
  await openWire()
  await post(initialize)
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
  await post({ ...call, params: { name: 'echo', _meta } })
  expect(wire.called()?.revision).toBe('2026-07-28')
})

test('lets a WebSocket with its key through', async () => {
  await openWire()
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'mcp' })
  sockets.on('connection', (socket, req) => {
    socket.on('message', () => socket.send(`${agreed} ${req.headers.authorization}`))
  })
  const headers = { authorization: 'Bearer key' }
  const client = new WebSocket(`${wire.origin.replace('http', 'ws')}/mcp/ws`, 'mcp', { headers })
  const heard = new Promise((resolve) => {
    client.once('message', (data) => resolve(String(data)))
  })
  client.once('open', () => client.send(JSON.stringify(initialize)))
  expect(await heard).toBe(`${agreed} Bearer key`)
  client.send(JSON.stringify(call))
  await new Promise((resolve) => client.once('message', resolve))
  expect(wire.called()).toEqual({ revision: '2025-03-26', transport: 'ws' })
})
