/** Questions to clients of the older era, which answer each in a message of its own. */
import { randomBytes } from 'node:crypto'
import type { Question } from '#calls'
import { elicitation, verdictIn } from './asking.js'

/** So long a person has in the client; the page of the approval stays open for longer. */
const PATIENCE_MS = 5 * 60 * 1_000

type Client = {
  /** Carries the question to the client; `false` where it does not. */
  send(message: object): boolean
  /** Each aborted when the client went away, or wants no answer any more. */
  gone: readonly AbortSignal[]
}

export type PendingAsks = {
  /** @returns `undefined` without an answer. */
  ask(sessionId: string, question: Question, client: Client): Promise<boolean | undefined>
  /** An answer that came in a session; one that nobody waits for is dropped. */
  answered(sessionId: string, message: { id?: unknown; result?: unknown }): void
}

export function createPendingAsks(): PendingAsks {
  const waiting = new Map<string, (answer: boolean | undefined) => void>()
  return {
    ask(sessionId, question, { send, gone }) {
      const id = `ask-${randomBytes(12).toString('base64url')}`
      const name = `${sessionId} ${id}`
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish(undefined), PATIENCE_MS)
        timer.unref()
        const finish = (answer: boolean | undefined) => {
          clearTimeout(timer)
          waiting.delete(name)
          resolve(answer)
        }
        waiting.set(name, finish)
        const isGone = AbortSignal.any([...gone])
        isGone.addEventListener('abort', () => finish(undefined), { once: true })
        const message = { jsonrpc: '2.0', id, method: 'elicitation/create' }
        const isAsked = !isGone.aborted && send({ ...message, params: elicitation(question) })
        if (!isAsked) finish(undefined)
      })
    },
    answered(sessionId, { id, result }) {
      waiting.get(`${sessionId} ${String(id)}`)?.(verdictIn(result))
    },
  }
}
