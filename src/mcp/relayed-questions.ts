/** What a relayed server asks of its client, each request under an id of ours. */
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import { rpcError } from '#connections'

const REFUSED = -32_000

/** @param say what carries a message to the client. */
export function createQuestions(say: (json: string) => void) {
  type Waiting = { resolve(result: unknown): void; reject(error: Error): void }
  const waiting = new Map<string, Waiting>()
  let last = 0
  let isClosed = false
  return {
    /** @throws RpcError of the client, or when it cannot answer any more. */
    ask(method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
      if (isClosed || signal.aborted) return Promise.reject(taken())
      const id = `souk-${++last}`
      return new Promise((resolve, reject) => {
        const takeBack = () => {
          if (!waiting.delete(id)) return
          say(notificationText('notifications/cancelled', { requestId: id }))
          reject(taken())
        }
        const done = () => {
          waiting.delete(id)
          signal.removeEventListener('abort', takeBack)
        }
        waiting.set(id, {
          resolve: (result) => {
            done()
            resolve(result)
          },
          reject: (error) => {
            done()
            reject(error)
          },
        })
        signal.addEventListener('abort', takeBack, { once: true })
        say(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
      })
    },
    /** One that nobody waits for is dropped. */
    answered(message: JSONRPCMessage) {
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
}

function taken(): Error {
  return rpcError(REFUSED, 'The client cannot answer any more.')
}

export function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}
