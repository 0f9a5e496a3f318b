/** Sends a held call to what answers it. No transaction is open here; the credential is injected here. */
import { MAX_TOOL_ANSWER_BYTES, type Offer } from '#catalogue'
import type { Answer, Upstreams } from '#upstreams'
import { type Ancestry, traceFor } from './ancestry.js'
import type { Dispatch, Held, Order, ShapedRequest } from './call.js'

/** Of one call: whose it is, how it can be told from others, and how it is taken back. */
export type Sending = Pick<Order, 'onProgress' | 'tag'> & {
  signal: AbortSignal | undefined
  callId: string
  /** The account that buys: what a server remembers of one is never shown to another. */
  buyerId: string
  /** To be sent back with calls that are made in the course of this one. */
  trace: string
}

/** What answers calls, by its kind. None of them throws for what a seller does. */
export type Backends = {
  upstreams: Pick<Upstreams, 'send'>
  /** The headers by which a handler of this seller knows that a request comes from here. */
  signHandlerCall(
    sellerId: string,
    message: { callId: string; body: Buffer },
  ): Promise<HandlerHeaders>
  servers: { call(dispatch: Of<'mcp'>, sending: Sending): Promise<Answer> }
  codeTools: { run(dispatch: Of<'code'>, sending: Sending): Promise<Answer> }
  /** Signs traces; the same for all gateways of one database. */
  traceKey: Buffer
}

type Of<Kind extends Dispatch['kind']> = Extract<Dispatch, { kind: Kind }>
type HandlerHeaders = Record<string, string>

export async function forward(
  deps: Backends,
  { offer, request, held, order, ancestry }: Forwarding,
): Promise<Answer> {
  const { dispatch } = request
  const { id: callId, buyerId } = held.call
  const { onProgress, signal, tag } = order
  if (dispatch.kind === 'http') {
    return deps.upstreams.send(dispatch.request, offer.credential, { callId })
  }
  const trace = traceFor(deps.traceKey, callId, ancestry)
  const sending: Sending = { callId, buyerId, trace, onProgress, signal: signal?.(), tag }
  switch (dispatch.kind) {
    case 'tool': {
      const { request: shaped } = dispatch
      const signed = await deps.signHandlerCall(offer.sellerId, { callId, body: shaped.body })
      const headers = {
        ...shaped.headers,
        ...signed,
        'x-souk-trace': trace,
        ...(tag !== undefined && { 'x-souk-tag': tag }),
      }
      const options = { callId, maxBodyBytes: MAX_TOOL_ANSWER_BYTES }
      return deps.upstreams.send({ ...shaped, headers }, offer.credential, options)
    }
    case 'mcp':
      return order.via ? order.via(dispatch, sending) : deps.servers.call(dispatch, sending)
    case 'code':
      return deps.codeTools.run(dispatch, sending)
  }
}

type Forwarding = {
  offer: Offer
  request: ShapedRequest
  held: Held
  order: Order
  ancestry: Ancestry
}
