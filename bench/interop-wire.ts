/** Stands between a client and the gateway, lets everything pass, and notes what was agreed on. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { Transport } from './interop-client-list.js'

export type Called = { revision: string | undefined; transport: Transport }

export type Wire = {
  /** Where the client is sent. */
  origin: string
  /** How a tool was called last; `undefined` where none was. */
  called(): Called | undefined
  close(): void
}

export async function startWire(gateway: string): Promise<Wire> {
  const notes = takeNotes()
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'mcp' })
  const server = createServer((req, res) => pass(gateway, req, res, notes))
  server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (client) => passSocket(gateway, req, client, notes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    called: notes.called,
    close() {
      for (const client of sockets.clients) client.terminate()
      server.close()
      server.closeAllConnections()
    },
  }
}

type Notes = ReturnType<typeof takeNotes>

function takeNotes() {
  let negotiated: string | undefined
  let called: Called | undefined
  return {
    sent(text: string, transport: Transport): void {
      if (!text.includes('"tools/call"')) return
      const [, own] = /"io\.modelcontextprotocol\/protocolVersion":"([\d-]+)"/.exec(text) ?? []
      called = { revision: own ?? negotiated, transport }
    },
    /** The answer to an `initialize` names the revision. */
    received(text: string): void {
      negotiated = /"protocolVersion":"([\d-]+)"/.exec(text)?.[1] ?? negotiated
    },
    called: () => called,
  }
}

function pass(gateway: string, req: IncomingMessage, res: ServerResponse, notes: Notes): void {
  const sent: Buffer[] = []
  const { method, headers } = req
  const onward = request(gateway + req.url, { method, headers }, (answer) => {
    res.writeHead(answer.statusCode!, answer.headers)
    answer.on('data', (chunk: Buffer) => {
      notes.received(chunk.toString())
      res.write(chunk)
    })
    answer.on('end', () => res.end())
    answer.on('error', () => res.destroy())
  })
  onward.on('error', () => res.destroy())
  res.on('close', () => onward.destroy())
  req.on('data', (chunk: Buffer) => sent.push(chunk))
  req.on('end', () => {
    const body = Buffer.concat(sent)
    notes.sent(body.toString(), req.url!.includes('/messages') ? 'sse' : 'http')
    onward.end(body)
  })
}

function passSocket(gateway: string, req: IncomingMessage, client: WebSocket, notes: Notes): void {
  const { authorization = '' } = req.headers
  const url = gateway.replace('http', 'ws') + req.url
  const onward = new WebSocket(url, 'mcp', { headers: { authorization } })
  const waiting: string[] = []
  client.on('message', (data: RawData) => {
    notes.sent(String(data), 'ws')
    if (onward.readyState === WebSocket.OPEN) onward.send(String(data))
    else waiting.push(String(data))
  })
  onward.on('open', () => {
    for (const text of waiting) onward.send(text)
  })
  onward.on('message', (data: RawData) => {
    notes.received(String(data))
    client.send(String(data))
  })
  onward.on('error', () => client.terminate())
  onward.on('close', () => client.close())
  client.on('close', () => onward.close())
}
