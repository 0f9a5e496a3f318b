/** Answers a conversation with a connection of its own to the server that its gateway relays. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import { Problem } from '#core/problem'
import type { Answerer } from '../conversation.js'
import type { Caller } from '../surface.js'
import {
  type KnownCaller,
  type RelayDeps,
  type RelayedGateway,
  requireServer,
} from './relayed-request.js'
import {
  type Hello,
  helloOf,
  type RelayedSession,
  SILENT,
  startRelayedSession,
} from './relayed-session.js'

/** @param hangUp ends the conversation, when the server is gone or knows it no more. */
export function relayedAnswerer(
  deps: RelayDeps,
  gateway: RelayedGateway,
  { say, hangUp }: { say: (json: string) => boolean; hangUp: () => void },
): Answerer {
  let opening: Promise<RelayedSession> | undefined
  let isOver = false

  return {
    async answer(message, caller, tell) {
      const who = known(caller)
      requireServer(who.principal, gateway)
      if (message.method === 'initialize' && !opening) return begin(who, message)
      const session = await sessionFor(who, SILENT)
      return (await session.answer(gateway, who, message, tell)).text
    },
    hear(message: JSONRPCMessage) {
      void opening?.then((session) => session.hear(message), ignored)
    },
    end() {
      isOver = true
      void opening?.then((session) => session.close(), ignored)
    },
  }

  async function begin(caller: KnownCaller, initialize: JSONRPCRequest): Promise<string> {
    const { greeting } = await sessionFor(caller, helloOf(initialize))
    return JSON.stringify({ jsonrpc: '2.0', id: initialize.id, result: greeting })
  }

  function sessionFor(caller: KnownCaller, hello: Hello): Promise<RelayedSession> {
    if (opening) return opening
    const carrier = { say: (json: string) => void say(json), onOver: hangUp }
    const started = startRelayedSession(deps, { gateway, caller, hello }, carrier)
    opening = started
    started.then(
      (session) => isOver && session.close(),
      () => {
        opening = undefined
      },
    )
    return started
  }
}

/** Whoever asked first was told that no session came about. */
function ignored(): void {}

export function known({ principal, ...caller }: Caller): KnownCaller {
  if (!principal) throw new Problem('unauthenticated', 'A gateway needs an API key.')
  return { ...caller, principal }
}
