/**
 * One request of a session, passed on. A server of 2026-07-28 may answer it with questions: they are
 * asked of the client, and the request is sent again with what it said.
 */
import type { JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Relay } from '#connections'
import { isObject } from '#schemas'
import { notificationText, type Questions } from './relayed-questions.js'
import {
  failure,
  type KnownCaller,
  type Passed,
  passOn,
  type RelayDeps,
  type RelayedGateway,
} from './relayed-request.js'

type JsonObject = Record<string, unknown>

/** How often a request may come back with questions before it is given up. */
const MAX_ROUNDS = 10
/** How many questions it may come back with. */
const MAX_QUESTIONS = 100
const INVALID_REQUEST = -32_600
const REFUSED = -32_000

/** @returns what passes a request on; `say` says something about it before it is answered. */
export function createRounds(deps: RelayDeps, relay: Relay, questions: Questions) {
  return async function work(
    gateway: RelayedGateway,
    caller: KnownCaller,
    { method, params = {} }: JSONRPCRequest,
    say: (json: string) => void,
  ): Promise<Passed> {
    if (method === 'initialize') return failure(INVALID_REQUEST, 'The session began already.')
    if (method === 'ping' && relay.era === 'modern') return { kind: 'result', text: '{}' }
    const token = isObject(params._meta) ? params._meta.progressToken : undefined
    const onProgress: KnownCaller['onProgress'] = (progress) =>
      say(notificationText('notifications/progress', { progressToken: token, ...progress }))
    const asked = {
      caller: token === undefined ? caller : { ...caller, onProgress },
      method,
      tell: (name: string, value: unknown) => say(notificationText(name, value)),
    }
    let sent: JsonObject = params
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const passed = await passOn(deps, gateway, relay, { ...asked, params: sent })
      const needed = relay.era === 'modern' && passed.kind === 'result' && neededIn(passed.text)
      if (!needed) return passed
      const { inputRequests, requestState } = needed
      const requests = Object.entries(isObject(inputRequests) ? inputRequests : {})
      if (requests.length > MAX_QUESTIONS) {
        return failure(REFUSED, `The server asks more than ${MAX_QUESTIONS} questions at once.`)
      }
      const inputResponses = await answersTo(requests, caller.signal())
      sent = { ...params, inputResponses, ...(requestState !== undefined && { requestState }) }
    }
    return failure(REFUSED, `The server asks for input more than ${MAX_ROUNDS} times.`)
  }

  async function answersTo(
    asked: readonly [string, unknown][],
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const answers = asked.map(async ([name, request]) => {
      const { method, params } = isObject(request) ? request : {}
      return [name, await questions.ask(String(method), params, signal)]
    })
    return Object.fromEntries(await Promise.all(answers))
  }
}

/** What of a result asks for more. */
function neededIn(text: string): JsonObject | undefined {
  if (!text.includes('input_required')) return undefined
  const result: unknown = JSON.parse(text)
  return isObject(result) && result.resultType === 'input_required' ? result : undefined
}
