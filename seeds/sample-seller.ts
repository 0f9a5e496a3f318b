import { timingSafeEqual } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { toRfc3339, utcDay } from '#core/clock'
import { holidaysIn } from './sample-seller-holidays.js'
import { bodyText, numberIn, objectIn, textIn } from './sample-seller-input.js'
import { qrOrder, qrSvg } from './sample-seller-qr.js'
import { badInput, isRefusal, refusal } from './sample-seller-refusal.js'
import { sunDay, sunOn } from './sample-seller-sun.js'
import { textStats } from './sample-seller-text.js'
import { convertTime } from './sample-seller-time.js'
import { convert } from './sample-seller-units.js'

const MAX_BODY_BYTES = 256 * 1024
/** How long `/v1/flaky?mode=slow` takes. */
const SLOW_MS = 5000
/** Longer than callers pool their connections, so that none is closed under a request. */
const KEEP_ALIVE_MS = 65_000

/** `nowMs` is the time in milliseconds since the epoch, used where a caller names no time. */
export type SampleSellerOptions = {
  host: string
  port: number
  apiKey: string
  nowMs(): number
}

export type SampleSeller = { port: number; baseUrl: string; close(): Promise<void> }

type Call = { path: string; query: URLSearchParams; body: Uint8Array; nowMs: number }
type Answer = { status: number; type: string; body: string }
type Route = {
  method: 'GET' | 'POST'
  answer(call: Call, response: ServerResponse): Answer | Promise<Answer>
}

/**
 * Starts the sandbox's seller: a small HTTP API that computes everything itself. Port 0 takes any
 * free port. Every route but `GET /healthz` wants the header `x-api-key`. `close` ends all
 * connections, those that wait for a slow answer too.
 */
export async function startSampleSeller(options: SampleSellerOptions): Promise<SampleSeller> {
  const apiKey = Buffer.from(options.apiKey)
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    void serve({ request, response, apiKey, nowMs: options.nowMs })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return { port, baseUrl: `http://${host}:${port}`, close: () => closeServer(server) }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}

type Exchange = {
  request: IncomingMessage
  response: ServerResponse
  apiKey: Buffer
  nowMs(): number
}

async function serve({ request, response, apiKey, nowMs }: Exchange): Promise<void> {
  try {
    const [path, query] = splitUrl(request.url ?? '/')
    if (path !== '/healthz') checkKey(request.headers['x-api-key'], apiKey)
    const route = routes.get(path.startsWith(HOLIDAYS) ? HOLIDAYS : path)
    if (!route) throw refusal(404, 'not_found', `There is nothing at ${path.slice(0, 200)}.`)
    if (request.method !== route.method) {
      response.setHeader('allow', route.method)
      throw refusal(405, 'method_not_allowed', `${path.slice(0, 200)} takes ${route.method} only.`)
    }
    const body = route.method === 'POST' ? await readBody(request) : NO_BODY
    send(
      response,
      await route.answer(
        { path, query: new URLSearchParams(query), body, nowMs: nowMs() },
        response,
      ),
    )
  } catch (error) {
    send(response, failure(error))
  }
}

function splitUrl(url: string): [path: string, query: string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

function checkKey(given: string | string[] | undefined, apiKey: Buffer): void {
  const bytes = Buffer.from(typeof given === 'string' ? given : '')
  if (bytes.length !== apiKey.length || !timingSafeEqual(bytes, apiKey)) {
    throw refusal(401, 'unauthenticated', 'The header x-api-key is missing or wrong.')
  }
}

const NO_BODY = new Uint8Array()

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // The stream stays open on refusal: node drains what the caller still sends after the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) {
      throw refusal(413, 'too_large', `The body is longer than ${MAX_BODY_BYTES} bytes.`)
    }
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  const headers: OutgoingHttpHeaders = {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
  }
  response.writeHead(status, headers).end(body)
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}

function failure(error: unknown): Answer {
  if (isRefusal(error)) {
    return json(error.status, { error: { code: error.code, message: error.message } })
  }
  return json(500, { error: { code: 'internal', message: 'The sample seller failed.' } })
}

const HOLIDAYS = '/v1/holidays/'

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/healthz', { method: 'GET', answer: () => json(200, { status: 'ok' }) }],
  ['/v1/sun', { method: 'GET', answer: sun }],
  [HOLIDAYS, { method: 'GET', answer: holidays }],
  ['/v1/convert', { method: 'GET', answer: conversion }],
  ['/v1/time', { method: 'GET', answer: time }],
  ['/v1/qr', { method: 'POST', answer: qr }],
  [
    '/v1/text-stats',
    { method: 'POST', answer: ({ body }) => json(200, textStats(bodyText(objectIn(body)))) },
  ],
  ['/v1/flaky', { method: 'GET', answer: flaky }],
])

function sun({ query, nowMs }: Call): Answer {
  const latitude = numberIn(query, 'latitude', { least: -90, most: 90 })
  const longitude = numberIn(query, 'longitude', { least: -180, most: 180 })
  const date = query.get('date') ?? utcDay(nowMs)
  return json(200, sunOn(sunDay(date), latitude, longitude))
}

function holidays({ path }: Call): Answer {
  const [country = '', year = '', ...rest] = path.slice(HOLIDAYS.length).split('/')
  if (rest.length > 0) throw refusal(404, 'not_found', 'The path is /v1/holidays/{country}/{year}.')
  return json(200, holidaysIn(country, year))
}

function conversion({ query }: Call): Answer {
  return json(200, convert(textIn(query, 'value'), textIn(query, 'from'), textIn(query, 'to')))
}

function time({ query, nowMs }: Call): Answer {
  const at = query.get('at') ?? toRfc3339(nowMs)
  return json(200, convertTime(textIn(query, 'from_zone'), textIn(query, 'to_zone'), at))
}

async function qr({ body }: Call): Promise<Answer> {
  const order = objectIn(body)
  const svg = await qrSvg(qrOrder(bodyText(order), order.size, order.error_correction))
  return { status: 200, type: 'image/svg+xml', body: svg }
}

/** Fails on purpose, for those who show or test refunds. */
async function flaky({ query, nowMs }: Call, response: ServerResponse): Promise<Answer> {
  const mode = query.get('mode') ?? 'ok'
  const served = { mode, served_at: toRfc3339(nowMs) }
  switch (mode) {
    case 'ok':
      return json(200, { data: served })
    case 'slow':
      await waitWhileOpen(response, SLOW_MS)
      return json(200, { data: served })
    case 'graphql-error':
      return json(200, { data: null, errors: [{ message: 'This query fails as asked.' }] })
    case 'error':
      throw refusal(500, 'failed_as_asked', 'This call fails as asked.')
    default:
      throw badInput('"mode" must be ok, error, graphql-error or slow.')
  }
}

/** Waits, but no longer than the caller does, so that a closed connection leaves no timer. */
function waitWhileOpen(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
