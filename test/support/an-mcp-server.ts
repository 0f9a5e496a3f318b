/** A scripted MCP server over streamable HTTP and the older event stream, of either era, well-behaved or hostile. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Record<string, unknown>

/** What a tool is given, and the ways in which it can misbehave. */
export type ToolRun = {
  name: string
  arguments: Json
  meta: Json
  session: string | undefined
  headers: IncomingMessage['headers']
  params: Json
  /** Sends a message in the stream of this call; makes the answer a stream. */
  say(message: Json): void
  progress(progress: number): void
  /** Sends a request to the client and waits for what it answers. */
  ask(method: string, params: Json): Promise<Json>
  /** Ends the call with exactly these bytes. */
  raw(status: number, contentType: string, text: string): void
  /** Ends the stream without an answer. */
  hangUp(): void
  response: ServerResponse
  id: unknown
  /** Resolves when the client cancels, or closes the stream. */
  cancelled: Promise<string>
}

export type McpServerOptions = {
  /** `both` speaks either; `session` unless given. */
  era?: 'session' | 'modern' | 'both'
  /** Of the session era. */
  revision?: string
  answers?: 'json' | 'stream'
  /** Whether `initialize` gives a session id. */
  isStateless?: boolean
  /** Whether there is a stream for what is said unasked; a number is the status of its refusal. */
  hasStream?: boolean | number
  tools?: Json[]
  pageSize?: number
  /** Runs a tool; `undefined` leaves the call without an answer. */
  run?: (run: ToolRun) => unknown
  /** Answers `initialize`, `server/discover` or `tools/list` in its own way; `undefined`: as usual. */
  handle?: (method: string, params: Json, id: unknown) => Json | 'silence' | undefined
  /** What requests must carry, else 401. */
  token?: () => string
  port?: number
}

export type McpServer = Awaited<ReturnType<typeof aMcpServer>>

export const echoTool = {
  name: 'echo',
  description: 'Says what it is told.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
}

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
const MODERN = '2026-07-28'

