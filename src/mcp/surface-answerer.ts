/** Answers a conversation with what is met at an address. */
import { canAsk } from './asking.js'
import type { Answerer } from './conversation.js'
import type { Guest } from './guests.js'
import { LIST_CHANGED } from './list-changed.js'
import { answerRequest } from './older-request.js'
import { createPendingAsks } from './pending-asks.js'
import type { Caller, Surface } from './surface.js'
import { createRunningRequests } from './taken-back.js'

/** What the requests of one conversation are kept under: there is no other in its keeping. */
const SELF = ''

/** @param say says something that belongs to no request; `false` where nobody hears it. */
export function answererFor(
  surface: Surface,
  guest: Guest,
  say: (json: string) => boolean,
): Answerer {
  const requests = createRunningRequests()
  const asks = createPendingAsks()
  let asksPeople = false
  const over = new AbortController()
  const tell = (message: object) => say(JSON.stringify(message))
  const unwatch = surface.watch?.(guest, () => tell(LIST_CHANGED))

  return {
    async answer(message, caller) {
      if (message.method === 'initialize') asksPeople = canAsk(message.params?.capabilities)
      const request = requests.begin(SELF, message.id)
      const isGone = () => over.signal.aborted || request.isTakenBack()
      const client = () => ({ send: tell, gone: [over.signal, request.signal()] })
      const ask: Caller['ask'] = asksPeople
        ? (question) => asks.ask(SELF, question, client())
        : undefined
      const own = { ...caller, isGone, signal: request.signal, ask }
      try {
        return await answerRequest(surface, own, message, tell)
      } finally {
        request.done()
      }
    },
    hear(message) {
      if (!('method' in message)) asks.answered(SELF, message)
      else if (message.method === 'notifications/cancelled') {
        requests.takeBack(SELF, message.params?.requestId)
      }
    },
    end() {
      over.abort()
      unwatch?.()
    },
  }
}
