/** Sends a held call to what answers it. No transaction is open here; the credential is injected here. */
import type { Offer } from '#catalogue'
import type { Answer, SendOptions, Upstreams } from '#upstreams'
import type { Dispatch, Held, Order, ShapedRequest } from './call.js'

/** Of one call: whose it is, how it can be told from others, and how it is taken back. */
export type Sending = Pick<Order, 'onProgress' | 'signal' | 'tag'> & {
  callId: string
  /** The account that buys: what a server remembers of one is never shown to another. */
  buyerId: string
}

/** What answers calls, by its kind. None of them throws for what a seller does. */
export type Backends = {
  upstreams: Pick<Upstreams, 'send'>
  /** The headers by which a handler of this seller knows that a request comes from here. */
  signHandlerCall(sellerId: string, message: { callId: string; body: Buffer }): HandlerHeaders
  servers: { call(dispatch: Of<'mcp'>, sending: Sending): Promise<Answer> }
  codeTools: { run(dispatch: Of<'code'>, sending: Sending): Promise<Answer> }
}

type Of<Kind extends Dispatch['kind']> = Extract<Dispatch, { kind: Kind }>
type HandlerHeaders = Record<string, string>

export function forward(
  deps: Backends,
  { offer, request, held, order }: Forwarding,
): Promise<Answer> {
  const { dispatch } = request
  const { id: callId, buyerId } = held.call
  const { onProgress, signal, tag } = order
  const sending: Sending = { callId, buyerId, onProgress, signal, tag }
  const options: SendOptions = { callId }
  switch (dispatch.kind) {
    case 'http':
      return deps.upstreams.send(dispatch.request, offer.credential, options)
    case 'tool': {
      const { request: shaped } = dispatch
      const signed = deps.signHandlerCall(offer.sellerId, { callId, body: shaped.body })
      const headers = {
        ...shaped.headers,
        ...signed,
        ...(tag !== undefined && { 'x-souk-tag': tag }),
      }
      return deps.upstreams.send({ ...shaped, headers }, offer.credential, options)
    }
    case 'mcp':
      return deps.servers.call(dispatch, sending)
    case 'code':
      return deps.codeTools.run(dispatch, sending)
  }
}

type Forwarding = { offer: Offer; request: ShapedRequest; held: Held; order: Order }
