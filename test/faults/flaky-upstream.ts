/** A seller's server that outlives the gateway: slow, at times broken, and it forgets nothing. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Lots } from './lots.js'
import type { Moments } from './moments.js'

const SLOWEST_MS = 30

export type FlakyUpstream = {
  baseUrl: string
  /** The calls, by the id in `x-souk-call`, that brought each order here. */
  arrivals: ReadonlyMap<string, readonly string[]>
  /** What was answered with 200, by order: the exact bytes. */
  delivered: ReadonlyMap<string, Buffer>
  close(): Promise<void>
}

/** @param moments told of each request before it is answered, and of each answer with 200. */
export async function flakyUpstream(lots: Lots, moments: Moments): Promise<FlakyUpstream> {
  const arrivals = new Map<string, string[]>()
  const delivered = new Map<string, Buffer>()

  const server = createServer(async (req, res) => {
    const { order } = JSON.parse(await textOf(req)) as { order: string }
    arrivals.set(order, [...(arrivals.get(order) ?? []), String(req.headers['x-souk-call'])])
    moments.happened('arrived')
    setTimeout(() => answer(order, res), lots.between(1, SLOWEST_MS, 'delay', order))
  })

  function answer(order: string, res: ServerResponse): void {
    const lot = lots.draw('answer', order)
    if (isSilentTo(lots, order)) return
    if (lot < 0.06) breakOff(res)
    else if (lot < 0.15) res.writeHead(500, JSON_TYPE).end('{"error":"out of order"}')
    else deliver(order, res)
  }

  function deliver(order: string, res: ServerResponse): void {
    const body = Buffer.from(answerTo(order))
    delivered.set(order, body)
    res.writeHead(200, JSON_TYPE).end(body)
    moments.happened('delivered')
  }

  /** Units differ from order to order, so that each charge does, too. */
  function answerTo(order: string): string {
    const units = lots.between(1, 5_000, 'units', order)
    return JSON.stringify({ order, units, text: 'x'.repeat(units % 100) })
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    delivered,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Whether an order is never answered. */
export function isSilentTo(lots: Lots, order: string): boolean {
  return lots.draw('answer', order) < 0.03
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** Ends the connection in the middle of the body. */
function breakOff(res: ServerResponse): void {
  res.writeHead(200, { ...JSON_TYPE, 'content-length': 1_000 })
  res.write('{"units":1', () => res.destroy())
}

async function textOf(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
