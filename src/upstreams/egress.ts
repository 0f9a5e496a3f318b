/** The only way out: connections to public hosts, kept alive per origin, one exchange at a time. */
import { type Dispatcher, Pool } from 'undici'
import {
  BLOCKED,
  guardedConnector,
  isPrivateLiteral,
  type Lookup,
  systemLookup,
} from './address-guard.js'
import type { Deadline } from './deadline.js'
import type { HttpMethod } from './http-shape.js'

/** One request as it goes onto the wire, credential included. */
export type WireRequest = {
  origin: string
  path: string
  method: HttpMethod
  headers: Record<string, string>
  body: Buffer | null
}

export type Received = {
  kind: 'received'
  status: number
  headers: Record<string, string | string[] | undefined>
  /** As they came, still encoded, at most the limit. */
  bytes: Buffer
  isCut: boolean
}

export type Unanswered = {
  kind: 'unanswered'
  reason: 'timeout' | 'unreachable' | 'blocked' | 'broken' | 'cancelled'
  /** A sentence that names no address and no secret. */
  detail: string
  /** False only if certainly no byte of the request left. */
  dispatched: boolean
}

export type Egress = {
  /** Why this URL may not be reached, judged by its form; names are judged when connecting. */
  refusalOf(url: URL): string | undefined
  /** Sends once, reads at most `limitBytes`. Never throws, never sends twice. */
  exchange(
    request: WireRequest,
    limitBytes: number,
    deadline: Deadline,
  ): Promise<Received | Unanswered>
  /** Lets `host:port` be private or plain http. */
  allowHost(hostPort: string): void
  close(): Promise<void>
}

const CONNECTIONS_PER_ORIGIN = 128
const MAX_ORIGINS = 256
/** Ports below this one belong to mail, databases and the like; only https itself is among them. */
const FIRST_FREE_PORT = 1024

