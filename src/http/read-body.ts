/** Reads a request's body, at most as much as the gateway accepts. */
import type { IncomingMessage } from 'node:http'
import { Problem } from '#core/problem'

const MAX_REQUEST_BYTES = 1024 * 1024

/** @throws Problem `too_large`. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) throw tooLarge()
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of req as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MAX_REQUEST_BYTES) throw tooLarge()
    parts.push(part)
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function tooLarge(): Problem {
  return new Problem('too_large', 'The request body is larger than 1 MiB.')
}
