/**
 * Calls within calls: what answers one may buy another in its course. It is sent a trace with each
 * call and sends it back with what it buys, in the header `x-souk-trace`. The trace is signed, so it
 * can be left away, which starts anew, but not shortened.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type Id, isId } from '#core/ids'
import { Problem } from '#core/problem'

/** Calls that may stand within one another, the first one counted. */
const MAX_DEPTH = 8
/** How often the same endpoint may stand among them: once more is a loop. */
const MAX_TIMES = 2
/** Of the hash that stands for an endpoint in a trace: 72 bits. */
const MARK_CHARS = 12

export type Ancestry = {
  /** The call in whose course this one is made; `null` for a first one. */
  parentCallId: Id<'call'> | null
  /** Of each endpoint, from the first call down to this one. */
  marks: readonly string[]
}

/**
 * Where a call of this endpoint stands.
 *
 * @param trace as it was sent back; absent for a first call.
 * @throws Problem `invalid_request` for a trace that no gateway of this key gave,
 *   `call_depth_exceeded` for a call too deep, or in a loop.
 */
export function ancestryOf(key: Buffer, trace: string | undefined, endpointId: string): Ancestry {
  const above = trace === undefined ? { callId: null, marks: [] } : readTrace(key, trace)
  const mark = createHash('sha256').update(endpointId).digest('base64url').slice(0, MARK_CHARS)
  const marks = [...above.marks, mark]
  if (marks.length > MAX_DEPTH) {
    throw tooDeep(`There are ${MAX_DEPTH} calls within one another already.`)
  }
  if (marks.filter((other) => other === mark).length > MAX_TIMES) {
    throw tooDeep(`${endpointId} is called for the ${MAX_TIMES + 1}rd time within itself.`)
  }
  return { parentCallId: above.callId, marks }
}

/** What is sent along with a call, to be sent back with those that are made in its course. */
export function traceFor(key: Buffer, callId: Id<'call'>, { marks }: Ancestry): string {
  const said = `${callId}.${marks.join('')}`
  return `${said}.${macOf(key, said).toString('base64url')}`
}

function readTrace(key: Buffer, trace: string): { callId: Id<'call'>; marks: string[] } {
  const [callId, marks = '', mac = ''] = trace.split('.')
  const due = macOf(key, `${callId}.${marks}`)
  const given = Buffer.from(mac, 'base64url')
  if (isId('call', callId) && given.length === due.length && timingSafeEqual(given, due)) {
    return { callId, marks: marks.match(new RegExp(`.{${MARK_CHARS}}`, 'g')) ?? [] }
  }
  throw new Problem('invalid_request', 'x-souk-trace is not one that this gateway gave.', {
    action: 'Send it back exactly as it came with the call, or leave it away.',
  })
}

function macOf(key: Buffer, said: string): Buffer {
  return createHmac('sha256', key).update(said).digest()
}

function tooDeep(detail: string): Problem {
  return new Problem('call_depth_exceeded', detail)
}
