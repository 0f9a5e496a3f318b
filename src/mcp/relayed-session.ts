/**
 * A client of the session era and its own connection to the server that its gateway relays, whatever
 * carries the client's messages. Requests go both ways, each under an id of ours on the other side.
 */
import { isSpecType, type JSONRPCMessage, type JSONRPCRequest } from '@modelcontextprotocol/server'
import type { ClientSide, Relay } from '#connections'
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import { canAsk, elicitation, verdictIn } from './asking.js'
import { LIST_CHANGED } from './list-changed.js'
import { createQuestions, notificationText } from './relayed-questions.js'
import {
  failure,
  failureOf,
  type KnownCaller,
  openLine,
  type Passed,
  passOn,
  type RelayDeps,
  type RelayedGateway,
} from './relayed-request.js'
import { greetingOf, resultFor } from './relayed-result.js'
import { createRunningRequests } from './taken-back.js'

type JsonObject = Record<string, unknown>

/** Requests of one client that may run at once. */
const MAX_RUNNING = 64
/** How often a call may come back with questions before it is given up. */
const MAX_ROUNDS = 10
const NEWEST_SESSION = '2025-11-25'
const INVALID_REQUEST = -32_600
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
  const unwatch = gateway.surface.watch?.(caller.principal, () =>
    carrier.say(JSON.stringify(LIST_CHANGED)),
  )
  if (isOver) unwatch?.()

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
        const ask = canAsk(hello.capabilities) ? approve : undefined
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

  /** Passes a request on; what a server of 2026-07-28 asks back is asked of the client. */
  async function work(
    at: RelayedGateway,
    who: KnownCaller,
    { method, params = {} }: JSONRPCRequest,
    say: (json: string) => void,
  ): Promise<Passed> {
    if (method === 'initialize') return failure(INVALID_REQUEST, 'The session began already.')
    if (method === 'ping' && relay.era === 'modern') return { kind: 'result', text: '{}' }
    const token = isObject(params._meta) ? params._meta.progressToken : undefined
    const onProgress: KnownCaller['onProgress'] = (progress) =>
      say(notificationText('notifications/progress', { progressToken: token, ...progress }))
    const asked = {
      caller: token === undefined ? who : { ...who, onProgress },
      method,
      tell: (name: string, value: unknown) => say(notificationText(name, value)),
    }
    let sent: JsonObject = params
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const passed = await passOn(deps, at, relay, { ...asked, params: sent })
      const needed = relay.era === 'modern' && passed.kind === 'result' && neededIn(passed.text)
      if (!needed) return passed
      const inputResponses = await answersTo(needed.inputRequests, who.signal())
      const { requestState } = needed
      sent = { ...params, inputResponses, ...(requestState !== undefined && { requestState }) }
    }
    return failure(REFUSED, `The server asks for input more than ${MAX_ROUNDS} times.`)
  }

  async function answersTo(inputRequests: unknown, signal: AbortSignal): Promise<JsonObject> {
    const asked = Object.entries(isObject(inputRequests) ? inputRequests : {})
    const answers = asked.map(async ([name, request]) => {
      const { method, params } = isObject(request) ? request : {}
      return [name, await questions.ask(String(method), params, signal)]
    })
    return Object.fromEntries(await Promise.all(answers))
  }

  async function approve(question: Parameters<typeof elicitation>[0]) {
    const asking = questions.ask('elicitation/create', elicitation(question), deadline())
    return asking.then(verdictIn, () => undefined)
  }
}

/** So long a person has in the client; the page of the approval stays open for longer. */
const PATIENCE_MS = 5 * 60 * 1_000

function deadline(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS)
}

/** What of a result of 2026-07-28 asks for more. */
function neededIn(text: string): JsonObject | undefined {
  if (!text.includes('input_required')) return undefined
  const result: unknown = JSON.parse(text)
  return isObject(result) && result.resultType === 'input_required' ? result : undefined
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
