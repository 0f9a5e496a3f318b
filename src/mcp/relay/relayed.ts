/** Gateways that are one MCP server, whole: each request goes to the part that serves its kind. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import type { Guests } from '../guests.js'
import { type Exchange, refuseUnknownVersion } from '../legacy.js'
import type { Modern } from '../modern.js'
import type { Caller } from '../surface.js'
import { known } from './relayed-answerer.js'
import { createRelayedStateless } from './relayed-modern.js'
import type { RelayDeps, RelayedGateway } from './relayed-request.js'
import { createRelayedSessions } from './relayed-sessions.js'

export type RelayedDeps = RelayDeps & {
  clock: Clock
  stateKey: Buffer
  guests: Pick<Guests, 'accept'>
}

export type Visit = {
  req: IncomingMessage
  res: ServerResponse
  gateway: RelayedGateway
  caller: Caller
}

/** @param modern tells what is wrong with requests of the current era. */
export function createRelayed(deps: RelayedDeps, modern: Pick<Modern, 'check'>) {
  const sessions = createRelayedSessions(deps)
  const stateless = createRelayedStateless(deps)

  return {
    /** @param era what the request is of, and whether it is known to be valid. */
    async post(
      gateway: RelayedGateway,
      exchange: Exchange,
      era: { kind: string; isPlain: boolean },
    ): Promise<void> {
      const { req, res, messages, body } = exchange
      const caller = known(exchange.caller)
      if (era.kind !== 'legacy') {
        if (!era.isPlain && !(await modern.check(exchange))) return
        const [message] = messages
        if (!isRequest(message)) res.writeHead(202).end()
        else await stateless.answer({ req, res, gateway, caller, message, era: 'modern' })
        return
      }
      refuseUnknownVersion(req)
      const [first, ...others] = messages
      const posted = { req, res, gateway, caller, messages, isBatch: Array.isArray(body) }
      if (req.headers['mcp-session-id'] !== undefined) await sessions.post(posted)
      else if (!isRequest(first)) res.writeHead(202).end()
      else if (others.length > 0)
        throw new Problem('invalid_request', 'Initialize a session first.')
      else if (first.method === 'initialize') await sessions.begin(posted, first)
      else await stateless.answer({ req, res, gateway, caller, message: first, era: 'session' })
    },
    listen({ req, res, gateway, caller }: Visit): void {
      sessions.listen(req, res, gateway, known(caller))
    },
    endSession({ req, res, gateway, caller }: Visit): void {
      sessions.end(req, gateway, known(caller))
      res.writeHead(200).end()
    },
    close(): void {
      sessions.close()
      stateless.close()
    },
  }
}

function isRequest(message: JSONRPCMessage | undefined): message is JSONRPCRequest {
  return message !== undefined && 'method' in message && 'id' in message
}
