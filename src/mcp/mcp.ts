/**
 * The MCP face: the marketplace's seven tools at `/mcp`, and the gateways of accounts below it, for
 * both eras of the protocol at once.
 *
 * Requests that carry the 2026-07-28 envelope are served without session; `initialize`-based
 * clients down to 2024-11-05 get a session that is bound to their key. A plain tools/call is answered
 * at once; all else the official SDK dispatches, each request on a server object of its own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Problem } from '#core/problem'
import { pathOf, type Transport } from './address.js'
import { callerOf } from './caller.js'
import {
  type Answerer,
  type Channel,
  type Conversation,
  startConversation,
} from './conversation.js'
import { createEntrance, type Entrance, type EntranceDeps } from './entrance.js'
import { createEventStreams } from './event-streams.js'
import { createGuests, type Guest, whenOver } from './guests.js'
import { REFUSED, type RefusalDeps, refuse, refuseUpgrade, sendRpcError } from './refusals.js'
import { relayedAnswerer } from './relay/relayed-answerer.js'
import { ownerOf } from './session.js'
import { type Asked, createStreamableHttp, type StreamableHttpDeps } from './streamable-http.js'
import { answererFor } from './surface-answerer.js'
import { createWebSockets, offersSubprotocol } from './web-sockets.js'

type McpDeps = EntranceDeps & Omit<StreamableHttpDeps, 'guests'> & RefusalDeps

export type McpFace = {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** A connection that is to become a WebSocket. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
  /** Ends what clients hold open. */
  close(): void
}

export function createMcpFace(deps: McpDeps): McpFace {
  const entrance = createEntrance(deps)
  const guests = createGuests()
  const streams = createEventStreams()
  const http = createStreamableHttp({ ...deps, guests })
  const sockets = createWebSockets()

  return {
    async handle(req, res) {
      try {
        await serve({ req, res, ...(await entrance.enter(req)) })
      } catch (error) {
        refuse(deps, { req, res }, error)
      }
    },
    async upgrade(req, socket, head) {
      // A socket without this would end the process when its client is gone.
      socket.on('error', () => socket.destroy())
      try {
        await openSocket({ req, socket, head })
      } catch (error) {
        refuseUpgrade(deps, { req, socket }, error)
      }
    },
    close() {
      guests.close()
      http.close()
      sockets.close()
    },
  }

  async function serve(asked: Asked): Promise<void> {
    const { req, res, address, surface } = asked
    const { transport } = address
    const asks = `${req.method} ${transport}`
    if (asks === 'POST http') await http.post(asked)
    else if (asks === 'DELETE http') http.endSession(asked)
    else if (asks === 'GET http' && surface.watch) http.openStream(asked)
    else if (asks === 'GET sse') await openConversation(asked)
    else if (asks === 'POST messages') await postMessage(asked)
    else {
      res.setHeader('allow', ALLOWED[transport])
      sendRpcError(res, 405, REFUSED, `Use ${ALLOWED[transport]} here.`)
    }
  }

  async function openConversation(asked: Asked): Promise<void> {
    const { res, address, surface } = asked
    const guest = guests.receive(res, asked)
    const at = {
      owner: ownerOf(guest.principal, surface),
      messagesPath: `${pathOf(address)}/messages`,
    }
    await streams.openConversation(res, at, (channel) =>
      converse({ ...deps, entrance }, { entered: asked, guest }, channel),
    )
  }

  async function postMessage({ req, res, principal, surface }: Asked): Promise<void> {
    const conversation = streams.conversation(req, ownerOf(principal, surface))
    conversation.receive(await deps.readBody(req))
    res.writeHead(202, { 'content-type': 'text/plain' }).end('Accepted')
  }

  async function openSocket(raw: { req: IncomingMessage; socket: Duplex; head: Buffer }) {
    const { req } = raw
    const entered = await entrance.enter(req)
    const { transport } = entered.address
    if (transport !== 'ws') throw new Problem('not_found', 'No WebSocket is served here.')
    if (!offersSubprotocol(req)) {
      throw new Problem('invalid_request', 'Ask for the WebSocket subprotocol "mcp".')
    }
    const guest = guests.receive(raw.socket, entered)
    sockets.accept(raw, (channel) =>
      converse({ ...deps, entrance }, { entered: { ...entered, req }, guest }, channel),
    )
  }
}

type Talking = { entered: Pick<Asked, 'req' | 'look' | 'surface' | 'relayed'>; guest: Guest }

/** A conversation of the one who opened `req`, as long as its key is valid. */
async function converse(
  deps: McpDeps & { entrance: Entrance },
  { entered: { req, look, surface, relayed }, guest }: Talking,
  { send, hangUp }: Channel,
): Promise<Conversation> {
  const { failed } = deps.telemetry
  whenOver(guest, hangUp)
  if (relayed) {
    // The server is reached as long as the gateway is there.
    const caller = async () => {
      const { principal } = await deps.entrance.enter(req)
      return { ...callerOf(req, principal), guest }
    }
    const begin: Begin = async (say) => relayedAnswerer(deps, relayed, { say, hangUp })
    return startConversation({ begin, caller, send, failed })
  }
  const caller = async () => callerOf(req, await look())
  const begin: Begin = async (say) => answererFor(surface, guest, say)
  return startConversation({ begin, caller, send, failed })
}

type Begin = (say: (json: string) => boolean) => Promise<Answerer>

const ALLOWED: Record<Transport, string> = {
  http: 'POST, DELETE',
  sse: 'GET',
  messages: 'POST',
  ws: 'GET',
}
