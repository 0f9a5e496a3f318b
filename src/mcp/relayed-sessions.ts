/**
 * Sessions of clients of the session era at relayed gateways, over Streamable HTTP. Each has its own
 * connection to the server, so it lives in this process alone, and a client that comes to another one
 * is told to begin anew.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { sendRpcError } from './refusals.js'
import type { KnownCaller, RelayDeps, RelayedGateway } from './relayed-request.js'
import { type Hello, helloOf, type RelayedSession, startRelayedSession } from './relayed-session.js'
import {
  createResumableStreams,
  type PostStream,
  type ResumableStreams,
} from './resumable-streams.js'
import { ownerOf } from './session.js'

const MAX_SESSIONS_PER_KEY = 64
const MAX_SESSIONS = 2_048
const IDLE_MS = 30 * 60 * 1_000
const SWEEP_MS = 60 * 1_000
const PRIMED = '2025-11-25'
const SESSION_NOT_FOUND = -32_001

type Kept = {
  id: string
  owner: string
  keyId: string
  primes: boolean
  session: RelayedSession
  streams: ResumableStreams
  usedMs: number
}

export type Posted = {
  req: IncomingMessage
  res: ServerResponse
  gateway: RelayedGateway
  caller: KnownCaller
  messages: readonly JSONRPCMessage[]
  isBatch: boolean
}

export function createRelayedSessions(deps: RelayDeps & { clock: Clock }) {
  const sessions = new Map<string, Kept>()
  const opening = new Map<string, number>()
  const sweeping = setInterval(sweep, SWEEP_MS)
  sweeping.unref()

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
      const kept = find(posted.req, posted.gateway, posted.caller)
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
      const { streams } = find(req, gateway, caller)
      const lastEventId = req.headers['last-event-id']
      if (typeof lastEventId === 'string') streams.resume(res, lastEventId)
      else streams.listen(res)
    },
    end(req: IncomingMessage, gateway: RelayedGateway, caller: KnownCaller): void {
      find(req, gateway, caller).session.close()
    },
    close(): void {
      clearInterval(sweeping)
      for (const { session } of sessions.values()) session.close()
    },
  }

  async function open(gateway: RelayedGateway, caller: KnownCaller, hello: Hello): Promise<Kept> {
    const keyId = caller.principal.key.id
    const leave = takePlace(keyId)
    const id = randomBytes(24).toString('base64url')
    const streams = createResumableStreams()
    const onOver = () => {
      sessions.delete(id)
      streams.close()
    }
    try {
      const carrier = { say: streams.say, onOver }
      const session = await startRelayedSession(deps, { gateway, caller, hello }, carrier)
      const owner = ownerOf(caller.principal, gateway.surface)
      const primes = hello.protocolVersion >= PRIMED
      const kept = { id, owner, keyId, primes, session, streams, usedMs: deps.clock.now() }
      if (!session.isOver()) sessions.set(id, kept)
      return kept
    } finally {
      leave()
    }
  }

  /** Those that are being opened count, too. The function that it gives is for when that is done. */
  function takePlace(keyId: string): () => void {
    const begun = opening.get(keyId) ?? 0
    const own = [...sessions.values()].filter((kept) => kept.keyId === keyId)
    if (own.length + begun >= MAX_SESSIONS_PER_KEY) endOne(own)
    if (sessions.size >= MAX_SESSIONS) endOne([...sessions.values()])
    opening.set(keyId, begun + 1)
    return () => {
      const left = opening.get(keyId)! - 1
      if (left === 0) opening.delete(keyId)
      else opening.set(keyId, left)
    }
  }

  /** Makes room: the session that was unused for longest ends. */
  function endOne(among: readonly Kept[]): void {
    const idle = among.filter(({ session }) => !session.isBusy())
    const [oldest] = idle.sort((one, other) => one.usedMs - other.usedMs)
    if (!oldest) throw new Problem('busy', 'Too many sessions are open.', { retryAfterMs: 5_000 })
    oldest.session.close()
  }

  function find(req: IncomingMessage, gateway: RelayedGateway, { principal }: KnownCaller): Kept {
    const kept = sessions.get(String(req.headers['mcp-session-id']))
    const isOwn = kept?.owner === ownerOf(principal, gateway.surface)
    if (kept && isOwn && kept.session.server === gateway.server) {
      kept.usedMs = deps.clock.now()
      return kept
    }
    // 404 makes the client begin a new session, whoever's this one was.
    throw new Problem('not_found', 'There is no such session; initialize a new one.')
  }

  async function hear(
    { session }: Kept,
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

  function sweep(): void {
    const beforeMs = deps.clock.now() - IDLE_MS
    for (const { session, streams, usedMs } of sessions.values()) {
      if (usedMs < beforeMs && !session.isBusy() && !streams.isListening()) session.close()
    }
  }
}
