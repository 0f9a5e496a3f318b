/**
 * `initialize`-based clients (2025-03-26 to 2025-11-25) over Streamable HTTP, and bare JSON-RPC
 * without a session.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'
import { canAsk } from './asking.js'
import { answerRequest } from './older-request.js'
import type { PendingAsks } from './pending-asks.js'
import { createReply, type Reply } from './reply.js'
import { asksIn, ownerOf, type Sessions } from './session.js'
import type { Caller, Surface } from './surface.js'
import type { RunningRequests } from './taken-back.js'

export type Exchange = {
  req: IncomingMessage
  res: ServerResponse
  surface: Surface
  caller: Caller
  body: unknown
  /** What `body` holds: one message, or the messages of a batch. */
  messages: readonly JSONRPCMessage[]
}

/** What the sessions of older clients need beside the tools. */
export type OlderEra = { sessions: Sessions; requests: RunningRequests; asks: PendingAsks }

export async function answerLegacy(
  era: OlderEra,
  { req, res, surface, caller, body, messages }: Exchange,
): Promise<void> {
  refuseUnknownVersion(req)
  const owner = ownerOf(caller.principal, surface)
  const sessionId = sessionIn(req, era.sessions, owner)
  const reply = createReply(req, res, Array.isArray(body))
  for (const message of messages) {
    if (!('method' in message)) {
      if (sessionId !== undefined) era.asks.answered(sessionId, message)
    } else if ('id' in message) {
      if (message.method === 'initialize') {
        const asks = canAsk(message.params?.capabilities)
        res.setHeader('mcp-session-id', era.sessions.begin(owner, asks))
      }
      reply.answer(await answerOne(era, { sessionId, surface, caller, message, reply }))
    } else if (message.method === 'notifications/cancelled' && sessionId !== undefined) {
      era.requests.takeBack(sessionId, message.params?.requestId)
    }
  }
  reply.end()
}

/** The session that a request belongs to; clients without one are served, too. */
export function sessionIn(
  req: IncomingMessage,
  sessions: Sessions,
  owner: string,
): string | undefined {
  const id = req.headers['mcp-session-id']
  if (typeof id !== 'string') return undefined
  if (sessions.isLive(id, owner)) return id
  // 404 makes the client begin a new session, whoever's this one was.
  throw new Problem('not_found', 'There is no such session; initialize a new one.')
}

type Asking = {
  sessionId: string | undefined
  surface: Surface
  caller: Caller
  message: JSONRPCRequest
  reply: Reply
}

/** Answers a request, which its client can take back while it runs if it has a session. */
async function answerOne(
  { requests, asks }: OlderEra,
  { sessionId, surface, caller, message, reply }: Asking,
): Promise<string> {
  if (sessionId === undefined) return answerRequest(surface, caller, message, reply.notify)
  const request = requests.begin(sessionId, message.id)
  const isGone = () => caller.isGone() || request.isTakenBack()
  const client = () => ({ send: reply.notify, gone: [caller.signal(), request.signal()] })
  const ask: Caller['ask'] = asksIn(sessionId)
    ? (question) => asks.ask(sessionId, question, client())
    : undefined
  const own = { ...caller, isGone, signal: request.signal, ask }
  try {
    return await answerRequest(surface, own, message, reply.notify)
  } finally {
    request.done()
  }
}

/** @throws Problem `invalid_request` for a revision that is not served. */
export function refuseUnknownVersion(req: IncomingMessage): void {
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
