/** `@modelcontextprotocol/client` 2.x. */
import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { headers, task, url, useOfficial } from './task.mjs'

const MODES = { legacy: undefined, auto: 'auto', pinned: { pin: '2026-07-28' } }
const mode = MODES[task.mode]
const client = new Client(
  { name: 'interop', version: '1' },
  mode === undefined ? {} : { versionNegotiation: { mode } },
)
const Transport = task.transport === 'sse' ? SSEClientTransport : StreamableHTTPClientTransport
await client.connect(new Transport(url, { requestInit: { headers } }))
await useOfficial(client)
