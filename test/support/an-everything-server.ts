/**
 * The server that the conformance runner wants to meet: every tool, resource and prompt of its texts, in
 * both eras. Written for this project, with the official SDK.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type NodeIncomingMessageLike,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node'
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  type EventStore,
  isLegacyRequest,
  type McpHttpHandler,
  ProtocolError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { form, needed, roundTools } from './everything-rounds.js'
import { PNG, plainTools, type ToolSide } from './everything-tools.js'

type Json = Record<string, unknown>
type Change = (what: 'tools' | 'prompts') => void

const INVALID_PARAMS = -32_602
const tools = [...plainTools, ...roundTools]
export const toolCount = tools.length

const resources = [
  ['test://static-text', 'Static text', 'text/plain'],
  ['test://static-binary', 'Static binary', 'image/png'],
  ['test://watched-resource', 'Watched resource', 'text/plain'],
].map(([uri, name, mimeType]) => ({ uri, name, mimeType, description: `The runner's ${name}` }))

const template = {
  uriTemplate: 'test://template/{id}/data',
  name: 'Template',
  description: "The runner's template",
  mimeType: 'application/json',
}

const argument = (name: string) => ({ name, description: `The argument ${name}`, required: true })
const prompts = [
  ['test_simple_prompt', []],
  ['test_prompt_with_arguments', [argument('arg1'), argument('arg2')]],
  ['test_prompt_with_embedded_resource', [argument('resourceUri')]],
  ['test_prompt_with_image', []],
  ['test_input_required_result_prompt', []],
].map(([name, args]) => ({ name, description: `The runner's ${name}`, arguments: args }))

function read(uri: string): Json {
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? []
  if (id !== undefined) {
    const data = { id, templateTest: true, data: `Data for ID: ${id}` }
    return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }] }
  }
  const known = resources.find((resource) => resource.uri === uri)
  if (!known) throw new ProtocolError(INVALID_PARAMS, `Resource not found: ${uri}`, { uri })
  const { mimeType } = known
  if (mimeType === 'image/png') return { contents: [{ uri, mimeType, blob: PNG }] }
  const text = 'This is the content of the static text resource.'
  return { contents: [{ uri, mimeType, text }] }
}

function prompt(name: string, args: Record<string, string>, answers: ToolSide['answers']): Json {
  const said = (...contents: Json[]) => ({
    messages: contents.map((content) => ({ role: 'user', content })),
  })
  const text = (words: string) => ({ type: 'text', text: words })
  switch (name) {
    case 'test_simple_prompt':
      return said(text('This is a simple prompt for testing.'))
    case 'test_prompt_with_arguments':
      return said(text(`Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'`))
    case 'test_prompt_with_embedded_resource': {
      const content = 'Embedded resource content for testing.'
      const resource = { uri: args.resourceUri, mimeType: 'text/plain', text: content }
      const words = text('Please process the embedded resource above.')
      return said({ type: 'resource', resource }, words)
    }
    case 'test_prompt_with_image': {
      const image = { type: 'image', data: PNG, mimeType: 'image/png' }
      return said(image, text('Please analyze the image above.'))
    }
    case 'test_input_required_result_prompt': {
      const { context } = (answers.user_context?.content ?? {}) as Json
      if (typeof context === 'string') return said(text(`The context is ${context}.`))
      const question = 'What context should the prompt use?'
      return needed({ user_context: form(question, { context: { type: 'string' } }) })
    }
    default:
      throw new ProtocolError(INVALID_PARAMS, `Unknown prompt: ${name}`)
  }
}

function everything(hasSession: boolean, changed: Change): Server {
  const server = new Server(
    { name: 'everything', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        logging: {},
        completions: {},
      },
    },
  )
  const answer = (method: string, run: (params: Json, context: ServerContext) => unknown) =>
    server.setRequestHandler(
      method as 'ping',
      ((request: { params?: Json }, context: ServerContext) =>
        run(request.params ?? {}, context)) as never,
    )
  answer('tools/list', () => ({
    tools: tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
  }))
  answer('tools/call', (params, context) => {
    const tool = tools.find(({ name }) => name === params.name)
    if (!tool) throw new ProtocolError(INVALID_PARAMS, `Unknown tool: ${params.name}`)
    const side = sideOf(server, context, params, { hasSession, changed })
    return tool.run((params.arguments ?? {}) as Json, side)
  })
  answer('resources/list', () => ({ resources }))
  answer('resources/templates/list', () => ({ resourceTemplates: [template] }))
  answer('resources/read', ({ uri }) => read(String(uri)))
  answer('prompts/list', () => ({ prompts }))
  answer('prompts/get', (params, context) => {
    const { answers } = sideOf(server, context, params, { hasSession, changed })
    return prompt(String(params.name), (params.arguments ?? {}) as Record<string, string>, answers)
  })
  answer('completion/complete', () => ({
    completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false },
  }))
  if (hasSession) {
    for (const method of ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel']) {
      answer(method, () => ({}))
    }
  }
  return server
}

function sideOf(
  server: Server,
  { mcpReq, http }: ServerContext,
  params: Json,
  { hasSession, changed }: { hasSession: boolean; changed: Change },
): ToolSide {
  const meta = (mcpReq._meta ?? params._meta ?? {}) as Json
  const envelope = mcpReq.envelope as Json | undefined
  const token = meta.progressToken
  const capabilities = hasSession
    ? server.getClientCapabilities()
    : (envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? meta[CLIENT_CAPABILITIES_META_KEY])
  const state = mcpReq.requestState
  return {
    hasSession,
    log: (data) => mcpReq.log('info', data),
    async progress(progress) {
      if (token === undefined) return
      const value = { progressToken: token, progress, total: 100 }
      await mcpReq.notify({ method: 'notifications/progress', params: value } as never)
    },
    ask: (method, asked) => mcpReq.send({ method, params: asked } as never) as Promise<Json>,
    closeStream: () => http?.closeSSE?.(),
    changed,
    capabilities: (capabilities ?? {}) as Json,
    answers: (mcpReq.inputResponses ?? params.inputResponses ?? {}) as ToolSide['answers'],
    requestState: (typeof state === 'function' ? state() : params.requestState) as
      | string
      | undefined,
  }
}

function eventStore(): EventStore {
  const events: { id: string; streamId: string; message: Json }[] = []
  return {
    async storeEvent(streamId, message) {
      const id = `${events.length + 1}`
      events.push({ id, streamId, message: message as Json })
      return id
    },
    async replayEventsAfter(lastEventId, { send }) {
      const last = events.find(({ id }) => id === lastEventId)
      for (const { id, streamId, message } of events.slice(Number(lastEventId))) {
        const isPriming = Object.keys(message).length === 0
        if (streamId === last?.streamId && !isPriming) await send(id, message as never)
      }
      return last?.streamId ?? ''
    },
  }
}

/** @param port a free one unless given. */
export async function everythingServer(port = 0) {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const servers = new Set<Server>()
  const changed: Change = (what) => {
    if (what === 'tools') modern.notify.toolsChanged()
    else modern.notify.promptsChanged()
    for (const server of servers) {
      const method = `notifications/${what}/list_changed`
      void server.notification({ method } as never).catch(() => {})
    }
  }
  const modern: McpHttpHandler = createMcpHandler(() => everything(false, changed), {
    legacy: 'reject',
  })
  const modernHandler = toNodeHandler(modern)

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const bytes = await req.toArray()
    const text = Buffer.concat(bytes).toString()
    const body = text === '' ? undefined : JSON.parse(text)
    // The SDK's type for a request of Node is narrower than Node's own.
    const request = req as NodeIncomingMessageLike
    if (!(await isLegacyRequest(await toWebRequest(request, body)))) {
      await modernHandler(request, res, body)
      return
    }
    const known = sessions.get(String(req.headers['mcp-session-id']))
    if (known) await known.handleRequest(req, res, body)
    else if (body?.method === 'initialize') await (await begin()).handleRequest(req, res, body)
    else {
      const error = { code: -32_001, message: 'Session not found' }
      res.writeHead(404, { 'content-type': 'application/json' })
      res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    }
  }

  async function begin(): Promise<NodeStreamableHTTPServerTransport> {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: eventStore(),
      retryInterval: 200,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    const server = everything(true, changed)
    servers.add(server)
    await server.connect(transport)
    return transport
  }

  const http = createServer((req, res) => {
    serve(req, res).catch((error) => {
      if (!res.headersSent) res.writeHead(500)
      res.end(String(error))
    })
  })
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const hostPort = `127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    hostPort,
    url: `http://${hostPort}/mcp`,
    sessions,
    async close() {
      await modern.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
