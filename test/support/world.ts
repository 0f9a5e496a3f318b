/**
 * A whole gateway for a test: composed as in production, on a database of its own in a temporary
 * folder, with accounts made through the front door and a seller's server that does what it is told.
 * Closing it audits the ledger: every test also proves that no money was made or lost.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { readConfig } from '../../src/config.js'
import { type Started, start } from '../../src/main.js'
import { aPostgresUrl } from './a-postgres.js'

export type Json = Record<string, unknown>
export type Answered = { status: number; headers: Headers; json: Json; text: string }
export type Party = { id: string; key: string; slug: string }

export type World = {
  url: string
  started: Started
  dataDir: string
  operatorKey: string
  /** The sandbox buyer, with 5 USDC. */
  buyer: Party
  upstream: ScriptedUpstream
  /** A REST request; `body` is sent as JSON unless it is a string or Buffer. */
  rest(
    method: string,
    path: string,
    key: string | undefined,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answered>
  /** A tools/call over bare JSON-RPC; the structured content, with `isError` beside. */
  tool(key: string | undefined, name: string, args: unknown): Promise<Json & { isError?: boolean }>
  account(name: string, credit?: string): Promise<Party>
  /** Publishes a listing at the scripted upstream, and gives its id and the ids of its endpoints. */
  listing(
    seller: Party,
    changes?: ListingChanges,
  ): Promise<{ id: string; slug: string; endpointId: string }>
  /** Stops the gateway; `start` brings it back on the same data. */
  stop(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export type ListingChanges = { slug?: string; endpoint?: Json; listing?: Json }

export type ScriptedUpstream = {
  baseUrl: string
  /** What came in, latest last. */
  requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
  /** How the next requests are answered, until told otherwise. */
  answerWith(script: (req: IncomingMessage, res: ServerResponse, body: string) => void): void
  close(): Promise<void>
}

export const UPSTREAM_SECRET = 'upstream-secret-4711'
export const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789abcdef'

export async function aWorld(settings: Record<string, string> = {}): Promise<World> {
  const upstream = await scriptedUpstream()
  const dataDir = mkdtempSync(join(tmpdir(), 'souk-test-'))
  const database = inject('database') === 'postgres' ? await aPostgresUrl() : undefined
  const environment = {
    ...(database && { DATABASE_URL: database.url }),
    PORT: '0',
    SOUK_DATA_DIR: dataDir,
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_LOG_LEVEL: 'silent',
    // What reaches the seller's server is counted; tests of probes look at health themselves.
    SOUK_PROBES: 'off',
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    ...settings,
  }
  const open = () => start(readConfig(environment, join(dataDir, 'none.yaml')))
  let started = await open()
  let isOpen = true
  const world: World = {
    get url() {
      return started.gateway.deps.publicUrl
    },
    get started() {
      return started
    },
    dataDir,
    operatorKey: OPERATOR_KEY,
    buyer: { id: '', slug: '', key: started.doors.sandbox?.buyerKey ?? '' },
    upstream,
    rest: (method, path, key, body, headers) => rest(world.url, method, path, key, body, headers),
    tool: (key, name, args) => tool(world.url, key, name, args),
    account: (name, credit) => account(world, name, credit),
    listing: (seller, changes) => listing(world, seller, changes),
    stop: async () => {
      isOpen = false
      await started.drain()
    },
    restart: async () => {
      if (isOpen) await world.stop()
      started = await open()
      isOpen = true
    },
    close: async () => {
      if (!isOpen) await world.restart()
      const audit = await started.gateway.deps.ledger.audit()
      await started.drain()
      await upstream.close()
      await database?.drop()
      rmSync(dataDir, { recursive: true, force: true })
      expect(audit.findings).toEqual([])
    },
  }
  if (world.buyer.key !== '') {
    const { json } = await world.rest('GET', '/v1/me', world.buyer.key)
    Object.assign(world.buyer, { id: json.id, slug: json.slug })
  }
  return world
}

export type Shop = {
  world: World
  buyer: Party
  seller: Party
  listing: { id: string; slug: string }
  endpointId: string
  /** The body of a call that can be bought. */
  order(more?: Json): Json
}

/** A world in which something is for sale, and a buyer who can pay for it. */
export async function aShop(settings?: Record<string, string>): Promise<Shop> {
  const world = await aWorld(settings)
  const buyer = await world.account('Buyer', '1')
  const seller = await world.account('Seller')
  const { endpointId, ...listing } = await world.listing(seller)
  const call = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
  const order = (more: Json = {}) => ({ ...call, ...more })
  return { world, buyer, seller, listing, endpointId, order }
}

/** A gateway as its clients see it, wherever it runs, and the seller's server behind it. */
export type Door = Pick<World, 'rest' | 'tool' | 'upstream'>

export function doorOf(url: string, upstream: ScriptedUpstream): Door {
  return {
    upstream,
    rest: (method, path, key, body, headers) => rest(url, method, path, key, body, headers),
    tool: (key, name, args) => tool(url, key, name, args),
  }
}

async function rest(
  url: string,
  method: string,
  path: string,
  key: string | undefined,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : {},
  }
}

async function tool(url: string, key: string | undefined, name: string, args: unknown) {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
  const { json } = await rest(url, 'POST', '/mcp', key, message, {
    accept: 'application/json, text/event-stream',
  })
  const result = json.result as Json | undefined
  if (!result) return { isError: true, ...((json.error as Json)?.data as Json), rpc: json.error }
  return {
    ...(result.structuredContent as Json),
    ...(result.isError === true && { isError: true }),
  }
}

export async function account(world: Door, name: string, credit?: string): Promise<Party> {
  const opened = await world.rest('POST', '/v1/accounts', OPERATOR_KEY, { name })
  expect(opened.status).toBe(201)
  const { id, slug, api_key } = opened.json as { id: string; slug: string; api_key: string }
  if (credit !== undefined) {
    const path = `/v1/accounts/${id}/grants`
    const granted = await world.rest('POST', path, OPERATOR_KEY, { amount: credit, reason: 'test' })
    expect(granted.status).toBe(201)
  }
  return { id, slug, key: api_key }
}

let listings = 0

export async function listing(world: Door, seller: Party, changes: ListingChanges = {}) {
  const slug = changes.slug ?? `wiki-${++listings}`
  const created = await world.rest('POST', '/v1/listings', seller.key, {
    slug,
    title: 'Acme wiki',
    description: 'Articles of the Acme wiki.',
    category: 'search',
    backend: { type: 'http', base_url: world.upstream.baseUrl },
    credential: { type: 'header', name: 'x-api-key', value: UPSTREAM_SECRET },
    endpoints: [
      {
        slug: 'search',
        title: 'Search the wiki',
        description: 'Full text search of all articles in one space of the wiki.',
        method: 'GET',
        path: '/search/{space}',
        input_schema: {
          type: 'object',
          required: ['space', 'q'],
          properties: {
            space: { type: 'string', 'x-in': 'path' },
            q: { type: 'string', 'x-in': 'query' },
          },
        },
        example: { arguments: { space: 'main', q: 'tea' } },
        price: { model: 'per_call', amount: '0.001' },
        success: { status: '2xx' },
        ...changes.endpoint,
      },
    ],
    ...changes.listing,
  })
  expect(created.status, created.text).toBe(201)
  const { id, endpoints } = created.json as { id: string; endpoints: { endpoint_id: string }[] }
  const published = await world.rest('POST', `/v1/listings/${id}/publish`, seller.key)
  expect(published.status, published.text).toBe(200)
  return { id, slug, endpointId: endpoints[0]!.endpoint_id }
}

export async function scriptedUpstream(): Promise<ScriptedUpstream> {
  let script: Parameters<ScriptedUpstream['answerWith']>[0] = answerPlainly
  const requests: ScriptedUpstream['requests'] = []
  const server: Server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const body = Buffer.concat(parts).toString()
      requests.push({ method: req.method!, url: req.url!, headers: req.headers, body })
      script(req, res, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    requests,
    answerWith: (next) => {
      script = next
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A script that answers with this status and JSON. */
export function answerJson(status: number, value: unknown, headers: Record<string, string> = {}) {
  return (_req: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(JSON.stringify(value))
  }
}

function answerPlainly(req: IncomingMessage, res: ServerResponse): void {
  answerJson(200, { found: req.url })(req, res)
}
