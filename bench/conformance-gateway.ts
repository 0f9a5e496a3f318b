/** A Souk gateway that relays the everything server, behind a proxy that says who is calling. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readConfig } from '../src/config.js'
import { start } from '../src/main.js'
import { everythingServer, toolCount } from '../test/support/an-everything-server.js'

type Json = Record<string, unknown>

export type ConformanceGateway = Awaited<ReturnType<typeof conformanceGateway>>

const PATIENCE_MS = 20_000

export async function conformanceGateway() {
  const everything = await everythingServer()
  const dataDir = mkdtempSync(join(tmpdir(), 'souk-conformance-'))
  const key = randomBytes(24).toString('base64url')
  const file = join(dataDir, 'souk.yaml')
  const server = { name: 'everything', transport: 'streamable_http', url: everything.url }
  writeFileSync(file, JSON.stringify({ mcp_servers: [server] }))
  let target = 0
  const proxy = createServer((req, res) => {
    const { method, url: path = '/' } = req
    const isMcp = path.startsWith('/mcp')
    const headers = { ...req.headers, ...(isMcp && { authorization: `Bearer ${key}` }) }
    const onward = httpRequest({ port: target, method, path, headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
  const url = `http://127.0.0.1:${await listening(proxy)}`
  const environment = {
    PORT: '0',
    SOUK_DATA_DIR: dataDir,
    SOUK_OPERATOR_KEY: key,
    SOUK_PUBLIC_URL: url,
    SOUK_LOG_LEVEL: 'silent',
    SOUK_PROBES: 'off',
    SOUK_EGRESS_ALLOW: everything.hostPort,
  }
  const souk = await start(readConfig(environment, file))
  target = (souk.gateway.server.address() as AddressInfo).port

  async function post(path: string, body: object): Promise<Json> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`)
    return JSON.parse(text)
  }
  const rpc = async (path: string, method: string, params: object) =>
    (await post(path, { jsonrpc: '2.0', id: 1, method, params })).result as Json

  const relayPath = '/mcp/operator/everything'
  await post('/v1/gateways', {
    ...{ name: 'Everything', type: 'mcp', endpoint: 'everything' },
    configuration: { relay: 'everything' },
  })
  await untilDiscovered(async () => {
    const { tools } = await rpc(relayPath, 'tools/list', {})
    return (tools as Json[]).length
  })
  return {
    relayUrl: url + relayPath,
    marketUrl: `${url}/mcp`,
    issuer: url,
    operatorKey: key,
    /** What a call says of itself that only Souk does: the receipt that it signed. */
    async receiptOfACall(): Promise<string> {
      const result = await rpc(relayPath, 'tools/call', { name: 'test_simple_text', arguments: {} })
      const meta = result._meta as Record<string, Json> | undefined
      return String(meta?.['souk/call']?.receipt)
    },
    async close() {
      await souk.drain()
      proxy.closeAllConnections()
      proxy.close()
      await everything.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Tools are on sale a moment after the start. */
async function untilDiscovered(count: () => Promise<number>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  let found = 0
  while (performance.now() < untilMs) {
    found = await count().catch(() => 0)
    if (found === toolCount) return
    await wait(100)
  }
  throw new Error(
    `The gateway lists ${found} tools of the everything server instead of ${toolCount}.`,
  )
}
