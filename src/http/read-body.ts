/** Reads a request's body, at most as much as the gateway accepts of one and of all together. */
import type { IncomingMessage } from 'node:http'
import { Problem } from '#core/problem'

const MAX_REQUEST_BYTES = 1024 * 1024
/** What has come of all bodies that are still being read: those calls are not counted in flight. */
const MAX_UNFINISHED_BYTES = 128 * 1024 * 1024
const RETRY_AFTER_MS = 1_000

let unfinishedBytes = 0

/**
 * @throws Problem `too_large`, `busy` when too much is being read already, or `invalid_request` when
 *   the client goes away before its end.
 */
export function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) {
    return Promise.reject(tooLarge())
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    let isRefused = false
    const letGo = () => {
      unfinishedBytes -= bytes
      bytes = 0
    }
    const refuse = (problem: Problem) => {
      isRefused = true
      letGo()
      parts.length = 0
      reject(problem)
    }
    const fail = (cause?: unknown) => {
      // `close` comes after every request, also after one that was read to its end.
      if (req.readableEnded || isRefused) return
      refuse(new Problem('invalid_request', 'The request body ended early.', { cause }))
    }
    req.on('data', (part: Buffer) => {
      // The rest is thrown away as it comes, or the connection's next request would never be read.
      if (isRefused) return
      bytes += part.length
      unfinishedBytes += part.length
      if (bytes > MAX_REQUEST_BYTES) refuse(tooLarge())
      else if (unfinishedBytes > MAX_UNFINISHED_BYTES) refuse(busy())
      else parts.push(part)
    })
    req.once('end', () => {
      letGo()
      resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
    })
    req.once('error', fail)
    req.once('close', fail)
  })
}

function tooLarge(): Problem {
  return new Problem('too_large', 'The request body is larger than 1 MiB.')
}

function busy(): Problem {
  return new Problem('busy', 'The gateway is reading as many requests as it can.', {
    status: 503,
    retryAfterMs: RETRY_AFTER_MS,
  })
}
