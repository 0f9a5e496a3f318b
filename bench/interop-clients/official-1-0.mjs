/** `@modelcontextprotocol/sdk` 1.0: it takes the platform's EventSource and fetch as they are. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { EventSource } from 'eventsource'
import { headers, url, useOfficial } from './task.mjs'

const plainFetch = globalThis.fetch
globalThis.fetch = (target, init) => {
  const all = new Headers(init?.headers)
  all.set('authorization', headers.Authorization)
  return plainFetch(target, { ...init, headers: all })
}
globalThis.EventSource = class extends EventSource {
  constructor(target) {
    super(target, { fetch: globalThis.fetch })
  }
}

const client = new Client({ name: 'interop', version: '1' }, { capabilities: {} })
await client.connect(new SSEClientTransport(url))
await useOfficial(client)
