/** Reads a request's body, at most as much as the gateway accepts. */
import type { IncomingMessage } from 'node:http'
import { Problem } from '#core/problem'

const MAX_REQUEST_BYTES = 1024 * 1024

/** @throws Problem `too_large`, or `invalid_request` when the client goes away before its end. */
export function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) {
    return Promise.reject(tooLarge())
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    const fail = (cause?: unknown) => {
      // `close` comes after every request, also after one that was read to its end.
      if (req.readableEnded) return
      reject(new Problem('invalid_request', 'The request body ended early.', { cause }))
    }
    req.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= MAX_REQUEST_BYTES) parts.push(part)
      // The rest is thrown away as it comes, or the connection's next request would never be read.
      else reject(tooLarge())
    })
    req.once('end', () => resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts)))
    req.once('error', fail)
    req.once('close', fail)
  })
}

function tooLarge(): Problem {
  return new Problem('too_large', 'The request body is larger than 1 MiB.')
}
