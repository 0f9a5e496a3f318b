/** The gateway itself: its receipt keys, its health, its metrics. */
import { z } from 'zod'
import { Problem } from '#core/problem'
import { Reply, route } from '../route.js'

const state = z.object({ status: z.literal('ok') })

export const gatewayRoutes = [
  route({
    method: 'get',
    path: '/.well-known/jwks.json',
    tag: 'gateway',
    summary: 'The keys that receipts are signed with; old ones stay.',
    who: 'anyone',
    result: z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }),
    run: async ({ receipts }) =>
      new Reply(200, await receipts.jwks(), { 'cache-control': 'public, max-age=300' }),
  }),
  route({
    method: 'get',
    path: '/healthz',
    tag: 'gateway',
    summary: 'The process is up.',
    who: 'anyone',
    result: state,
    run: async () => ({ status: 'ok' }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    tag: 'gateway',
    summary:
      'Database and search answer, and calls are taken. Else 503 with the code that says why.',
    who: 'anyone',
    result: state,
    async run({ proveWritable, catalogue, servers, slots }) {
      await proveWritable()
      if (slots.isDraining() || !servers.ready() || !(await catalogue.ready())) {
        throw new Problem('busy', 'The gateway is not ready.', { status: 503, retryAfterMs: 1_000 })
      }
      return { status: 'ok' }
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    tag: 'gateway',
    summary: 'Metrics in the text form of Prometheus.',
    who: 'anyone',
    raw: 'text/plain',
    run: async ({ telemetry }) =>
      new Reply(200, await telemetry.metrics(), {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      }),
  }),
]
