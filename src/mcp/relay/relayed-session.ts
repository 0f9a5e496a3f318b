/**
 * A client of the session era and its own connection to the server that its gateway relays, whatever
 * carries the client's messages. Requests go both ways, each under an id of ours on the other side.
 */
import { isSpecType, type JSONRPCMessage, type JSONRPCRequest } from '@modelcontextprotocol/server'
import type { ClientSide, Relay } from '#connections'
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import { canAsk } from '../asking.js'
import { LIST_CHANGED } from '../list-changed.js'
import { createRunningRequests } from '../taken-back.js'
import { createQuestions, notificationText } from './relayed-questions.js'
import {
  failure,
  failureOf,
  type KnownCaller,
  openLine,
  type Passed,
  type RelayDeps,
  type RelayedGateway,
} from './relayed-request.js'
import { greetingOf, resultFor } from './relayed-result.js'
import { createRounds } from './relayed-rounds.js'

type JsonObject = Record<string, unknown>

/** Requests of one client that may run at once. */
const MAX_RUNNING = 64
const NEWEST_SESSION = '2025-11-25'
const REFUSED = -32_000
/** The only requests of a session there are: there is no other in its keeping. */
const SELF = ''

export type Hello = Pick<ClientSide, 'capabilities' | 'clientInfo' | 'protocolVersion'>

export type RelayedSession = {
  /** Who it relays for. */
  server: string
  /** What `initialize` is answered. */
  greeting: JsonObject
  /**
   * @param say says something about the request before it is answered.
   * @returns JSON of the response, nothing for a request that was taken back.
   */
  answer(
    gateway: RelayedGateway,
    caller: KnownCaller,
    message: JSONRPCRequest,
    say: (json: string) => void,
  ): Promise<{ text: string | undefined; isStale: boolean }>
  /** Hears a notification of the client, or its answer to a request of the server. */
  hear(message: JSONRPCMessage): void
  /** Whether the server is gone, or knows the session no more. */
  isOver(): boolean
  isBusy(): boolean
  /** Requests that run are taken back. */
  close(): void
}

/** Who carries the session. */
export type Carrier = {
  /** Says what belongs to no request of the client. */
  say(json: string): void
  /** The server ended it. */
  onOver(): void
}

/** What of an `initialize` counts. */
export function helloOf({ params = {} }: { params?: JsonObject | undefined }): Hello {
  const { capabilities, clientInfo, protocolVersion } = params
  if (!isSpecType.Implementation(clientInfo) || !isObject(capabilities)) {
    throw new Problem('invalid_request', 'initialize takes clientInfo and capabilities.')
  }
  const known = SESSION_REVISIONS.find((revision) => revision === protocolVersion)
  return {
    capabilities,
    clientInfo: clientInfo as Hello['clientInfo'],
    protocolVersion: known ?? NEWEST_SESSION,
  }
}

/** Of a client that says nothing of itself. */
export const SILENT: Hello = {
  capabilities: {},
  clientInfo: { name: 'unknown', version: '0' },
  protocolVersion: NEWEST_SESSION,
}

const SESSION_REVISIONS = [NEWEST_SESSION, '2025-06-18', '2025-03-26', '2024-11-05']

/** @throws Problem when there is no connection to the server. */
export async function startRelayedSession(
  deps: RelayDeps,
  { gateway, caller, hello }: { gateway: RelayedGateway; caller: KnownCaller; hello: Hello },
  carrier: Carrier,
): Promise<RelayedSession> {
  const requests = createRunningRequests()
  const questions = createQuestions(carrier.say)
  const running = new Set<JSONRPCRequest>()
  let isOver = false
  let unwatch: (() => void) | undefined
  const over = () => {
    if (isOver) return
    isOver = true
    unwatch?.()
    questions.close()
    carrier.onOver()
  }
  const tell = (method: string, params: unknown) => carrier.say(notificationText(method, params))
  const relay = await openLine(deps, gateway, {
    ...hello,
    onRequest: (method, params, { signal }) => questions.ask(method, params, signal),
    onNotification: tell,
    onClose: over,
  })
  const work = createRounds(deps, relay, questions)
  if (!isOver && caller.guest) {
    const changed = () => carrier.say(JSON.stringify(LIST_CHANGED))
    unwatch = gateway.surface.watch?.(caller.guest, changed)
  }
  const ask = canAsk(hello.capabilities) ? questions.approve : undefined

  return {
    server: gateway.server,
    greeting: greetingOf(relay, hello.protocolVersion),
    async answer(at, who, message, say) {
      if (running.size >= MAX_RUNNING) {
        const refusal = failure(REFUSED, `At most ${MAX_RUNNING} requests may run at once here.`)
        return { text: responseText(message, refusal, relay), isStale: false }
      }
      const request = requests.begin(SELF, message.id)
      running.add(message)
      try {
        const isGone = () => isOver || request.isTakenBack()
        const own = { ...who, isGone, signal: request.signal, ask }
        const passed = await settled(() => work(at, own, message, say))
        const isStale = passed.kind === 'error' && passed.isStale
        const text = request.isTakenBack() ? undefined : responseText(message, passed, relay)
        return { text, isStale }
      } finally {
        running.delete(message)
        request.done()
      }
    },
    hear(message) {
      if (!('method' in message)) questions.answered(message)
      else if (message.method === 'notifications/cancelled') {
        requests.takeBack(SELF, message.params?.requestId)
      } else if (message.method !== 'notifications/initialized') {
        void relay.notify(message.method, message.params)
      }
    },
    isOver: () => isOver,
    isBusy: () => running.size > 0,
    close() {
      for (const { id } of running) requests.takeBack(SELF, id)
      over()
      void relay.close()
    },
  }
}

async function settled(work: () => Promise<Passed>): Promise<Passed> {
  try {
    return await work()
  } catch (error) {
    return failureOf(error)
  }
}

function responseText(
  { id, method }: JSONRPCRequest,
  passed: Passed,
  relay: Pick<Relay, 'serverInfo'>,
): string {
  if (passed.kind === 'error') return JSON.stringify({ jsonrpc: '2.0', id, error: passed.error })
  const result = resultFor('session', method, passed.text, relay, passed.added)
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`
}
