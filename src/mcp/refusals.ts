/** How a request is refused before any tool sees it: an HTTP status, and an error of JSON-RPC. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Scope } from '#accounts'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import type { OAuth } from '#oauth'
import type { Telemetry } from '#telemetry'
import { sendJsonText } from './reply.js'

const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600
export const REFUSED = -32_000
const INTERNAL_ERROR = -32_603

export type RefusalDeps = {
  telemetry: Pick<Telemetry, 'refused' | 'failed'>
  oauth: Pick<OAuth, 'challenge'>
}

/** Every error becomes a refusal; what is no refusal is the gateway's own failure. */
export function refuse(
  deps: RefusalDeps,
  { req, res }: { req: IncomingMessage; res: ServerResponse },
  error: unknown,
): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const problem = problemOf(deps, error)
  const challenge = challengeFor(deps, req, problem)
  if (challenge !== undefined) res.setHeader('www-authenticate', challenge)
  sendRpcError(res, problem.status, rpcCodeOf(problem), problem.message, problem.toJSON())
}

/** Of a connection that was to become a WebSocket. */
export function refuseUpgrade(
  deps: RefusalDeps,
  { req, socket }: { req: IncomingMessage; socket: Duplex },
  error: unknown,
): void {
  const problem = problemOf(deps, error)
  const challenge = challengeFor(deps, req, problem)
  const body = JSON.stringify(problem.toJSON())
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(challenge === undefined ? [] : [`WWW-Authenticate: ${challenge}`]),
  ]
  // A client that stays would keep it for ever: no time of the server's counts for it any more.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

export function sendRpcError(
  res: ServerResponse,
  status: number,
  code: number,
  message: string,
  data?: unknown,
): void {
  const error = { code, message, ...(data !== undefined && { data }) }
  sendJsonText(res, status, JSON.stringify({ jsonrpc: '2.0', id: null, error }))
}

/** What tells a client how it may come in, or what it has to ask for besides. */
function challengeFor(
  { oauth }: RefusalDeps,
  { url = '', headers }: IncomingMessage,
  { status, code, facts }: Problem,
): string | undefined {
  const [path = ''] = url.split('?')
  if (code === 'insufficient_scope') {
    const scope = facts.scopes as Scope[] | undefined
    return oauth.challenge(path, { error: code, ...(scope && { scope }) })
  }
  if (status !== 401) return undefined
  return oauth.challenge(
    path,
    headers.authorization === undefined ? {} : { error: 'invalid_token' },
  )
}

function problemOf({ telemetry }: RefusalDeps, error: unknown): Problem {
  const refusal = refusalIn(error)
  if (refusal) {
    telemetry.refused(refusal.code, 'mcp')
    return refusal
  }
  const trace_id = telemetry.failed(error)
  return new Problem('internal_error', 'The gateway failed.', { facts: { trace_id } })
}

/** A body that is not JSON is a parse error; one that is, but is not allowed, an invalid request. */
export function rpcCodeOf({ code, message }: Problem): number {
  if (code === 'internal_error') return INTERNAL_ERROR
  if (code !== 'invalid_request') return REFUSED
  return /not valid (JSON|UTF-8)/.test(message) ? PARSE_ERROR : INVALID_REQUEST
}
