/** The only way out: connections to public hosts, kept alive per origin, one exchange at a time. */
import { lookup as dnsLookup } from 'node:dns/promises'
import type { LookupFunction, Socket } from 'node:net'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import { isPrivateHost, isPublicAddress } from './address-guard.js'
import type { Deadline } from './deadline.js'
import type { HttpMethod } from './http-shape.js'
import { BLOCKED, blocked, ended, failed, PRIVATE_HOST, type Unanswered } from './unanswered.js'

/** All addresses of a host name. */
export type Lookup = (hostname: string) => Promise<{ address: string; family: number }[]>

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

/** A request whose answer is read as it comes in. */
export type OpenRequest = Omit<WireRequest, 'origin' | 'path'> & {
  url: URL
  /** Requests of one name share connections, of two names never. */
  pool: string
  /** Whether the answer may stay open for hours; it then takes no connection from the others. */
  isLong?: boolean | undefined
}

/** What hears of an answer as it comes in. */
export type Sink = {
  onHead(status: number, headers: Received['headers']): void
  /** Bytes as they came, still encoded; the sink keeps its own limit. */
  onData(chunk: Buffer): void
  /** Once, at the end; `failure` unless the answer came whole. */
  onEnd(failure: Unanswered | undefined): void
}

export type Exchange = {
  /** Ends it; the sink hears nothing more. */
  abort(): void
  /** False only if certainly no byte of the request left. */
  isDispatched(): boolean
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
  /** Sends once, redirects unfollowed; `sink` hears of the answer. Never throws. */
  open(request: OpenRequest, sink: Sink): Exchange | Unanswered
  /** Lets `host:port` be private or plain http. */
  allowHost(hostPort: string): void
  /** Waits for running exchanges, long ones excepted. */
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
const CONNECTIONS_PER_ORIGIN = 128
const MAX_ORIGINS = 256
/** Ports below this one belong to mail, databases and the like; only https itself is among them. */
const FIRST_FREE_PORT = 1024

const systemLookup: Lookup = (hostname) => dnsLookup(hostname, { all: true })

export function createEgress(allow: readonly string[], lookup: Lookup = systemLookup): Egress {
  const exempt = new Set(allow.map(normalHostPort))
  const connect = guardedConnector(lookup, (hostPort) => exempt.has(hostPort))
  /** In order of use, the longest unused first. */
  const pools = new Map<string, Pool>()
  /** Their exchanges end when all ends; the others are waited for. */
  const longPools = new WeakSet<Pool>()
  let isClosed = false

  function poolOf(origin: string, name = '', isLong = false): Pool {
    const key = `${name} ${isLong} ${origin}`
    const pool = pools.get(key) ?? newPool(origin, isLong)
    pools.delete(key)
    pools.set(key, pool)
    return pool
  }

  function newPool(origin: string, isLong: boolean): Pool {
    const [oldest] = pools.keys()
    if (pools.size >= MAX_ORIGINS && oldest !== undefined) {
      // Closing lets running calls finish; new ones would open a pool of their own.
      void pools.get(oldest)!.close()
      pools.delete(oldest)
    }
    // One deadline per call rules; a timeout per chunk would neither be needed nor be enough.
    const pool = new Pool(origin, {
      connect,
      connections: isLong ? null : CONNECTIONS_PER_ORIGIN,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    if (isLong) longPools.add(pool)
    return pool
  }

  const refusalOf = (url: URL) =>
    exempt.has(hostPortOf(url)) ? plainRefusal(url) : strictRefusal(url)

  return {
    refusalOf,
    exchange: (request, limitBytes, deadline) =>
      isClosed
        ? Promise.resolve(ended('cancelled', false))
        : exchange(poolOf(request.origin), request, limitBytes, deadline),
    open({ url, pool, isLong, method, headers, body }, sink) {
      const refusal = refusalOf(url)
      if (refusal) return blocked(refusal, false)
      if (isClosed) return ended('cancelled', false)
      const path = url.pathname + url.search
      return dispatch(poolOf(url.origin, pool, isLong), { method, path, headers, body }, sink)
    },
    allowHost: (hostPort) => void exempt.add(normalHostPort(hostPort)),
    async close() {
      isClosed = true
      const open = [...pools.values()]
      pools.clear()
      await Promise.all(open.map((pool) => (longPools.has(pool) ? pool.destroy() : pool.close())))
    },
  }
}

const OVER = new Error('This call is over.')

/** Sends once, and tells the sink what comes until it ends or is aborted. */
function dispatch(pool: Pool, request: Omit<WireRequest, 'origin'>, sink: Sink): Exchange {
  let controller: Dispatcher.DispatchController | undefined
  let isOver = false
  const end = (failure: Unanswered | undefined) => {
    if (isOver) return
    isOver = true
    sink.onEnd(failure)
  }
  pool.dispatch(request, {
    onRequestStart(next: Dispatcher.DispatchController) {
      // What waited too long for a connection is not sent late, and nothing is ever sent twice.
      if (isOver || controller) return next.abort(OVER)
      controller = next
    },
    onResponseStart(_, status, headers) {
      if (!isOver) sink.onHead(status, headers)
    },
    onResponseData(_, chunk) {
      if (!isOver) sink.onData(chunk)
    },
    onResponseEnd: () => end(undefined),
    onResponseError: (_, error) =>
      end(failed(error as NodeJS.ErrnoException, controller !== undefined)),
  })
  return {
    abort() {
      isOver = true
      controller?.abort(OVER)
    },
    isDispatched: () => controller !== undefined,
  }
}

/** Collects one answer; settles exactly once, whatever comes after. */
function exchange(
  pool: Pool,
  { path, method, headers, body }: WireRequest,
  limitBytes: number,
  deadline: Deadline,
): Promise<Received | Unanswered> {
  const reason = deadline.ended()
  if (reason) return Promise.resolve(ended(reason, false))
  return new Promise((resolve) => {
    const answer: Pick<Received, 'status' | 'headers'> = { status: 0, headers: {} }
    const chunks: Buffer[] = []
    let room = limitBytes
    const received = (isCut: boolean): Received => ({
      kind: 'received',
      ...answer,
      bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
      isCut,
    })
    const running = dispatch(
      pool,
      { path, method, headers, body },
      {
        onHead(status, fields) {
          answer.status = status
          answer.headers = fields
        },
        onData(chunk) {
          chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
          room -= chunk.length
          if (room >= 0) return
          running.abort()
          resolve(received(true))
        },
        onEnd: (failure) => resolve(failure ?? received(false)),
      },
    )
    deadline.onEnd((why) => {
      const isDispatched = running.isDispatched()
      running.abort()
      resolve(ended(why, isDispatched))
    })
  })
}

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
  if (isPrivateHost(url.hostname)) return PRIVATE_HOST
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

/**
 * Opens connections to public addresses only: literals are judged as they are, names by all their
 * addresses, and what came about is judged once more. `isExempt` hosts (`host:port`) go unjudged.
 */
function guardedConnector(
  lookup: Lookup,
  isExempt: (hostPort: string) => boolean,
): buildConnector.connector {
  const open = buildConnector({ timeout: CONNECT_TIMEOUT_MS })
  const openGuarded = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: publicLookup(lookup),
  })
  return (options, callback) => {
    const { hostname, protocol } = options
    const port = options.port || (protocol === 'https:' ? '443' : '80')
    const host = hostname.includes(':') ? `[${hostname}]` : hostname
    if (isExempt(`${host}:${port}`)) return open(options, callback)
    // A socket never asks its lookup about an IP literal.
    if (isPrivateHost(hostname)) return callback(notPublic(), null)
    openGuarded(options, (error, socket) => {
      if (error) return callback(error, null)
      const verdict = judgePeer(socket)
      return verdict ? callback(verdict, null) : callback(null, socket)
    })
  }
}

/** Closes a connection whose other end is not public; the error, if so. */
export function judgePeer(socket: Pick<Socket, 'remoteAddress' | 'destroy'>): Error | undefined {
  if (socket.remoteAddress !== undefined && isPublicAddress(socket.remoteAddress)) return undefined
  socket.destroy()
  return notPublic()
}

/** The socket's own lookup: it connects to one of exactly the addresses that were judged here. */
export function publicLookup(lookup: Lookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname).then(
      (addresses) => {
        const [first] = addresses
        if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
          return callback(notPublic(), '', 0)
        }
        if (options.all) return callback(null, addresses)
        return callback(null, first.address, first.family)
      },
      (error) => callback(error, '', 0),
    )
  }
}

function notPublic(): Error {
  const error = new Error('The host does not belong to the public internet.')
  return Object.assign(error, { code: BLOCKED })
}
