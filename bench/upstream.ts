/**
 * The API that every contender stands in front of: echoes `text`, as cheaply as node:http can. As
 * JSON at `/rest/echo`, and as a hand-written MCP server at `/mcp` for gateways that need one.
 */
import { createServer } from 'node:http'
import { readJson, sendJson, serve } from './small-server.js'

type RpcRequest = {
  id?: number | string
  method: string
  params: { protocolVersion?: string; arguments?: { text: string } }
}

const TOOLS = [
  {
    name: 'echo',
    description: 'Echo text back',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  },
]

const METHOD_NOT_FOUND = { code: -32_601, message: 'Method not found' }

const server = createServer(async (req, res) => {
  if (req.method !== 'POST') return void res.writeHead(405).end()
  const body = await readJson(req)
  if (req.url === '/rest/echo') {
    return sendJson(res, { text: `echo:${(body as { text: string }).text}` })
  }
  const request = body as RpcRequest
  if (request.id === undefined) return void res.writeHead(202).end()
  const result = resultOf(request)
  const answer = result ? { result } : { error: METHOD_NOT_FOUND }
  sendJson(res, { jsonrpc: '2.0', id: request.id, ...answer })
})

function resultOf({ method, params }: RpcRequest): object | undefined {
  if (method === 'initialize') {
    return {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'echo', version: '1' },
    }
  }
  if (method === 'tools/list') return { tools: TOOLS }
  if (method === 'tools/call') {
    return { content: [{ type: 'text', text: `echo:${params.arguments!.text}` }] }
  }
  return method === 'ping' ? {} : undefined
}

serve(server)
