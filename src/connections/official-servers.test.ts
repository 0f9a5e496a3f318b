/** The official SDK's servers, old and new: what the scripted ones take for granted is checked here. */
import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as OlderServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import {
  asAlice,
  resultOf,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'
import type { Progress, ServerSettings } from './connections.js'

const cleanups: (() => Promise<unknown>)[] = []
const inputSchema = { text: z.string() }

afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function olderServer(): OlderServer {
  const server = new OlderServer({ name: 'older', version: '1' })
  server.registerTool('echo', { inputSchema }, async ({ text }, { sendNotification, _meta }) => {
    const progressToken = _meta?.progressToken
    if (progressToken !== undefined) {
      const params = { progressToken, progress: 1, total: 2 }
      await sendNotification({ method: 'notifications/progress', params })
    }
    return { content: [{ type: 'text', text }] }
  })
  return server
}

const servers: Record<
  string,
  () => Promise<{ hostPort: string; path: string; sessions?: Map<string, unknown> }>
> = {
  async 'v1 with sessions'() {
    const sessions = new Map<string, StreamableHTTPServerTransport>()
    const hostPort = await listening(async (request, response) => {
      const known = sessions.get(String(request.headers['mcp-session-id']))
      if (known) return known.handleRequest(request, response)
      if (request.headers['mcp-session-id'] !== undefined) {
        response.writeHead(404).end()
        return
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, transport),
      })
      await olderServer().connect(transport as never)
      await transport.handleRequest(request, response)
    })
    return { hostPort, path: '/mcp', sessions }
  },
  async 'v1 without sessions'() {
    const hostPort = await listening(async (request, response) => {
      const transport = new StreamableHTTPServerTransport({})
      await olderServer().connect(transport as never)
      await transport.handleRequest(request, response)
    })
    return { hostPort, path: '/mcp' }
  },
  async 'v1 over the older transport'() {
    const transports = new Map<string, SSEServerTransport>()
    const hostPort = await listening(async (request, response) => {
      const url = new URL(request.url!, 'http://x')
      if (request.method === 'GET') {
        const transport = new SSEServerTransport('/messages', response)
        transports.set(transport.sessionId, transport)
        await olderServer().connect(transport)
      } else
        await transports
          .get(url.searchParams.get('sessionId')!)!
          .handlePostMessage(request, response)
    })
    return { hostPort, path: '/sse' }
  },
  async 'v2, both eras'() {
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'newer', version: '2' })
      server.registerTool(
        'echo',
        { inputSchema: z.object(inputSchema) },
        async ({ text }, { mcpReq }) => {
          const progressToken = mcpReq._meta?.progressToken
          if (progressToken !== undefined) {
            const params = { progressToken, progress: 1, total: 2 }
            await mcpReq.notify({ method: 'notifications/progress', params })
          }
          return { content: [{ type: 'text', text }] }
        },
      )
      return server
    })
    const listener = toNodeHandler(handler)
    const hostPort = await listening(
      (request, response) => void listener(request as never, response),
    )
    return { hostPort, path: '/mcp' }
  },
}

test.each(Object.keys(servers))(
  'the official server (%s) lists, is called and tells progress',
  async (name) => {
    const { hostPort, path, sessions } = await servers[name]!()
    const { connections } = someConnections([hostPort])
    const transport: ServerSettings['transport'] = path === '/sse' ? 'sse' : 'streamable_http'
    const settings = settingsFor(`http://${hostPort}${path}`, { transport })
    expect((await connections.listTools(settings)).map((tool) => tool.name)).toEqual(['echo'])
    const heard: Progress[] = []
    const onProgress = (progress: Progress) => heard.push(progress)
    const call = { tool: 'echo', arguments: { text: 'grüße' } }
    expect(textOf(await connections.callTool(settings, call, { ...asAlice, onProgress }))).toBe(
      'grüße',
    )
    expect(heard).toEqual([{ progress: 1, total: 2 }])
    sessions?.clear()
    expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('grüße')
    const relay = await connections.openRelay(settings, {
      capabilities: {},
      clientInfo: { name: 'agent', version: '1' },
      protocolVersion: name.startsWith('v2') ? '2026-07-28' : '2025-11-25',
      onRequest: async () => ({}),
      onNotification() {},
    })
    expect(relay.era).toBe(name.startsWith('v2') ? 'modern' : 'session')
    expect(
      await resultOf(relay, 'tools/call', { name: 'echo', arguments: { text: 'x' } }),
    ).toMatchObject({
      content: [{ text: 'x' }],
    })
    await expect(resultOf(relay, 'no/such', {})).rejects.toMatchObject({ code: -32601 })
    await connections.close()
  },
)
