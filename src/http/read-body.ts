/** Reads a request's body, at most as much as the gateway accepts. */
import type { IncomingMessage } from 'node:http'
import { Problem } from '#core/problem'

const MAX_REQUEST_BYTES = 1024 * 1024

/** @throws Problem `too_large`, or `invalid_request` when the client goes away before its end. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) throw tooLarge()
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > MAX_REQUEST_BYTES) throw tooLarge()
      parts.push(part)
    }
  } catch (cause) {
    if (cause instanceof Problem) {
      // The rest is thrown away as it comes, or the connection's next request would never be read.
      req.resume()
      throw cause
    }
    throw new Problem('invalid_request', 'The request body ended early.', { cause })
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function tooLarge(): Problem {
  return new Problem('too_large', 'The request body is larger than 1 MiB.')
}
