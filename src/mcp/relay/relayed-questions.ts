/** What a relayed server, and the gateway itself, ask of a client, each request under an id of ours. */
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Question } from '#calls'
import { rpcError } from '#connections'
import { elicitation, verdictIn } from '../asking.js'

/** So long a client has for an answer; the page of an approval stays open for longer. */
const PATIENCE_MS = 5 * 60 * 1_000
const REFUSED = -32_000

export type Questions = {
  /** @throws RpcError of the client, or when it cannot answer any more. */
  ask(method: string, params: unknown, signal?: AbortSignal): Promise<unknown>
  /** Asks the person behind the client; `undefined` without an answer. */
  approve(question: Question): Promise<boolean | undefined>
  /** One that nobody waits for is dropped. */
  answered(message: JSONRPCMessage): void
  close(): void
}

/** @param say what carries a message to the client. */
export function createQuestions(say: (json: string) => void): Questions {
  const waiting = new Map<string, { resolve(result: unknown): void; reject(error: Error): void }>()
  let last = 0
  let isClosed = false
  return {
    ask,
    approve: (question) =>
      ask('elicitation/create', elicitation(question)).then(verdictIn, () => undefined),
    answered(message) {
      const asked = 'id' in message ? waiting.get(String(message.id)) : undefined
      if ('result' in message) asked?.resolve(message.result)
      else if ('error' in message) {
        const { code, message: text, data } = message.error
        asked?.reject(rpcError(code, text, data))
      }
    },
    close() {
      isClosed = true
      for (const { reject } of [...waiting.values()]) reject(taken())
    },
  }

  async function ask(method: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    if (isClosed || signal?.aborted) throw taken()
    const id = `souk-${++last}`
    const takeBack = () => {
      say(notificationText('notifications/cancelled', { requestId: id }))
      waiting.get(id)?.reject(taken())
    }
    const timer = setTimeout(takeBack, PATIENCE_MS)
    timer.unref()
    signal?.addEventListener('abort', takeBack, { once: true })
    try {
      return await new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        say(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', takeBack)
      waiting.delete(id)
    }
  }
}

export function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}

function taken(): Error {
  return rpcError(REFUSED, 'The client cannot answer any more.')
}
