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
}

type TracedSending = Sending & {
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
  codeTools: { run(dispatch: Of<'code'>, sending: TracedSending): Promise<Answer> }
  /** Signs traces; the same for all gateways of one database. */
  traceKey: Buffer
}

type Of<Kind extends Dispatch['kind']> = Extract<Dispatch, { kind: Kind }>
type HandlerHeaders = Record<string, string>

export async function forward(deps: Backends, forwarding: Forwarding): Promise<Answer> {
  const { offer, request, held, order, ancestry } = forwarding
  const { dispatch } = request
  const { id: callId, buyerId } = held.call
  if (dispatch.kind === 'http') {
    return deps.upstreams.send(dispatch.request, offer.credential, { callId })
  }
  if (dispatch.kind === 'tool') return toHandler(deps, dispatch, forwarding)
  const { onProgress, signal, tag } = order
  const sending: Sending = { callId, buyerId, onProgress, signal: signal?.(), tag }
  if (dispatch.kind === 'mcp') {
    return order.via ? order.via(dispatch, sending) : deps.servers.call(dispatch, sending)
  }
  const trace = traceFor(deps.traceKey, callId, ancestry)
  return deps.codeTools.run(dispatch, { ...sending, trace })
}

async function toHandler(
  deps: Backends,
  { request }: Of<'tool'>,
  { offer, held, order: { tag }, ancestry }: Forwarding,
): Promise<Answer> {
  const callId = held.call.id
  const signed = await deps.signHandlerCall(offer.sellerId, { callId, body: request.body })
  const headers = {
    ...request.headers,
    ...signed,
    'x-souk-trace': traceFor(deps.traceKey, callId, ancestry),
    ...(tag !== undefined && { 'x-souk-tag': tag }),
  }
  const options = { callId, maxBodyBytes: MAX_TOOL_ANSWER_BYTES }
  return deps.upstreams.send({ ...request, headers }, offer.credential, options)
}

type Forwarding = {
  offer: Offer
  request: ShapedRequest
  held: Held
  order: Order
  ancestry: Ancestry
}
