/**
 * MCP over WebSocket, subprotocol `mcp`: an extension, which no revision of the protocol knows. A
 * frame is a message of the older era.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Channel, Conversation } from './conversation.js'

const SUBPROTOCOL = 'mcp'
const MAX_FRAME_BYTES = 1024 * 1024
const PING_INTERVAL_MS = 30_000
/** A client that does not read what it is sent is given up at this much. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024
const POLICY_VIOLATION = 1008
const GOING_AWAY = 1001

export type WebSockets = {
  /**
   * Makes the connection a conversation.
   *
   * @param start begins it, given what carries it.
   */
  accept(
    raw: { req: IncomingMessage; socket: Duplex; head: Buffer },
    start: (channel: Channel) => Promise<Conversation>,
  ): void
  /** Ends all of them. */
  close(): void
}

export function createWebSockets(): WebSockets {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  })
  return {
    accept({ req, socket, head }, start) {
      server.handleUpgrade(req, socket, head, (ws) => void talk(ws, start))
    },
    close() {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

/** Whether the client asks for the subprotocol that is spoken here. */
export function offersSubprotocol({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
  return offered?.includes(SUBPROTOCOL) === true
}

async function talk(
  ws: WebSocket,
  start: (channel: Channel) => Promise<Conversation>,
): Promise<void> {
  let conversation: Conversation | undefined
  let isAlive = true
  // What comes before there is a conversation waits where the client left it.
  ws.pause()
  ws.on('message', (data: Buffer) => conversation?.receive(data))
  ws.on('pong', () => {
    isAlive = true
  })
  const pings = setInterval(() => {
    if (!isAlive) ws.terminate()
    isAlive = false
    ws.ping()
  }, PING_INTERVAL_MS)
  ws.once('close', () => {
    clearInterval(pings)
    conversation?.end()
  })
  // What breaks the protocol of frames closes the connection; there is nothing else to do about it.
  ws.on('error', () => {})
  try {
    conversation = await start({
      send(json) {
        if (ws.bufferedAmount > MAX_UNSENT_BYTES) ws.terminate()
        else ws.send(json)
      },
      hangUp: () => ws.close(GOING_AWAY),
    })
    if (ws.readyState !== ws.OPEN) conversation.end()
  } catch {
    ws.close(POLICY_VIOLATION)
  }
  ws.resume()
}
