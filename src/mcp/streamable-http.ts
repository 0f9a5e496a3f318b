/** Streamable HTTP, for both eras: one POST a message, and a stream for what changes meanwhile. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  CLIENT_CAPABILITIES_META_KEY,
  classifyInboundRequest,
  isJsonContentType,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server'
import type { Principal } from '#accounts'
import type { Clock } from '#core/clock'
import { parseRequestJson } from '#core/json-text'
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import { canAsk } from './asking.js'
import { callerOf } from './caller.js'
import type { Entered } from './entrance.js'
import { openList } from './event-streams.js'
import { type Guests, whenOver } from './guests.js'
import { createAsker } from './input-needed.js'
import { answerLegacy, sessionIn } from './legacy.js'
import { messagesIn } from './messages.js'
import { createModern } from './modern.js'
import { createPendingAsks } from './pending-asks.js'
import { answerPlainCall } from './plain-answer.js'
import { plainCallIn } from './plain-call.js'
import { REFUSED, sendRpcError } from './refusals.js'
import { createRelayed, type RelayedDeps } from './relay/relayed.js'
import { sendJsonText } from './reply.js'
import { requireScopes } from './scopes.js'
import { createSessions, ownerOf } from './session.js'
import type { Caller } from './surface.js'
import { createRunningRequests } from './taken-back.js'

export type StreamableHttpDeps = RelayedDeps & {
  clock: Clock
  guests: Guests
  /** Reads a request's body, within the gateway's limit. */
  readBody(req: IncomingMessage): Promise<Buffer>
  /** Signs session ids; the same for all gateways of one database. */
  sessionKey: Buffer
  /** Signs what travels through clients while a person is asked. */
  stateKey: Buffer
}

export type Asked = Entered & { req: IncomingMessage; res: ServerResponse }

export function createStreamableHttp(deps: StreamableHttpDeps) {
  const sessions = createSessions({ key: deps.sessionKey, clock: deps.clock })
  const olderEra = { sessions, requests: createRunningRequests(), asks: createPendingAsks() }
  const modern = createModern()
  const asker = createAsker({ key: deps.stateKey, clock: deps.clock })
  const relayed = createRelayed(deps, modern)
  return { post, endSession, openStream, close: relayed.close }

  async function post(asked: Asked): Promise<void> {
    const { req, res, principal, surface, relayed: gateway } = asked
    if (!isJsonContentType(req.headers['content-type'] ?? null)) {
      throw new Problem('unsupported_media_type', 'Content-Type must be application/json.')
    }
    const body = parseRequestJson(await deps.readBody(req))
    requireScopes(surface, principal, body)
    const caller = callerOf(req, principal, res)
    const plain = plainCallIn(body, req.headers)
    if (plain?.era === 'modern' && !gateway) {
      const asking = { ...caller, ask: askIn(body, principal) }
      sendJsonText(res, 200, await answerPlainCall(surface, asking, plain.call, plain.era))
      return
    }
    const messages = messagesIn(body)
    const kind =
      plain?.era ?? classifyInboundRequest({ httpMethod: 'POST', body, ...headerFields(req) }).kind
    const stays = kind !== 'legacy' && surface.watch && messages.some(isListen)
    const own = stays ? staying(asked, caller) : caller
    const exchange = { req, res, surface, caller: own, body, messages }
    if (gateway) await relayed.post(gateway, exchange, { kind, isPlain: plain !== undefined })
    else if (kind === 'legacy') await answerLegacy(olderEra, exchange)
    else await modern.answer({ ...exchange, caller: { ...own, ask: askIn(body, principal) } })
  }

  /** Who asks for something that lasts, which ends when the caller has to go. */
  function staying(asked: Asked, caller: Caller): Caller {
    const guest = deps.guests.receive(asked.res, asked)
    return { ...caller, guest, signal: () => AbortSignal.any([caller.signal(), guest.over]) }
  }

  /** How a client of the current era, which says with each call what it can do, is asked. */
  function askIn(body: unknown, principal: Principal | undefined): Caller['ask'] {
    const params = isObject(body) && isObject(body.params) ? body.params : {}
    const meta = isObject(params._meta) ? params._meta : {}
    if (!principal || !canAsk(meta[CLIENT_CAPABILITIES_META_KEY])) return undefined
    return asker(principal, params)
  }

  function endSession({ req, res, principal, surface, relayed: gateway }: Asked): void {
    if (gateway) {
      relayed.endSession({ req, res, gateway, caller: callerOf(req, principal) })
      return
    }
    const ended = sessions.end(req.headers['mcp-session-id'], ownerOf(principal, surface))
    if (ended) res.writeHead(200).end()
    else sendRpcError(res, 404, REFUSED, 'There is no such session.')
  }

  function openStream(asked: Asked): void {
    const { req, res, principal, surface, relayed: gateway } = asked
    const guest = deps.guests.receive(res, asked)
    if (gateway) {
      relayed.listen({ req, res, gateway, caller: callerOf(req, principal) })
      whenOver(guest, () => void res.end())
      return
    }
    if (sessionIn(req, sessions, ownerOf(principal, surface)) === undefined) {
      throw new Problem('invalid_request', 'A stream belongs to a session: initialize first.')
    }
    openList(res, surface, guest)
  }
}

/** Whether a message asks to be told of changes, for as long as its client stays. */
function isListen(message: JSONRPCMessage): boolean {
  return 'method' in message && message.method === 'subscriptions/listen'
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
