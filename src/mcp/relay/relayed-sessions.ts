/**
 * Sessions of clients of the session era at relayed gateways, over Streamable HTTP. Each has its own
 * connection to the server, so it lives in this process alone, and a client that comes to another one
 * is told to begin anew.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Clock } from '#core/clock'
import { type Guests, type Visitor, whenOver } from '../guests.js'
import { sendRpcError } from '../refusals.js'
import { ownerOf } from '../session.js'
import { createEventLogs } from './event-log.js'
import { createKeptSessions, type KeptSession } from './kept-sessions.js'
import type { KnownCaller, RelayDeps, RelayedGateway } from './relayed-request.js'
import { type Hello, helloOf, startRelayedSession } from './relayed-session.js'
import { createResumableStreams, type PostStream } from './resumable-streams.js'

const PRIMED = '2025-11-25'
const SESSION_NOT_FOUND = -32_001

export type Posted = {
  req: IncomingMessage
  res: ServerResponse
  gateway: RelayedGateway
  caller: KnownCaller
  messages: readonly JSONRPCMessage[]
  isBatch: boolean
}

type Deps = RelayDeps & { clock: Clock; guests: Pick<Guests, 'accept'> }

export function createRelayedSessions(deps: Deps) {
  const sessions = createKeptSessions(deps.clock)
  const openLog = createEventLogs()

  return {
    /** Begins a session with the `initialize` that was posted. */
    async begin(posted: Posted, initialize: JSONRPCRequest): Promise<void> {
      const { res, gateway, caller } = posted
      const kept = await open(gateway, caller, helloOf(initialize))
      res.setHeader('mcp-session-id', kept.id)
      const { id } = initialize
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: kept.session.greeting })
      const { primes } = kept
      const stream = kept.streams.post(posted.req, res, { ...posted, primes })
      stream.answer(text)
      stream.end()
    },
    /** @throws Problem `not_found` where the caller has no such session. */
    async post(posted: Posted): Promise<void> {
      const kept = sessions.find(posted.req, posted.gateway, posted.caller)
      const { primes } = kept
      const stream = kept.streams.post(posted.req, posted.res, { ...posted, primes })
      await Promise.all(posted.messages.map((message) => hear(kept, posted, message, stream)))
      stream.end()
    },
    /** The stream of what the server says unasked, or one that was lost. */
    listen(
      req: IncomingMessage,
      res: ServerResponse,
      gateway: RelayedGateway,
      caller: KnownCaller,
    ) {
      const { streams } = sessions.find(req, gateway, caller)
      const lastEventId = req.headers['last-event-id']
      if (typeof lastEventId === 'string') streams.resume(res, lastEventId)
      else streams.listen(res)
    },
    end(req: IncomingMessage, gateway: RelayedGateway, caller: KnownCaller): void {
      sessions.find(req, gateway, caller).session.close()
    },
    close: sessions.close,
  }

  async function open(
    gateway: RelayedGateway,
    caller: KnownCaller,
    hello: Hello,
  ): Promise<KeptSession> {
    const keyId = caller.principal.key.id
    const leave = sessions.takePlace(keyId)
    const id = randomBytes(24).toString('base64url')
    const streams = createResumableStreams(openLog())
    let depart = () => {}
    const onOver = () => {
      sessions.forget(id)
      streams.close()
      depart()
    }
    try {
      const stay = deps.guests.accept(holderOf(deps, caller))
      depart = stay.leave
      const carrier = { say: streams.say, onOver }
      const of = { gateway, caller: { ...caller, guest: stay.guest }, hello }
      const session = await startRelayedSession(deps, of, carrier)
      whenOver(stay.guest, () => session.isBusy() || session.close())
      const owner = ownerOf(caller.principal, gateway.surface)
      const primes = hello.protocolVersion >= PRIMED
      const known = { id, owner, keyId, primes, usedMs: deps.clock.now() }
      const kept = { ...known, session, streams, guest: stay.guest }
      if (!session.isOver()) sessions.add(kept)
      return kept
    } catch (error) {
      depart()
      throw error
    } finally {
      leave()
    }
  }
}

/** A session is its key's, so it outlasts the access tokens that its client brings. */
function holderOf(
  { accounts }: Pick<Deps, 'accounts'>,
  { principal: { token, ...principal } }: KnownCaller,
): Visitor {
  return { principal, look: () => accounts.renew(principal) }
}

async function hear(
  { session }: KeptSession,
  { res, gateway, caller }: Posted,
  message: JSONRPCMessage,
  stream: PostStream,
): Promise<void> {
  if (!('method' in message && 'id' in message)) {
    session.hear(message)
    return
  }
  const { text, isStale } = await session.answer(gateway, caller, message, stream.say)
  if (isStale && !res.headersSent) sendRpcError(res, 404, SESSION_NOT_FOUND, 'Session not found')
  else if (text !== undefined) stream.answer(text)
}
