/** How a seller's server fails a paid call, on both faces alike: refunded, with a zero receipt. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect } from 'vitest'
import type { Refusal } from './refusals.js'
import { answerJson, type Json } from './world.js'

type Script = (req: IncomingMessage, res: ServerResponse) => void

/** The upstream's time in these rows, long enough for a busy machine. */
export const SHORT_TIME = { SOUK_UPSTREAM_TIME_MS: '3000' }

const PER_WORD = {
  model: 'per_unit',
  unit: 'word',
  amount: '0.0001',
  quantity: '/usage/words',
  max_quantity: 100,
}

/** Sent as they are: JSON.stringify would change some of these numbers. */
const raw =
  (
    text: string,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Script =>
  (_req, res) =>
    void res.writeHead(200, headers).end(text)

const claimsOf = (jws: string) =>
  JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString())

const ZERO_RECEIPT = expect.toSatisfy((jws: string) => {
  const { outcome, charge } = claimsOf(jws)
  return outcome === 'refunded' && Object.values(charge).every((amount) => amount === '0')
}, 'a receipt of a refunded call')

function failing(
  name: string,
  script: Script,
  says: Json,
  { endpoint, ...row }: Partial<Refusal> & { endpoint?: Json } = {},
): Refusal {
  return {
    name: `an upstream that ${name}`,
    code: 'upstream_failed',
    reaches: 1,
    says: {
      outcome: 'refunded',
      charge: { amount: '0', fee: '0', total: '0' },
      receipt: ZERO_RECEIPT,
      ...says,
    },
    ...row,
    async asked({ world, sell, order }) {
      const { endpointId } = await sell(endpoint)
      world.upstream.answerWith(script)
      return { args: order({ endpoint_id: endpointId }) }
    },
  }
}

const quantity = (name: string, text: string) =>
  failing(`meters ${name}`, raw(text), { status: 200 }, { endpoint: { price: PER_WORD } })

export const failingUpstreams: readonly Refusal[] = [
  failing('answers 500', answerJson(500, { error: 'x' }), { status: 500, body: { error: 'x' } }),
  failing('answers 404', answerJson(404, { error: 'x' }), { status: 404, body: { error: 'x' } }),
  failing(
    'answers 429',
    answerJson(429, {}, { 'retry-after': '7' }),
    { status: 429, retry_after_s: 7 },
    { retries: true },
  ),
  failing('does not answer', () => {}, { status: null }, { code: 'upstream_timeout' }),
  failing(
    'drips for ever',
    (_req, res) => {
      const drip = setInterval(() => res.write(' '), 100)
      res.once('close', () => clearInterval(drip))
    },
    { status: null },
    { code: 'upstream_timeout' },
  ),
  failing('resets the connection', (_req, res) => void res.socket!.resetAndDestroy(), {
    status: null,
  }),
  failing('speaks no HTTP', (_req, res) => void res.socket!.end('\0garbage\r\n\r\n'), {
    status: null,
  }),
  failing(
    'ends before its Content-Length',
    (_req, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('{')
      res.socket!.end()
    },
    { status: null },
  ),
  failing(
    'sends what is not gzip as gzip',
    raw('{"ok":true}', { 'content-encoding': 'gzip', 'content-type': 'application/json' }),
    { status: null },
  ),
  failing(
    'redirects inward',
    (_req, res) => void res.writeHead(302, { location: 'https://169.254.169.254/' }).end(),
    { status: null },
  ),
  failing(
    'lacks what the success rule wants',
    answerJson(200, { errors: [] }),
    { status: 200 },
    { endpoint: { success: { must_exist: '/data' } } },
  ),
  failing(
    'has what the success rule forbids',
    answerJson(200, { data: {}, errors: [] }),
    { status: 200 },
    { endpoint: { success: { must_not_exist: '/errors' } } },
  ),
  failing(
    'sends no JSON where the success rule looks into it',
    raw('<html>', { 'content-type': 'application/json' }),
    { status: 200, body: '<html>' },
    { endpoint: { success: { must_not_exist: '/errors' } } },
  ),
  quantity('nothing', '{"usage":{}}'),
  quantity('less than nothing', '{"usage":{"words":-1}}'),
  quantity('a text', '{"usage":{"words":"3"}}'),
  quantity('null', '{"usage":{"words":null}}'),
  quantity('ten decimals', '{"usage":{"words":1.0000000001}}'),
  quantity('in no JSON', 'usage: words: 3'),
  quantity('in JSON that is cut', '{"usage":{"words":3}'),
]
