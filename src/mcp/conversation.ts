/**
 * An older client over a channel that carries messages both ways for as long as it is open: a
 * WebSocket, or a stream of events with a place to post to.
 */
import { type JSONRPCMessage, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Question } from '#calls'
import { parseRequestJson } from '#core/json-text'
import { refusalIn } from '#core/storage-problem'
import { canAsk } from './asking.js'
import { messagesIn } from './messages.js'
import { answerRequest } from './older-request.js'
import { createPendingAsks } from './pending-asks.js'
import type { Caller, Surface } from './surface.js'
import { createRunningRequests } from './taken-back.js'

/** Requests of one conversation that may run at once. */
const MAX_RUNNING = 64
/** What the requests of one conversation are kept under: there is no other in its keeping. */
const SELF = ''

export type Conversation = {
  /** @param bytes a message of the client, or a batch of them. */
  receive(bytes: Buffer): void
  /** Nothing is said any more; calls that were sent run to their end. */
  end(): void
}

type Talk = {
  surface: Surface
  /** Who is talking: asked anew for each message, since a key may end meanwhile. */
  caller(): Promise<Caller>
  send(json: string): void
  /** Told of failures of the gateway; gives what the client may know of it. */
  failed(error: unknown): string
}

export async function startConversation(talk: Talk): Promise<Conversation> {
  const { surface } = talk
  const requests = createRunningRequests()
  let running = 0
  const asks = createPendingAsks()
  let asksPeople = false
  let isOver = false
  const { principal } = await talk.caller()
  const unwatch = principal && surface.watch?.(principal, () => tell(LIST_CHANGED))

  return {
    receive(bytes) {
      let messages: JSONRPCMessage[]
      try {
        messages = messagesIn(parseRequestJson(bytes))
      } catch (error) {
        tell(errorOf(null, error))
        return
      }
      for (const message of messages) void hear(message)
    },
    end() {
      isOver = true
      unwatch?.()
    },
  }

  async function hear(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message)) {
      asks.answered(SELF, message)
      return
    }
    if (!('id' in message)) {
      if (message.method === 'notifications/cancelled') {
        requests.takeBack(SELF, message.params?.requestId)
      }
      return
    }
    if (running >= MAX_RUNNING) {
      tell(failure(message.id, -32_000, `At most ${MAX_RUNNING} requests may run at once here.`))
      return
    }
    if (message.method === 'initialize') asksPeople = canAsk(message.params?.capabilities)
    const request = requests.begin(SELF, message.id)
    running++
    try {
      const caller = await talk.caller()
      const isGone = () => isOver || request.isTakenBack()
      const own = { ...caller, isGone, signal: request.signal, ask: asksPeople ? ask : undefined }
      say(await answerRequest(surface, own, message, tell))
    } catch (error) {
      tell(errorOf(message.id, error))
    } finally {
      running--
      request.done()
    }
  }

  function ask(question: Question): Promise<boolean | undefined> {
    return asks.ask(SELF, question, tell)
  }

  function tell(message: object): boolean {
    say(JSON.stringify(message))
    return !isOver
  }

  function say(json: string): void {
    if (!isOver) talk.send(json)
  }

  function errorOf(id: string | number | null, error: unknown): object {
    const refusal = refusalIn(error)
    if (refusal) {
      const isBroken = refusal.code === 'invalid_request'
      const code = isBroken ? ProtocolErrorCode.InvalidRequest : -32_000
      return failure(id, code, refusal.message, refusal.toJSON())
    }
    const trace_id = talk.failed(error)
    return failure(id, ProtocolErrorCode.InternalError, 'The gateway failed.', { trace_id })
  }
}

export const LIST_CHANGED = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }

function failure(id: string | number | null, code: number, message: string, data?: object): object {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } }
}
