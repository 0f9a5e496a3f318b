/** MCP clients as people set them up: from the block of configuration that a page shows, or by hand. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { WebSocket } from 'ws'
import type { Door, Json } from './world.js'

/** Of the forms that the pages show, whichever names its key. */
export type ClientConfig = {
  transport?: string
  url: string
  headers?: Record<string, string>
  apiKey?: string
  auth?: { type: string; token: string }
}

/** A client of the official SDK that this block sets up, connected. */
export async function clientOf(config: ClientConfig): Promise<Client> {
  const { url, transport = 'streamable-http', apiKey = config.auth?.token } = config
  const headers = { ...(apiKey && { Authorization: `Bearer ${apiKey}` }), ...config.headers }
  const client = new Client({ name: 'configured', version: '1' })
  const requestInit = { headers }
  if (transport === 'sse') {
    const eventSourceInit = {
      fetch: (to: string | URL, init: RequestInit = {}) =>
        fetch(to, { ...init, headers: { ...init.headers, ...headers } }),
    }
    await client.connect(
      new SSEClientTransport(new URL(url), { requestInit, eventSourceInit } as never),
    )
  } else {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  }
  return client
}

export type RpcAnswer = { status: number; headers: Headers; json: Json; result: Json; error: Json }
export type Rpc = (method: string, params?: Json, headers?: Json) => Promise<RpcAnswer>

/** Plain JSON-RPC by POST, without a handshake and without an Accept header, as curl sends it. */
export function rpcAt(world: Pick<Door, 'rest'>, at: string, key: string | undefined): Rpc {
  const path = at.startsWith('http') ? new URL(at).pathname : at
  let last = 0
  return async (method, params, headers = {}) => {
    const message = { jsonrpc: '2.0', id: ++last, method, ...(params && { params }) }
    const sent = headers as Record<string, string>
    const { status, headers: got, json } = await world.rest('POST', path, key, message, sent)
    return { status, headers: got, json, result: json.result as Json, error: json.error as Json }
  }
}

/** The names of a result of `tools/list`. */
export function namesIn(result: Json): string[] {
  return (result.tools as { name: string }[]).map(({ name }) => name)
}

export type Socket = {
  /** Sends this frame as it is. */
  send(frame: string | Buffer, options?: { binary?: boolean }): void
  /** The answer with the id of this request, which it sends. */
  ask(message: Json): Promise<Json>
  /** Every message that came. */
  heard: Json[]
  /** With the code of its closing. */
  closed: Promise<number>
  close(): void
  /** Is gone without a word. */
  breakOff(): void
}

/** An open WebSocket to a gateway's `/ws`. Rejects with the status where it is refused. */
export async function aSocket(url: string, headers: Record<string, string>): Promise<Socket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'mcp', { headers })
  const heard: Json[] = []
  const waiting = new Map<unknown, (answer: Json) => void>()
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Json
    heard.push(message)
    waiting.get(message.id)?.(message)
  })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_req, res) => reject(new Error(String(res.statusCode))))
    socket.on('error', reject)
  })
  return {
    heard,
    closed,
    send: (frame, options = {}) => socket.send(frame, options),
    ask: (message) =>
      new Promise((resolve) => {
        waiting.set(message.id, resolve)
        socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }))
      }),
    close: () => socket.close(),
    breakOff: () => socket.terminate(),
  }
}
