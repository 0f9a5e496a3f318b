/**
 * Requests of 2026-07-28 that are sent again with answers. The server's state goes out wrapped in ours,
 * and is unwrapped when the client brings it back; where a person has to approve a call, ours holds
 * what the server is still to be told.
 */
import { CLIENT_CAPABILITIES_META_KEY, type JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Clock } from '#core/clock'
import { memberTexts, objectText } from '#core/json-text'
import { isObject } from '#schemas'
import { canAsk } from '../asking.js'
import { createAsker, InputNeeded, type Resumed } from '../input-needed.js'
import {
  type KnownCaller,
  type Passed,
  passOn,
  type RelayDeps,
  type RelayedGateway,
  type RelayLine,
} from './relayed-request.js'
import { createStateCodec, type RelayedState } from './relayed-state.js'

type JsonObject = Record<string, unknown>

export type Resumable = { gateway: RelayedGateway; caller: KnownCaller; message: JSONRPCRequest }

/** @returns what passes a request on. */
export function createResumable(deps: RelayDeps & { clock: Clock; stateKey: Buffer }) {
  const states = createStateCodec({ key: deps.stateKey, clock: deps.clock })
  const asker = createAsker({ key: deps.stateKey, clock: deps.clock })
  return resumable

  async function resumable(
    { gateway, caller, message: { method, params = {} } }: Resumable,
    line: RelayLine,
    tell: (method: string, params: unknown) => void,
  ): Promise<Passed> {
    const { inputResponses, requestState, ...own } = params as JsonObject & Resumed
    const asked = `${method} ${JSON.stringify(own.name ?? own.uri)}`
    const { principal } = caller
    const binding = { principal, gatewayId: gateway.surface.id, server: gateway.server, asked }
    const state: RelayedState = requestState === undefined ? {} : states.open(requestState, binding)
    const isApproval = state.approval !== undefined
    const resumed: Resumed = isApproval ? { inputResponses, requestState: state.approval } : {}
    const answers = isApproval ? state.answers : inputResponses
    const sent = {
      ...own,
      ...(answers !== undefined && { inputResponses: answers }),
      ...(state.upstream !== undefined && { requestState: state.upstream }),
    }
    const ask = canAsk(capabilitiesIn(params)) ? asker(principal, resumed) : undefined
    const request = { caller: { ...caller, ask }, method, params: sent, tell }
    try {
      const passed = await passOn(deps, gateway, line, request)
      if (passed.kind === 'error' || !passed.text.includes('"input_required"')) return passed
      return {
        ...passed,
        text: wrapped(passed.text, (upstream) => states.seal({ upstream }, binding)),
      }
    } catch (error) {
      if (!(error instanceof InputNeeded)) throw error
      const { inputRequests, requestState: approval } = error
      const next = { ...state, answers, approval }
      const needed = { resultType: 'input_required', inputRequests }
      const text = JSON.stringify({ ...needed, requestState: states.seal(next, binding) })
      return { kind: 'result', text }
    }
  }
}

/** A result that asks for input with a state of ours around the server's. */
function wrapped(text: string, seal: (upstream: unknown) => string): string {
  const { resultType, requestState } = JSON.parse(text)
  // Of a server without a state there is nothing to bring back.
  if (resultType !== 'input_required' || requestState === undefined) return text
  return objectText(memberTexts(text).set('requestState', JSON.stringify(seal(requestState))))
}

export function capabilitiesIn(params: JsonObject): JsonObject {
  const capabilities = metaIn(params)[CLIENT_CAPABILITIES_META_KEY]
  return isObject(capabilities) ? capabilities : {}
}

export function metaIn(params: JsonObject): JsonObject {
  return isObject(params._meta) ? params._meta : {}
}
