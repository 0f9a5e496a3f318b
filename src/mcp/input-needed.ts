/**
 * Asking in the era of 2026-07-28: the answer to a call is a question, and the client sends the call
 * again with what the person said. What is to be known then travels through the client, signed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Principal } from '#accounts'
import type { Question } from '#calls'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import { elicitation, verdictIn } from './asking.js'
import type { Caller } from './surface.js'

const LIFE_MS = 15 * 60 * 1_000
/** What the one question of a result is called. */
const NAME = 'approve'

/** Thrown through a call that cannot go on before the person has answered. */
export class InputNeeded extends Error {
  readonly inputRequests: Record<string, unknown>
  readonly requestState: string

  constructor(question: Question, requestState: string) {
    super('a person has to be asked')
    const params = elicitation(question)
    this.inputRequests = { [NAME]: { method: 'elicitation/create', params } }
    this.requestState = requestState
  }
}

/** What a call that is sent again brings along. */
export type Resumed = { inputResponses?: unknown; requestState?: unknown }

export type Asker = (principal: Principal, resumed: Resumed) => NonNullable<Caller['ask']>

/** @param key signs states; the same for all gateways of one database. */
export function createAsker({ key, clock }: { key: Buffer; clock: Clock }): Asker {
  return (principal, { inputResponses, requestState }) =>
    async (question) => {
      if (requestState === undefined) throw ask(principal, question)
      // Of another call, or of one that was made meanwhile: then this one was never asked about.
      if (approvalIn(requestState, principal) !== question.id) {
        throw new Problem('invalid_request', 'requestState is not of this call, or is used up.', {
          action: 'Send the call again without requestState and inputResponses.',
        })
      }
      const answer = isObject(inputResponses) ? inputResponses[NAME] : undefined
      if (answer === undefined) throw ask(principal, question)
      return verdictIn(answer)
    }

  function ask(principal: Principal, question: Question): InputNeeded {
    const body = `${question.id}.${clock.now() + LIFE_MS}`
    return new InputNeeded(question, `${body}.${sign(body, principal)}`)
  }

  /** The approval that a state is about, if it was signed for this key and is not too old. */
  function approvalIn(state: unknown, principal: Principal): string | undefined {
    if (typeof state !== 'string') return undefined
    const [id, untilMs, signature, ...rest] = state.split('.')
    if (id === undefined || untilMs === undefined || rest.length > 0) return undefined
    const expected = Buffer.from(sign(`${id}.${untilMs}`, principal))
    const given = Buffer.from(signature ?? '')
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
    return isSigned && Number(untilMs) > clock.now() ? id : undefined
  }

  function sign(body: string, { account, key: { id } }: Principal): string {
    return createHmac('sha256', key).update(`${account.id} ${id} ${body}`).digest('base64url')
  }
}
