/** Who asks, as a request shows it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '#accounts'
import { attributionIn, type Order } from '#calls'
import type { Caller } from './surface.js'
import { requireKey } from './tools/require-key.js'

const NEVER = new AbortController().signal

/** @param res what the answer goes to, where it is one answer: the client's leaving ends it. */
export function callerOf(
  req: IncomingMessage,
  principal: Principal | undefined,
  res?: ServerResponse,
): Caller {
  const { tag, trace } = attributionIn(req.headers)
  return {
    principal,
    tag,
    trace,
    isGone: () => res !== undefined && isGone(res),
    signal: () => (res ? closingOf(res) : NEVER),
  }
}

/**
 * The order of a caller. Written out member by member: copying objects took a tenth of a call.
 *
 * @throws Problem `unauthenticated` for a caller without a key.
 */
export function orderOf(caller: Caller, wanted: Wanted): Order {
  return {
    principal: requireKey(caller),
    endpointId: wanted.endpointId,
    version: wanted.version,
    arguments: wanted.arguments,
    maxPrice: wanted.maxPrice,
    quoteId: wanted.quoteId,
    idempotencyKey: wanted.idempotencyKey,
    tag: caller.tag,
    trace: caller.trace,
    isGone: caller.isGone,
    signal: caller.signal,
    ask: caller.ask,
    via: wanted.via,
    onProgress: caller.onProgress,
  }
}

/** What of an order is in the call, and not in who makes it. */
type Wanted = Pick<
  Order,
  'endpointId' | 'version' | 'arguments' | 'maxPrice' | 'quoteId' | 'idempotencyKey' | 'via'
>

/** Aborted when the client goes away before it was answered. */
function closingOf(res: ServerResponse): AbortSignal {
  const closing = new AbortController()
  if (isGone(res)) closing.abort()
  else res.once('close', () => isGone(res) && closing.abort())
  return closing.signal
}

function isGone(res: ServerResponse): boolean {
  return res.destroyed && !res.writableFinished
}
