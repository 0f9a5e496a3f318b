/**
 * An older client over a channel that carries messages both ways for as long as it is open: a
 * WebSocket, or a stream of events with a place to post to.
 */
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server'
import { parseRequestJson } from '#core/json-text'
import { refusalIn } from '#core/storage-problem'
import { messagesIn } from './messages.js'
import { rpcCodeOf } from './refusals.js'
import type { Caller } from './surface.js'

/** Requests of one conversation that may run at once. */
const MAX_RUNNING = 64
export type Conversation = {
  /** @param bytes a message of the client, or a batch of them. */
  receive(bytes: Buffer): void
  /** Nothing is said any more; calls that were sent run to their end. */
  end(): void
}

/** What carries a conversation. */
export type Channel = {
  send(json: string): void
  /** Ends it. */
  hangUp(): void
}

/** Who answers a conversation. */
export type Answerer = {
  /**
   * @param say says something about the request before it is answered.
   * @returns JSON of the response, nothing for a request that needs none any more.
   */
  answer(
    message: JSONRPCRequest,
    caller: Caller,
    say: (json: string) => void,
  ): Promise<string | undefined>
  /** Hears a notification of the client, or its answer to a request. */
  hear(message: JSONRPCMessage): void
  /** The client is gone. */
  end(): void
}

type Talk = {
  /** @param say says something that belongs to no request; it is `false` where nobody hears it. */
  begin(say: (json: string) => boolean): Promise<Answerer>
  /** Who is talking: asked anew for each message, since a key may end meanwhile. */
  caller(): Promise<Caller>
  send: Channel['send']
  /** Told of failures of the gateway; gives what the client may know of it. */
  failed(error: unknown): string
}

export async function startConversation(talk: Talk): Promise<Conversation> {
  let running = 0
  let isOver = false
  const answerer = await talk.begin(say)

  return {
    receive(bytes) {
      let messages: JSONRPCMessage[]
      try {
        messages = messagesIn(parseRequestJson(bytes))
      } catch (error) {
        tell(errorOf(null, error))
        return
      }
      for (const message of messages) {
        if ('method' in message && 'id' in message) void answer(message)
        else answerer.hear(message)
      }
    },
    end() {
      isOver = true
      answerer.end()
    },
  }

  async function answer(message: JSONRPCRequest): Promise<void> {
    if (running >= MAX_RUNNING) {
      tell(failure(message.id, -32_000, `At most ${MAX_RUNNING} requests may run at once here.`))
      return
    }
    running++
    try {
      const text = await answerer.answer(message, await talk.caller(), say)
      if (text !== undefined) say(text)
    } catch (error) {
      tell(errorOf(message.id, error))
    } finally {
      running--
    }
  }

  function tell(message: object): void {
    say(JSON.stringify(message))
  }

  function say(json: string): boolean {
    if (!isOver) talk.send(json)
    return !isOver
  }

  function errorOf(id: string | number | null, error: unknown): object {
    const refusal = refusalIn(error)
    if (refusal) return failure(id, rpcCodeOf(refusal), refusal.message, refusal.toJSON())
    const trace_id = talk.failed(error)
    return failure(id, ProtocolErrorCode.InternalError, 'The gateway failed.', { trace_id })
  }
}

function failure(id: string | number | null, code: number, message: string, data?: object): object {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } }
}
