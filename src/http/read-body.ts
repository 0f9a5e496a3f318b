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
  return collect(req, MAX_REQUEST_BYTES, (bytes) => {
    unfinishedBytes += bytes
    if (bytes > 0 && unfinishedBytes > MAX_UNFINISHED_BYTES) throw busy()
  })
}

/**
 * Reads a body that may be larger than others, at most `maxBytes`. It is not counted among all that
 * are being read: whoever calls this bounds how many of them there are.
 *
 * @throws Problem `too_large`, or `invalid_request` when the client goes away before its end.
 */
export function readLargeBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return collect(req, maxBytes, () => {})
}

/** @param count told what comes, and taken back (less than 0) when it is no longer held. */
function collect(
  req: IncomingMessage,
  maxBytes: number,
  count: (bytes: number) => void,
): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
    return Promise.reject(tooLarge(maxBytes))
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    let isRefused = false
    const letGo = () => {
      count(-bytes)
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
      parts.push(part)
      try {
        count(part.length)
        if (bytes > maxBytes) throw tooLarge(maxBytes)
      } catch (error) {
        refuse(error as Problem)
      }
    })
    req.once('end', () => {
      letGo()
      resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
    })
    req.once('error', fail)
    req.once('close', fail)
  })
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('too_large', `The request body is larger than ${maxBytes / 1024 ** 2} MiB.`)
}

function busy(): Problem {
  return new Problem('busy', 'The gateway is reading as many requests as it can.', {
    status: 503,
    retryAfterMs: RETRY_AFTER_MS,
  })
}
