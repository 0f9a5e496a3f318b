/** A bridge from stdio to the gateway, asked by the official client. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { headers, task, useOfficial } from './task.mjs'

const header = `Authorization: ${headers.Authorization}`
const BRIDGES = {
  'mcp-remote': {
    file: 'mcp-remote/dist/proxy.js',
    args: [task.url, '--header', header, '--allow-http', '--transport', `${task.transport}-only`],
  },
  supergateway: {
    file: 'supergateway/dist/index.js',
    args: [task.transport === 'sse' ? '--sse' : '--streamableHttp', task.url, '--header', header],
  },
}
const { file, args } = BRIDGES[task.mode]
const path = new URL(`../node_modules/${file}`, import.meta.url).pathname
const client = new Client({ name: 'interop', version: '1' })
await client.connect(
  new StdioClientTransport({ command: process.execPath, args: [path, ...args], env: process.env }),
)
await useOfficial(client)
