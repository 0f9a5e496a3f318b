/** Hears the requests and notifications of a server, and sends the answers back. */
import type { Hearer } from './line.js'
import { errorText, isObject, type Message, resultText } from './messages.js'
import { isRpcError, rpcError } from './rpc-error.js'

/** A server may have this many requests open on one line; more are refused. */
const MAX_OPEN_REQUESTS = 100

export type Hearing = {
  /** Takes a request or notification; answers are given to `respond`. */
  hear(message: Message): void
  /** Cancels the server's open requests. */
  close(): void
}

export function createHearing(hearer: Hearer, respond: (text: string) => void): Hearing {
  const open = new Map<string | number, AbortController>()

  async function answer(id: string | number, method: string, params: unknown): Promise<void> {
    const controller = new AbortController()
    open.set(id, controller)
    try {
      const result = await hearer.onRequest(method, params, { signal: controller.signal })
      // Whoever cancels a request waits for no answer.
      if (!controller.signal.aborted) respond(resultText(id, result))
    } catch (error) {
      const { code, message, data } = isRpcError(error)
        ? error
        : rpcError(-32603, 'The client could not answer.')
      respond(errorText(id, { code, message, ...(data === undefined ? {} : { data }) }))
    } finally {
      open.delete(id)
    }
  }

  return {
    hear(message) {
      if (message.kind === 'notification') {
        const { method, params } = message
        const cancelled = method === CANCELLED && isObject(params) ? params.requestId : undefined
        if (cancelled !== undefined) open.get(cancelled as string | number)?.abort()
        else hearer.onNotification(method, params)
      } else if (message.kind === 'request') {
        const { id, method, params } = message
        if (open.size < MAX_OPEN_REQUESTS && !open.has(id)) void answer(id, method, params)
        else respond(errorText(id, { code: -32603, message: 'Too many requests are open.' }))
      }
    },
    close() {
      for (const controller of open.values()) controller.abort()
    },
  }
}

export const CANCELLED = 'notifications/cancelled'
export const PROGRESS = 'notifications/progress'

/** Hears for connections that many buyers share: such a connection can do nothing for a server. */
export function sharedHearer(onNotification: (method: string) => void): Hearer {
  return {
    async onRequest(method) {
      if (method === 'ping') return {}
      throw rpcError(-32601, 'This client offers no such method.')
    },
    onNotification,
  }
}
