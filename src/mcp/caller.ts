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
  return {
    principal,
    ...attributionIn(req.headers),
    isGone: () => res !== undefined && isGone(res),
    signal: () => (res ? closingOf(res) : NEVER),
  }
}

/**
 * What an order says of the one who orders.
 *
 * @throws Problem `unauthenticated` for a caller without a key.
 */
export function ordererOf(
  caller: Caller,
): Pick<Order, 'principal' | 'tag' | 'trace' | 'isGone' | 'signal' | 'onProgress' | 'ask'> {
  const { tag, trace, isGone, signal, onProgress, ask } = caller
  return { principal: requireKey(caller), tag, trace, isGone, signal, onProgress, ask }
}

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
