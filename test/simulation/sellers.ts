/** Sellers that are slow, that fail and that lie; and what they remember of it. */
import type { Answer, Upstreams } from '#upstreams'
import type { Lots } from '../faults/lots.js'
import { MAX_WORDS } from './market.js'

/** What one call was answered. */
export type Reply = {
  answer: Answer
  /** How long after it was asked, ms. */
  afterMs: number
  /** Words to be paid for; `undefined` when nothing may be charged. */
  words: bigint | undefined
}

type Send = Upstreams['send']

/** A quantity is counted in whole 10^-9, as many as the most that is charged for. */
const BILLIONTHS = 1_000_000_000n
const MOST = BigInt(MAX_WORDS) * BILLIONTHS

/** What only a seller who errs or lies would send, and the words that it counts for. */
const ODD: readonly (readonly [body: string, words: bigint | undefined])[] = [
  ['{"words":12,,', undefined],
  ['', undefined],
  ['{"count":3}', undefined],
  ['{"words":-3}', undefined],
  ['{"words":"12"}', undefined],
  ['{"words":null}', undefined],
  ['{"words":1.0000000001}', undefined],
  ['{"words":0}', 0n],
  ['{"words":0.000000001}', 1n],
  ['{"words":2.5e2}', 250n * BILLIONTHS],
  ['{"words":9007199254740993}', MOST],
  ['{"words":1e300}', MOST],
]

export function replyTo(lots: Lots, actor: string, isMetered: boolean): Reply {
  const lot = lots.draw('reply', actor)
  const afterMs = lots.between(1, 2_000, 'after', actor)
  if (lot < 0.05) return { ...unanswered('timeout'), afterMs: 30_000 }
  if (lot < 0.09) return { ...unanswered('unreachable'), afterMs }
  if (lot < 0.14) return { ...failed(500, '{"error":"out of order"}'), afterMs }
  if (lot < 0.17) return { ...failed(429, 'slow down', 7_000), afterMs }
  if (lot < 0.2) return { ...failed(404, '{}'), afterMs }
  if (lot < 0.32) return { ...oddAnswer(lots, actor, isMetered), afterMs }
  // An answer that its gateway would no longer wait for, had its clock not stood still.
  if (lot < 0.38) return { ...delivered(lots, actor), afterMs: 60_000 }
  return { ...delivered(lots, actor), afterMs }
}

/** The exact answer of a delivery, as the buyer must get it. */
export function bytesOf({ answer }: Reply): Buffer | null {
  return answer.kind === 'answered' ? answer.body : null
}

function delivered(lots: Lots, actor: string): Omit<Reply, 'afterMs'> {
  const count = lots.between(1, MAX_WORDS + 500, 'words', actor)
  const body = JSON.stringify({ actor, words: count, text: 'x'.repeat(count % 90) })
  const words = BigInt(count) * BILLIONTHS
  return { answer: answered(200, body), words: words > MOST ? MOST : words }
}

/** Where nothing is measured, what was sent is what was bought. */
function oddAnswer(lots: Lots, actor: string, isMetered: boolean): Omit<Reply, 'afterMs'> {
  const [body, words] = ODD[lots.between(0, ODD.length - 1, 'odd', actor)]!
  return { answer: answered(200, body), words: isMetered ? words : 0n }
}

function failed(status: number, body: string, retryAfterMs?: number): Omit<Reply, 'afterMs'> {
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs }
  return { answer: { ...answered(status, body), ...retry }, words: undefined }
}

function unanswered(reason: 'timeout' | 'unreachable'): Omit<Reply, 'afterMs'> {
  const detail = 'The provider said nothing.'
  const answer = { kind: 'unanswered' as const, reason, detail, dispatched: true, latencyMs: 12 }
  return { answer, words: undefined }
}

function answered(status: number, body: string): Extract<Answer, { kind: 'answered' }> {
  return {
    kind: 'answered',
    status,
    headers: {},
    mediaType: 'application/json',
    body: Buffer.from(body),
    truncated: false,
    latencyMs: 12,
  }
}

/** An `Upstreams` that sends with `send`; the spine asks for nothing else. */
export function upstreamsThat(send: Send): Upstreams {
  const unused = () => {
    throw new Error('a call needs nothing but send')
  }
  return {
    send,
    fetchDocument: unused,
    checkReachable: unused,
    allowHost: unused,
    open: unused,
    tokens: { bearerFor: unused, refused: unused },
    close: async () => {},
  }
}