export function createEgress(allow: readonly string[], lookup: Lookup = systemLookup): Egress {
  const exempt = new Set(allow.map(normalHostPort))
  const connect = guardedConnector(lookup, (hostPort) => exempt.has(hostPort))
  /** In order of use, the longest unused first. */
  const pools = new Map<string, Pool>()
  let isClosed = false

  function poolOf(origin: string): Pool {
    const pool = pools.get(origin) ?? newPool(origin)
    pools.delete(origin)
    pools.set(origin, pool)
    return pool
  }

  function newPool(origin: string): Pool {
    const [oldest] = pools.keys()
    if (pools.size >= MAX_ORIGINS && oldest !== undefined) {
      // Closing lets running calls finish; new ones would open a pool of their own.
      void pools.get(oldest)!.close()
      pools.delete(oldest)
    }
    // One deadline per call rules; a timeout per chunk would neither be needed nor be enough.
    return new Pool(origin, {
      connect,
      connections: CONNECTIONS_PER_ORIGIN,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  return {
    refusalOf: (url) => (exempt.has(hostPortOf(url)) ? plainRefusal(url) : strictRefusal(url)),
    exchange: (request, limitBytes, deadline) =>
      isClosed
        ? Promise.resolve(ended('cancelled', false))
        : exchange(poolOf(request.origin), request, limitBytes, deadline),
    allowHost: (hostPort) => void exempt.add(normalHostPort(hostPort)),
    async close() {
      isClosed = true
      const open = [...pools.values()]
      pools.clear()
      await Promise.all(open.map((pool) => pool.close()))
    },
  }
}

function exchange(
  pool: Pool,
  { path, method, headers, body }: WireRequest,
  limitBytes: number,
  deadline: Deadline,
): Promise<Received | Unanswered> {
  return new Promise((resolve) => {
    const handler = receiver(limitBytes, resolve)
    deadline.onEnd(handler.stop)
    if (!deadline.ended()) pool.dispatch({ path, method, headers, body }, handler)
  })
}

const OVER = new Error('This call is over.')

/** Collects one answer and settles exactly once, whatever comes after. */
function receiver(limitBytes: number, settle: (result: Received | Unanswered) => void) {
  const chunks: Buffer[] = []
  let size = 0
  let status = 0
  let headers: Received['headers'] = {}
  let controller: Dispatcher.DispatchController | undefined
  let isOver = false

  const finish = (result: Received | Unanswered) => {
    if (isOver) return
    isOver = true
    settle(result)
  }
  const received = (isCut: boolean): Received => ({
    kind: 'received',
    status,
    headers,
    bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
    isCut,
  })

  return {
    stop(reason: 'timeout' | 'cancelled') {
      finish(ended(reason, controller !== undefined))
      controller?.abort(OVER)
    },
    onRequestStart(next: Dispatcher.DispatchController) {
      // What waited too long for a connection is not sent late, and nothing is ever sent twice.
      if (isOver || controller) return next.abort(OVER)
      controller = next
    },
    onResponseStart(
      _: Dispatcher.DispatchController,
      statusCode: number,
      fields: Received['headers'],
    ) {
      status = statusCode
      headers = fields
    },
    onResponseData(_: Dispatcher.DispatchController, chunk: Buffer) {
      if (isOver) return
      const room = limitBytes - size
      size += chunk.length
      chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
      if (chunk.length <= room) return
      finish(received(true))
      controller!.abort(OVER)
    },
    onResponseEnd: () => finish(received(false)),
    onResponseError: (_: unknown, error: Error) =>
      finish(failed(error as NodeJS.ErrnoException, controller !== undefined)),
  }
}

function ended(reason: 'timeout' | 'cancelled', dispatched: boolean): Unanswered {
  const detail =
    reason === 'timeout'
      ? 'The provider did not answer in time.'
      : 'The call was given up before the provider answered.'
  return { kind: 'unanswered', reason, detail, dispatched }
}

function failed({ code = 'unknown' }: NodeJS.ErrnoException, dispatched: boolean): Unanswered {
  if (code === BLOCKED) return blocked(PRIVATE_HOST, dispatched)
  return dispatched
    ? { kind: 'unanswered', reason: 'broken', detail: brokenDetail(code), dispatched }
    : { kind: 'unanswered', reason: 'unreachable', detail: unreachableDetail(code), dispatched }
}

export function blocked(detail: string, dispatched: boolean): Unanswered {
  return { kind: 'unanswered', reason: 'blocked', detail, dispatched }
}

function brokenDetail(code: string): string {
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') {
    return 'The provider closed the connection before its answer was complete.'
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return "The provider's answer is not as long as it declared."
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return "The provider's answer has too many headers."
  return `The provider's answer is not valid HTTP (${code}).`
}

function unreachableDetail(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return "The provider's name does not resolve."
  if (code === 'ECONNREFUSED') return 'The provider refuses connections.'
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') {
    return 'The provider does not accept connections in time.'
  }
  return `The provider could not be reached (${code}).`
}

const PRIVATE_HOST =
  'The host is not on the public internet. The operator may allow it with SOUK_EGRESS_ALLOW.'

/** What goes for every URL, those of allowed hosts too. */
function plainRefusal(url: URL): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'The URL must be https.'
  if (url.username !== '' || url.password !== '') {
    return 'The URL must not hold a user name or password.'
  }
  return undefined
}

function strictRefusal(url: URL): string | undefined {
  if (url.protocol !== 'https:') {
    return 'The URL must be https. The operator may allow plain http with SOUK_EGRESS_ALLOW.'
  }
  if (url.port !== '' && Number(url.port) < FIRST_FREE_PORT) {
    return `The port must be 443 or at least ${FIRST_FREE_PORT}. The operator may allow it with SOUK_EGRESS_ALLOW.`
  }
  if (isPrivateLiteral(url.hostname)) return PRIVATE_HOST
  return plainRefusal(url)
}

function hostPortOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
}

/** `host:port` as URLs spell it, so that `LOCALHOST:9001` and `127.1:9001` mean what they say. */
function normalHostPort(hostPort: string): string {
  if (!/^[^/?#@\\]+:\d{1,5}$/.test(hostPort) || !URL.canParse(`http://${hostPort}`)) {
    throw new Error(`SOUK_EGRESS_ALLOW: "${hostPort}" is not host:port.`)
  }
  return hostPortOf(new URL(`http://${hostPort}`))
}
