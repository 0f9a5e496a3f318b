/** Hears the requests and notifications of a server, and sends the answers back. */
import type { Hearer } from './line.js'
import { errorText, isObject, type Message, resultText } from './messages.js'
import { isRpcError, rpcError } from './rpc-error.js'

/** A server may have this many requests open on one line; more are refused. */
const MAX_OPEN_REQUESTS = 100

type Asked = Extract<Message, { kind: 'request' }>

export type Hearing = {
  /** Takes a request or notification; answers are given to `respond`. */
  hear(message: Message): void
  /** Cancels the server's open requests. */
  close(): void
}

export function createHearing(hearer: Hearer, respond: (text: string) => void): Hearing {
  const open = new Map<string | number, AbortController>()

  async function answer(request: Asked): Promise<void> {
    const controller = new AbortController()
    open.set(request.id, controller)
    const text = await answerText(hearer, request, controller.signal)
    open.delete(request.id)
    // Whoever cancels a request waits for no answer.
    if (!controller.signal.aborted) respond(text)
  }

  return {
    hear(message) {
      if (message.kind === 'notification') {
        const { method, params } = message
        const cancelled = method === CANCELLED && isObject(params) ? params.requestId : undefined
        if (cancelled !== undefined) open.get(cancelled as string | number)?.abort()
        else hearer.onNotification(method, params)
      } else if (message.kind === 'request') {
        const { id } = message
        if (open.size < MAX_OPEN_REQUESTS && !open.has(id)) void answer(message)
        else respond(errorText(id, { code: -32603, message: 'Too many requests are open.' }))
      }
    },
    close() {
      for (const controller of open.values()) controller.abort()
    },
  }
}

async function answerText(
  hearer: Hearer,
  { id, method, params }: Asked,
  signal: AbortSignal,
): Promise<string> {
  try {
    return resultText(id, await hearer.onRequest(method, params, { signal }))
  } catch (error) {
    const { code, message, data } = isRpcError(error)
      ? error
      : rpcError(-32603, 'The client could not answer.')
    return errorText(id, { code, message, ...(data === undefined ? {} : { data }) })
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