export async function aMcpServer(options: McpServerOptions = {}) {
  const { era = 'session', run = (call) => said(String(call.arguments.text)) } = options
  const state = {
    tools: options.tools ?? [echoTool],
    sessions: new Set<string>(),
    ended: [] as string[],
    /** Every request, as it came. */
    requests: [] as { method: string; headers: IncomingMessage['headers']; message: Json }[],
    /** Of `tools/call`. */
    calls: [] as ToolRun[],
    notifications: [] as Json[],
    streams: new Set<ServerResponse>(),
    listens: new Map<ServerResponse, unknown>(),
    sse: new Map<string, ServerResponse>(),
    waiting: new Map<string, (answer: Json) => void>(),
    cancels: new Map<unknown, (reason: string) => void>(),
  }
  let lastAsk = 0

  function send(response: ServerResponse, message: Json): void {
    if (!response.headersSent) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
    }
    response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
  }

  function reply(response: ServerResponse, message: Json, headers: Record<string, string> = {}) {
    if (response.destroyed || response.writableEnded) return
    if (response.headersSent || options.answers === 'stream') {
      for (const [name, value] of Object.entries(headers)) {
        if (!response.headersSent) response.setHeader(name, value)
      }
      send(response, message)
      response.end()
      return
    }
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(message))
  }

  function refuse(
    response: ServerResponse,
    status: number,
    code: number,
    message: string,
    id: unknown = null,
  ) {
    const error = { jsonrpc: '2.0', id, error: { code, message } }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(error))
  }

  function toolRun(message: Json, request: IncomingMessage, response: ServerResponse): ToolRun {
    const params = (message.params ?? {}) as Json
    const meta = (params._meta ?? {}) as Json
    const say = (each: Json) => send(response, { jsonrpc: '2.0', ...each })
    return {
      name: String(params.name),
      arguments: (params.arguments ?? {}) as Json,
      meta,
      params,
      session: headerOf(request, 'mcp-session-id'),
      headers: request.headers,
      say,
      progress: (progress) =>
        say({
          method: 'notifications/progress',
          params: { progressToken: meta.progressToken, progress },
        }),
      ask: (method, asked) => {
        const id = `server-${++lastAsk}`
        say({ id, method, params: asked })
        return new Promise((resolve) => state.waiting.set(id, resolve))
      },
      raw(status, contentType, text) {
        response.writeHead(status, { 'content-type': contentType })
        response.end(text)
      },
      hangUp: () => void response.end(),
      response,
      id: message.id,
      cancelled: new Promise((resolve) => {
        state.cancels.set(message.id, resolve)
        response.on('close', () => !response.writableFinished && resolve('closed'))
      }),
    }
  }

  async function resultOf(
    message: Json,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Json | undefined> {
    const params = (message.params ?? {}) as Json
    switch (message.method) {
      case 'initialize':
        return {
          protocolVersion: options.revision ?? params.protocolVersion,
          capabilities: { tools: { listChanged: true } },
          serverInfo: { name: 'scripted', version: '1' },
          instructions: 'Be kind.',
        }
      case 'server/discover':
        return {
          supportedVersions: [MODERN],
          capabilities: { tools: { listChanged: true } },
          resultType: 'complete',
          _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'scripted', version: '1' } },
        }
      case 'ping':
        return {}
      case 'tools/list':
        return pageOf(state.tools, options.pageSize ?? 1000, params.cursor)
      case 'tools/call': {
        const call = toolRun(message, request, response)
        state.calls.push(call)
        return (await run(call)) as Json | undefined
      }
      default:
        throw Object.assign(new Error('Method not found'), { code: -32601 })
    }
  }

  async function answer(
    message: Json,
    request: IncomingMessage,
    response: ServerResponse,
    respond: typeof reply,
  ) {
    const { id, method } = message
    const own = options.handle?.(String(method), (message.params ?? {}) as Json, id)
    if (own === 'silence') return
    const headers: Record<string, string> = {}
    if (method === 'initialize' && !options.isStateless) {
      const session = randomUUID()
      state.sessions.add(session)
      headers['mcp-session-id'] = session
    }
    try {
      const result = own ?? (await resultOf(message, request, response))
      if (result !== undefined) respond(response, { jsonrpc: '2.0', id, result }, headers)
    } catch (error) {
      const {
        code = -32603,
        message: text,
        data,
      } = error as Error & { code?: number; data?: unknown }
      respond(response, {
        jsonrpc: '2.0',
        id,
        error: { code, message: text, ...(data ? { data } : {}) },
      })
    }
  }

  /** Whether the era and the session of a message are fine; says so when not. */
  function isWelcome(message: Json, request: IncomingMessage, response: ServerResponse): boolean {
    const params = (message.params ?? {}) as Json
    const meta = (params._meta ?? {}) as Json
    const isModern = meta['io.modelcontextprotocol/protocolVersion'] === MODERN
    if (isModern && era === 'session') {
      refuse(response, 400, -32000, 'Bad Request: Server not initialized', message.id)
      return false
    }
    if (!isModern && era === 'modern' && message.id !== undefined) {
      refuse(response, 400, -32022, 'Unsupported protocol version', message.id)
      return false
    }
    if (isModern) {
      const isSame = headerOf(request, 'mcp-method') === message.method
      if (!isSame) refuse(response, 400, -32020, 'Header mismatch', message.id)
      return isSame
    }
    if (message.method === 'initialize' || options.isStateless) return true
    const session = headerOf(request, 'mcp-session-id')
    if (session !== undefined && state.sessions.has(session)) return true
    refuse(response, session === undefined ? 400 : 404, -32001, 'Session not found')
    return false
  }

  async function post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const message = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Json
    state.requests.push({ method: String(message.method), headers: request.headers, message })
    if (!isWelcome(message, request, response)) return
    if (take(message)) {
      response.writeHead(202).end()
    } else if (message.method === 'subscriptions/listen') {
      state.listens.set(response, message.id)
      response.on('close', () => state.listens.delete(response))
      send(response, {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { [SUBSCRIPTION]: message.id } },
      })
    } else await answer(message, request, response, reply)
  }

  /** Whether it was an answer or a notification. */
  function take(message: Json): boolean {
    if (message.method === undefined) {
      state.waiting.get(String(message.id))?.(message)
      return true
    }
    if (message.id !== undefined) return false
    state.notifications.push(message)
    if (message.method === 'notifications/cancelled') {
      const { requestId, reason } = message.params as Json
      state.cancels.get(requestId)?.(String(reason))
    }
    return true
  }

  function get(request: IncomingMessage, response: ServerResponse): unknown {
    const session = headerOf(request, 'mcp-session-id')
    const { hasStream = true } = options
    if (hasStream !== true || era === 'modern') {
      return response.writeHead(hasStream === true ? 405 : Number(hasStream) || 405).end()
    }
    if (!options.isStateless && !state.sessions.has(session ?? '')) {
      return refuse(response, 404, -32001, 'Session not found')
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    state.streams.add(response)
    response.on('close', () => state.streams.delete(response))
  }

  /** The transport of 2024-11-05. */
  async function older(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
  ): Promise<void> {
    if (request.method === 'GET') {
      const key = randomUUID()
      state.sse.set(key, response)
      response.on('close', () => state.sse.delete(key))
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: endpoint\ndata: /messages?key=${key}\n\n`)
      return
    }
    const stream = state.sse.get(url.searchParams.get('key') ?? '')
    if (!stream) return void response.writeHead(404).end('no such session')
    const message = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Json
    state.requests.push({ method: String(message.method), headers: request.headers, message })
    response.writeHead(202).end('Accepted')
    if (!take(message)) await answer(message, request, stream, (to, each) => send(to, each))
  }

  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const isKnown = !options.token || request.headers.authorization === `Bearer ${options.token()}`
    if (!isKnown) return void response.writeHead(401).end()
    if (url.pathname === '/sse' || url.pathname === '/messages')
      return void older(request, response, url)
    if (request.method === 'POST') return void post(request, response)
    if (request.method === 'GET') return get(request, response)
    const session = headerOf(request, 'mcp-session-id') ?? ''
    state.sessions.delete(session)
    state.ended.push(session)
    response.writeHead(200).end()
  })
  await listen(server, options.port ?? 0)
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      // A moment later the other end knows that its connections are gone.
      server.close(() => setTimeout(resolve, 20))
      server.closeAllConnections()
    })

  return {
    ...state,
    url: `http://127.0.0.1:${port}/mcp`,
    sseUrl: `http://127.0.0.1:${port}/sse`,
    hostPort: `127.0.0.1:${port}`,
    /** Says that the tools are others now. */
    setTools(tools: Json[]) {
      state.tools.splice(0, state.tools.length, ...tools)
      const message = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }
      for (const stream of [...state.streams, ...state.sse.values()]) send(stream, message)
      for (const [stream, id] of state.listens) {
        send(stream, { ...message, params: { _meta: { [SUBSCRIPTION]: id } } })
      }
    },
    /** As a restart does: no session is known any more, streams end. */
    async restart() {
      state.sessions.clear()
      server.closeAllConnections()
    },
    /** Every connection breaks and none is taken until `back`. */
    async down() {
      state.sessions.clear()
      await close()
    },
    back: () => listen(server, port),
    close,
  }
}

/** A result with one text. */
export function said(text: string): Json {
  return { content: [{ type: 'text', text }] }
}

function pageOf(tools: Json[], size: number, cursor: unknown): Json {
  const start = cursor === undefined ? 0 : Number(cursor)
  const end = start + size
  return {
    tools: tools.slice(start, end),
    ...(end < tools.length ? { nextCursor: String(end) } : {}),
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
}
