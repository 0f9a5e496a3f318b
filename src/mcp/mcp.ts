/**
 * The MCP face: seven tools over Streamable HTTP at `/mcp`, for both eras of the protocol at once.
 *
 * Requests that carry the 2026-07-28 envelope are served without session; `initialize`-based
 * clients down to 2025-03-26 get a session that is bound to their key. A plain tools/call is answered
 * at once; all else the official SDK dispatches, each request on a server object of its own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { classifyInboundRequest, isJsonContentType } from '@modelcontextprotocol/server'
import type { Principal } from '#accounts'
import { parseRequestJson } from '#core/json-text'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import { answerLegacy } from './legacy.js'
import { messagesIn } from './messages.js'
import { createModern } from './modern.js'
import { answerPlainCall } from './plain-answer.js'
import { plainCallIn } from './plain-call.js'
import { createSessions } from './session.js'
import { tagOf } from './tag.js'
import { createRunningRequests } from './taken-back.js'
import type { ToolDeps } from './tools/tool.js'

const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600
const REFUSED = -32_000

type McpDeps = ToolDeps & {
  accounts: { authenticate(secret: string | undefined): Promise<Principal> }
  /** Whether looking needs no key. */
  publicBrowse: boolean
  /** Reads a request's body, within the gateway's limit. */
  readBody(req: IncomingMessage): Promise<Buffer>
  /** Signs session ids; the same for all gateways of one database. */
  sessionKey: Buffer
}

export type McpFace = { handle(req: IncomingMessage, res: ServerResponse): Promise<void> }

export function createMcpFace(deps: McpDeps): McpFace {
  const sessions = createSessions({ key: deps.sessionKey, clock: deps.clock })
  const olderEra = { sessions, requests: createRunningRequests() }
  const modern = createModern(deps)
  return { handle }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const principal = await authenticate(req)
      if (req.method === 'POST') await post(req, res, principal)
      else if (req.method === 'DELETE') endSession(req, res, principal)
      else sendRpcError(res.setHeader('allow', 'POST, DELETE'), 405, REFUSED, 'Use POST.')
    } catch (error) {
      refuse(res, error)
    }
  }

  async function authenticate(req: IncomingMessage): Promise<Principal | undefined> {
    const header = req.headers.authorization
    if (header === undefined && deps.publicBrowse) return undefined
    return deps.accounts.authenticate(/^bearer +(\S+)$/i.exec(header ?? '')?.[1])
  }

  async function post(
    req: IncomingMessage,
    res: ServerResponse,
    principal: Principal | undefined,
  ): Promise<void> {
    if (!isJsonContentType(req.headers['content-type'] ?? null)) {
      throw new Problem('unsupported_media_type', 'Content-Type must be application/json.')
    }
    const body = parseRequestJson(await deps.readBody(req))
    const caller = { principal, isGone: () => isGone(res), tag: tagOf(req) }
    const plain = plainCallIn(body, req.headers)
    if (plain?.era === 'modern') {
      sendJsonText(res, 200, await answerPlainCall(deps, caller, plain.call, plain.era))
      return
    }
    const exchange = { req, res, caller, body, messages: messagesIn(body) }
    const kind =
      plain?.era ?? classifyInboundRequest({ httpMethod: 'POST', body, ...headerFields(req) }).kind
    if (kind === 'legacy') await answerLegacy(deps, olderEra, exchange)
    else await modern.answer(exchange)
  }

  function endSession(
    req: IncomingMessage,
    res: ServerResponse,
    principal: Principal | undefined,
  ): void {
    const ended = sessions.end(req.headers['mcp-session-id'], principal)
    if (ended) res.writeHead(200).end()
    else sendRpcError(res, 404, REFUSED, 'There is no such session.')
  }

  function refuse(res: ServerResponse, error: unknown): void {
    if (res.headersSent) {
      res.destroy()
      return
    }
    const refusal = refusalIn(error)
    if (refusal) {
      deps.telemetry.refused(refusal.code, 'mcp')
      if (refusal.status === 401) {
        res.setHeader('www-authenticate', 'Bearer realm="souk"')
      }
      const code = refusal.code === 'invalid_request' ? rpcCodeOf(refusal) : REFUSED
      sendRpcError(res, refusal.status, code, refusal.message, refusal.toJSON())
      return
    }
    const trace_id = deps.telemetry.failed(error)
    sendRpcError(res, 500, -32_603, 'The gateway failed.', { code: 'internal_error', trace_id })
  }
}

/** A body that is not JSON is a parse error; one that is, but is not allowed, an invalid request. */
function rpcCodeOf(error: Problem): number {
  return /not valid (JSON|UTF-8)/.test(error.message) ? PARSE_ERROR : INVALID_REQUEST
}

function sendRpcError(
  res: ServerResponse,
  status: number,
  code: number,
  message: string,
  data?: unknown,
): void {
  const error = { code, message, ...(data !== undefined && { data }) }
  sendJsonText(res, status, JSON.stringify({ jsonrpc: '2.0', id: null, error }))
}

/** Sends text that is JSON. */
export function sendJsonText(res: ServerResponse, status: number, text: string): void {
  const length = Buffer.byteLength(text)
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': length })
  res.end(text)
}

function headerFields(req: IncomingMessage) {
  const header = (name: string) => {
    const value = req.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const protocolVersionHeader = header('mcp-protocol-version')
  const mcpMethodHeader = header('mcp-method')
  const mcpNameHeader = header('mcp-name')
  return {
    ...(protocolVersionHeader !== undefined && { protocolVersionHeader }),
    ...(mcpMethodHeader !== undefined && { mcpMethodHeader }),
    ...(mcpNameHeader !== undefined && { mcpNameHeader }),
  }
}

/** Whether the client went away before it was answered. */
function isGone(res: ServerResponse): boolean {
  return res.destroyed && !res.writableFinished
}
