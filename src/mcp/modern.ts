/** Clients of 2026-07-28: stateless, each request with its own envelope; the SDK's handler serves. */
import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import {
  type AuthInfo,
  createMcpHandler,
  InMemoryServerEventBus,
  type McpHttpHandler,
} from '@modelcontextprotocol/server'
import { type Guest, whenOver } from './guests.js'
import type { Exchange } from './legacy.js'
import { buildServer } from './server.js'
import type { Caller, Surface } from './surface.js'

export type Modern = {
  answer(exchange: Exchange): Promise<void>
  /** Whether a request is one that can be answered; what is wrong with another was said to its client. */
  check(exchange: Exchange): Promise<boolean>
}

/** Headers that the protocol gives a meaning. */
const HEADERS = ['content-type', 'accept', 'mcp-protocol-version', 'mcp-method', 'mcp-name']

export function createModern(): Modern {
  const handler = createMcpHandler(serverFor, { legacy: 'reject' })
  return {
    async answer(exchange) {
      const { guest } = exchange.caller
      if (guest) await listen(exchange, guest)
      else await pass(handler, exchange)
    },
    async check(exchange) {
      let isValid = false
      // A server is made for valid requests alone; this one is not to be used.
      const checker = createMcpHandler(
        () => {
          isValid = true
          throw new Error('only checked')
        },
        { legacy: 'reject' },
      )
      const response = await checker.fetch(requestOf(exchange), { parsedBody: exchange.body })
      if (isValid) await response.body?.cancel()
      else await send(response, exchange.res)
      await checker.close()
      return isValid
    },
  }
}

/** A subscription is told of the changes of its own address: it has a handler, and a bus, to itself. */
async function listen(exchange: Exchange, guest: Guest): Promise<void> {
  const { surface, res } = exchange
  if (res.destroyed) return
  const bus = new InMemoryServerEventBus()
  const handler = createMcpHandler(serverFor, { legacy: 'reject', bus })
  const unwatch = surface.watch?.(guest, () => handler.notify.toolsChanged())
  whenOver(guest, () => void handler.close())
  res.once('close', () => {
    unwatch?.()
    void handler.close()
  })
  await pass(handler, exchange)
}

async function pass(handler: McpHttpHandler, exchange: Exchange): Promise<void> {
  const { res, surface, caller, body } = exchange
  const authInfo = carry({ surface, caller })
  await send(await handler.fetch(requestOf(exchange), { parsedBody: body, authInfo }), res)
}

function requestOf({ req }: Exchange): Request {
  const headers = new Headers()
  for (const name of HEADERS) {
    const value = req.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  return new Request('http://souk/mcp', { method: 'POST', headers })
}

async function send(response: Response, res: ServerResponse): Promise<void> {
  res.writeHead(response.status, Object.fromEntries(response.headers))
  if (!response.body) {
    res.end()
    return
  }
  // A client that goes away ends the stream; there is nobody left to be told of it.
  pipeline(Readable.fromWeb(response.body as never), res, () => {})
}

type Asked = { surface: Surface; caller: Caller }

/** The SDK hands `authInfo` through to the factory untouched; who asks for what rides in it. */
function carry(asked: Asked): AuthInfo {
  const clientId = asked.caller.principal?.key.id ?? 'public'
  return { token: '', clientId, scopes: [], extra: { asked } }
}

function serverFor({ authInfo }: { authInfo?: AuthInfo }) {
  const { surface, caller } = authInfo!.extra!.asked as Asked
  return buildServer(surface, caller)
}
