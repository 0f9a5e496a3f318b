/** What the benchmark's own servers share: they listen, say where, and read and write JSON. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens on a free port of the loopback and tells the parent process its address. */
export function serve(server: Server): void {
  server.keepAliveTimeout = 65_000
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.send!(`http://127.0.0.1:${port}`)
  })
  process.once('disconnect', () => process.exit())
}

export function readJson(req: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())))
    req.on('error', reject)
  })
}

export function sendJson(res: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value)
  const length = Buffer.byteLength(text)
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': length }).end(text)
}
