/**
 * `initialize`-based clients (2025-03-26 to 2025-11-25), and bare JSON-RPC without a session. The
 * SDK's server is driven through a transport of one exchange, without the web streams that its own
 * HTTP transports are made of.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Transport,
} from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'
import { sendJsonText } from './mcp.js'
import { answerPlainCall } from './plain-answer.js'
import { isToolCall } from './plain-call.js'
import { buildServer, type Caller } from './server.js'
import type { Sessions } from './session.js'
import type { RunningRequests } from './taken-back.js'
import type { ToolDeps } from './tools/tool.js'

export type Exchange = {
  req: IncomingMessage
  res: ServerResponse
  caller: Caller
  body: unknown
  /** What `body` holds: one message, or the messages of a batch. */
  messages: readonly JSONRPCMessage[]
}

/** What the sessions of older clients need beside the tools. */
export type OlderEra = { sessions: Sessions; requests: RunningRequests }

export async function answerLegacy(
  deps: ToolDeps,
  era: OlderEra,
  { req, res, caller, body, messages }: Exchange,
): Promise<void> {
  refuseUnknownVersion(req)
  const sessionId = sessionIn(req, era.sessions, caller)
  const answers: string[] = []
  for (const message of messages) {
    if (!('method' in message)) continue
    if ('id' in message) {
      if (message.method === 'initialize') {
        res.setHeader('mcp-session-id', era.sessions.begin(caller.principal))
      }
      answers.push(await answerOne(deps, era.requests, { sessionId, caller, message }))
    } else if (message.method === 'notifications/cancelled' && sessionId !== undefined) {
      era.requests.takeBack(sessionId, message.params?.requestId)
    }
  }
  if (answers.length === 0) res.writeHead(202).end()
  else sendJsonText(res, 200, Array.isArray(body) ? `[${answers.join(',')}]` : answers[0]!)
}

/** The session that a request belongs to; clients without one are served, too. */
function sessionIn(
  req: IncomingMessage,
  sessions: Sessions,
  { principal }: Caller,
): string | undefined {
  const id = req.headers['mcp-session-id']
  if (typeof id !== 'string') return undefined
  if (sessions.isLive(id, principal)) return id
  // 404 makes the client begin a new session, whoever's this one was.
  throw new Problem('not_found', 'There is no such session; initialize a new one.')
}

type Asking = { sessionId: string | undefined; caller: Caller; message: JSONRPCRequest }

/** Answers a request, which its client can take back while it runs if it has a session. */
async function answerOne(
  deps: ToolDeps,
  requests: RunningRequests,
  { sessionId, caller, message }: Asking,
): Promise<string> {
  if (sessionId === undefined) return answerRequest(deps, caller, message)
  const request = requests.begin(sessionId, message.id)
  const isGone = () => caller.isGone() || request.isTakenBack()
  try {
    return await answerRequest(deps, { ...caller, isGone }, message)
  } finally {
    request.done()
  }
}

async function answerRequest(
  deps: ToolDeps,
  caller: Caller,
  message: JSONRPCRequest,
): Promise<string> {
  if (isToolCall(message)) return answerPlainCall(deps, caller, message, 'legacy')
  return JSON.stringify(await exchange(deps, caller, message))
}

/** One request to a server of its own, and its response. */
async function exchange(
  deps: ToolDeps,
  caller: Caller,
  message: JSONRPCMessage,
): Promise<JSONRPCMessage> {
  const server = buildServer(deps, caller)
  return new Promise((resolve, reject) => {
    const transport: Transport = {
      start: async () => {},
      send: async (answer) => {
        if ('id' in answer && !('method' in answer)) resolve(answer)
      },
      close: async () => transport.onclose?.(),
    }
    server
      .connect(transport)
      .then(() => transport.onmessage?.(message))
      .catch(reject)
  })
}

function refuseUnknownVersion(req: IncomingMessage): void {
  const version = req.headers['mcp-protocol-version']
  if (typeof version !== 'string' || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return
  throw new Problem(
    'invalid_request',
    `The protocol version ${version.slice(0, 40)} is not served.`,
    {
      action: `Use one of ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`,
    },
  )
}
