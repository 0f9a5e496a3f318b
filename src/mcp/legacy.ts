/**
 * `initialize`-based clients (2025-03-26 to 2025-11-25), and bare JSON-RPC without a session. The
 * SDK's server is driven through a transport of one exchange, without the web streams that its own
 * HTTP transports are made of.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type JSONRPCMessage,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Transport,
} from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'
import { sendJsonText } from './mcp.js'
import { answerPlainCall } from './plain-answer.js'
import { isToolCall } from './plain-call.js'
import { buildServer, type Caller } from './server.js'
import type { Sessions } from './session.js'
import type { ToolDeps } from './tools/tool.js'

export type Exchange = {
  req: IncomingMessage
  res: ServerResponse
  caller: Caller
  body: unknown
  /** What `body` holds: one message, or the messages of a batch. */
  messages: readonly JSONRPCMessage[]
}

export async function answerLegacy(
  deps: ToolDeps,
  sessions: Sessions,
  { req, res, caller, body, messages }: Exchange,
): Promise<void> {
  refuseUnknownVersion(req)
  const sessionId = req.headers['mcp-session-id']
  if (typeof sessionId === 'string' && !sessions.isLive(sessionId, caller.principal)) {
    // 404 makes the client begin a new session, whoever's this one was.
    throw new Problem('not_found', 'There is no such session; initialize a new one.')
  }
  const answers: string[] = []
  for (const message of messages) {
    if (isToolCall(message)) answers.push(await answerPlainCall(deps, caller, message, 'legacy'))
    else if ('method' in message && 'id' in message) {
      if (message.method === 'initialize') {
        res.setHeader('mcp-session-id', sessions.begin(caller.principal))
      }
      answers.push(JSON.stringify(await exchange(deps, caller, message)))
    }
  }
  if (answers.length === 0) res.writeHead(202).end()
  else sendJsonText(res, 200, Array.isArray(body) ? `[${answers.join(',')}]` : answers[0]!)
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
