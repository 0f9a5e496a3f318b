/**
 * One request of an `initialize`-based client, whatever carries it. The SDK's server is driven through
 * a transport of one exchange, without the web streams that its own HTTP transports are made of.
 */
import type { JSONRPCMessage, JSONRPCRequest, Transport } from '@modelcontextprotocol/server'
import { answerPlainCall } from './plain-answer.js'
import { isToolCall } from './plain-call.js'
import { buildServer } from './server.js'
import type { Caller, Surface } from './surface.js'

/**
 * JSON of the response.
 *
 * @param notify says something about the request before it is answered.
 */
export async function answerRequest(
  surface: Surface,
  caller: Caller,
  message: JSONRPCRequest,
  notify: (message: object) => unknown,
): Promise<string> {
  if (!isToolCall(message)) return JSON.stringify(await exchange(surface, caller, message))
  const progressToken = message.params._meta?.progressToken
  if (progressToken === undefined) return answerPlainCall(surface, caller, message, 'legacy')
  const onProgress: Caller['onProgress'] = (progress) => {
    const params = { progressToken, ...progress }
    notify({ jsonrpc: '2.0', method: 'notifications/progress', params })
  }
  return answerPlainCall(surface, { ...caller, onProgress }, message, 'legacy')
}

/** One request to a server of its own, and its response. */
async function exchange(
  surface: Surface,
  caller: Caller,
  message: JSONRPCMessage,
): Promise<JSONRPCMessage> {
  const server = buildServer(surface, caller)
  return new Promise((resolve, reject) => {
    const transport: Transport = {
      start: async () => {},
      send: async (answer) => {
        if ('id' in answer && !('method' in answer)) resolve(answer)
      },
      close: async () => transport.onclose?.(),
    }
    server
      .connect(transport)
      .then(() => transport.onmessage?.(message))
      .catch(reject)
  })
}
