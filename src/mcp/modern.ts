/** Clients of 2026-07-28: stateless, each request with its own envelope; the SDK's handler serves. */
import { pipeline, Readable } from 'node:stream'
import { type AuthInfo, createMcpHandler } from '@modelcontextprotocol/server'
import type { Exchange } from './legacy.js'
import { buildServer, type Caller } from './server.js'
import type { ToolDeps } from './tools/tool.js'

export type Modern = { answer(exchange: Exchange): Promise<void> }

export function createModern(deps: ToolDeps): Modern {
  const handler = createMcpHandler((context) => buildServer(deps, callerIn(context.authInfo)), {
    legacy: 'reject',
  })
  return {
    async answer({ req, res, caller, body }) {
      const headers = new Headers()
      for (const name of [
        'content-type',
        'accept',
        'mcp-protocol-version',
        'mcp-method',
        'mcp-name',
      ]) {
        const value = req.headers[name]
        if (typeof value === 'string') headers.set(name, value)
      }
      const request = new Request('http://souk/mcp', { method: 'POST', headers })
      const response = await handler.fetch(request, {
        parsedBody: body,
        authInfo: carry(caller),
      })
      res.writeHead(response.status, Object.fromEntries(response.headers))
      if (!response.body) {
        res.end()
        return
      }
      // A client that goes away ends the stream; there is nobody left to be told of it.
      pipeline(Readable.fromWeb(response.body as never), res, () => {})
    },
  }
}

/** The SDK hands `authInfo` through to the factory untouched; the caller rides in it. */
function carry(caller: Caller): AuthInfo {
  const clientId = caller.principal?.key.id ?? 'public'
  return { token: '', clientId, scopes: [], extra: { caller } }
}

function callerIn(authInfo: AuthInfo | undefined): Caller {
  return authInfo!.extra!.caller as Caller
}
