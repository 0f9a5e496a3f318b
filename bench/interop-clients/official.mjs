/** `@modelcontextprotocol/sdk` 1.x. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { headers, task, url, useOfficial } from './task.mjs'

const client = new Client({ name: 'interop', version: '1' }, { capabilities: {} })
await client.connect(await transport())
await useOfficial(client)

async function transport() {
  if (task.transport === 'http') {
    const { StreamableHTTPClientTransport } = await import(
      '@modelcontextprotocol/sdk/client/streamableHttp.js'
    )
    return new StreamableHTTPClientTransport(url, { requestInit: { headers } })
  }
  if (task.transport === 'sse') {
    const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js')
    const withKey = (target, init) =>
      fetch(target, { ...init, headers: { ...init?.headers, ...headers } })
    const options = { requestInit: { headers }, eventSourceInit: { fetch: withKey } }
    return new SSEClientTransport(url, options)
  }
  const { WebSocketClientTransport } = await import('@modelcontextprotocol/sdk/client/websocket.js')
  const { WebSocket } = await import('ws')
  // It takes what the platform has, which cannot send a key.
  globalThis.WebSocket = class extends WebSocket {
    constructor(target, protocols) {
      super(target, protocols, { headers })
    }
  }
  return new WebSocketClientTransport(url)
}
