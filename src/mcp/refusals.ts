/** How a request is refused before any tool sees it: an HTTP status, and an error of JSON-RPC. */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import type { Telemetry } from '#telemetry'
import { sendJsonText } from './reply.js'

const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600
export const REFUSED = -32_000
const INTERNAL_ERROR = -32_603

type Deps = { telemetry: Pick<Telemetry, 'refused' | 'failed'> }

/** Every error becomes a refusal; what is no refusal is the gateway's own failure. */
export function refuse({ telemetry }: Deps, res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const problem = problemOf({ telemetry }, error)
  if (problem.status === 401) res.setHeader('www-authenticate', CHALLENGE)
  sendRpcError(res, problem.status, rpcCodeOf(problem), problem.message, problem.toJSON())
}

/** Of a connection that was to become a WebSocket. */
export function refuseUpgrade(deps: Deps, socket: Duplex, error: unknown): void {
  const problem = problemOf(deps, error)
  const body = JSON.stringify(problem.toJSON())
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(problem.status === 401 ? [`WWW-Authenticate: ${CHALLENGE}`] : []),
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
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

const CHALLENGE = 'Bearer realm="souk"'

function problemOf({ telemetry }: Deps, error: unknown): Problem {
  const refusal = refusalIn(error)
  if (refusal) {
    telemetry.refused(refusal.code, 'mcp')
    return refusal
  }
  const trace_id = telemetry.failed(error)
  return new Problem('internal_error', 'The gateway failed.', { facts: { trace_id } })
}

/** A body that is not JSON is a parse error; one that is, but is not allowed, an invalid request. */
function rpcCodeOf({ code, message }: Problem): number {
  if (code === 'internal_error') return INTERNAL_ERROR
  if (code !== 'invalid_request') return REFUSED
  return /not valid (JSON|UTF-8)/.test(message) ? PARSE_ERROR : INVALID_REQUEST
}
