/** Who asks, as a request shows it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '#accounts'
import { attributionIn } from '#calls'
import type { Caller } from './surface.js'

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
