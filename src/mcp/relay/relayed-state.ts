/**
 * The state of a call that waits for its client's answers (2026-07-28). It travels through the client,
 * so it is signed, and bound to the key, to the gateway and to what was asked for: what comes back
 * changed, or from somebody else, never reaches the server.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Principal } from '#accounts'
import { type RpcError, rpcError } from '#connections'
import type { Clock } from '#core/clock'

const LIFE_MS = 15 * 60 * 1_000
const INVALID_PARAMS = -32_602

export type RelayedState = {
  /** The server's own state. */
  upstream?: unknown
  /** The client's answers to the server, kept while a person is asked to approve. */
  answers?: unknown
  /** The state of our own question. */
  approval?: string
}

export type StateBinding = {
  principal: Principal
  gatewayId: string
  server: string
  asked: string
}

export type StateCodec = {
  seal(state: RelayedState, binding: StateBinding): string
  /** @throws RpcError -32602 for what was not sealed so, or too long ago. */
  open(text: unknown, binding: StateBinding): RelayedState
}

/** @param key signs states; the same for all gateways of one database. */
export function createStateCodec({ key, clock }: { key: Buffer; clock: Clock }): StateCodec {
  return {
    seal(state, binding) {
      const payload = { ...state, until: clock.now() + LIFE_MS }
      const body = Buffer.from(JSON.stringify(payload)).toString('base64url')
      return `${body}.${sign(body, binding).toString('base64url')}`
    },
    open(text, binding) {
      if (typeof text !== 'string') throw notOurs()
      const [body = '', signature = '', ...rest] = text.split('.')
      const given = Buffer.from(signature, 'base64url')
      const expected = sign(body, binding)
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
      if (rest.length > 0 || !isSigned) throw notOurs()
      const { until, ...state } = JSON.parse(Buffer.from(body, 'base64url').toString())
      if (until <= clock.now()) throw notOurs()
      return state
    },
  }

  function sign(body: string, { principal, gatewayId, server, asked }: StateBinding): Buffer {
    const bound = [principal.account.id, principal.key.id, gatewayId, server, asked, body]
    return createHmac('sha256', key)
      .update(`relay ${JSON.stringify(bound)}`)
      .digest()
  }
}

function notOurs(): RpcError {
  return rpcError(
    INVALID_PARAMS,
    'requestState is not of this request, or is too old. Send the request again without it.',
  )
}
