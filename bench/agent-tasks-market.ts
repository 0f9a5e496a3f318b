/**
 * A gateway for agents to be tried at: the providers that ship and the documents of a folder are for
 * sale, and every call ends at a server of this program, which answers with what it was asked.
 */
import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parse } from 'yaml'
import { importOpenApi } from '#openapi'
import { readConfig } from '../src/config.js'
import { documentsAt } from '../src/import-files.js'
import { start } from '../src/main.js'
import { inParallel } from './in-parallel.js'
import { type Json, type Rest, restOf } from './rest.js'
import { sendJson } from './small-server.js'

const OPERATOR_KEY = 'operator-key-of-the-agent-tasks-0123456789'
const SECRET = 'secret-of-the-bench'
const PRICE = { model: 'per_call', amount: '0.001' } as const
const CREDIT = '1'
/** What the rules of shipped providers ask of an answer before it counts as delivered. */
const SHIPPED_ANSWER = { ts: '1', items: [] }

export type Market = {
  url: string
  buyerKey: string
  /** Endpoints for sale, and the documents that they come from. */
  counts: { shipped: number; imported: number; documents: number; refused: number }
  close(): Promise<void>
}

/**
 * @param dataDir an empty folder.
 * @param documents a folder of OpenAPI documents, or none.
 * @param called slugs of the shipped listings that calls may go to.
 */
export async function openTasksMarket(
  dataDir: string,
  documents: string | undefined,
  { called, say }: { called: Slugs; say(line: string): void },
): Promise<Market> {
  const upstream = await startEcho()
  const { port } = upstream.address() as AddressInfo
  leadAllNamesHere()
  const { gateway, drain } = await start(readConfig(settings(dataDir), join(dataDir, 'none.yaml')))
  const { publicUrl: url, upstreams } = gateway.deps
  const rest = restOf(url)
  const place: Place = { rest, port, allow: upstreams.allowHost, say }
  const shipped = await sellShipped(place, called)
  say(`${shipped} endpoints of shipped providers are for sale`)
  const imported = documents === undefined ? NOTHING : await sellDocuments(place, documents)
  const buyer = await openAccount(rest, 'Agent')
  const grant = { amount: CREDIT, reason: 'tasks' }
  await rest('POST', `/v1/accounts/${buyer.id}/grants`, OPERATOR_KEY, grant)
  return {
    url,
    buyerKey: String(buyer.api_key),
    counts: { shipped, ...imported },
    async close() {
      await drain()
      upstream.closeAllConnections()
      upstream.close()
    },
  }
}

type Place = {
  rest: Rest
  /** Of the server that answers. */
  port: number
  allow(hostPort: string): void
  say(line: string): void
}

const NOTHING = { imported: 0, documents: 0, refused: 0 }

function settings(dataDir: string): Record<string, string> {
  return {
    PORT: '0',
    SOUK_DATA_DIR: dataDir,
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_LOG_LEVEL: 'silent',
    // A probe would call what nobody bought.
    SOUK_PROBES: 'off',
  }
}

/**
 * Hosts keep their names, which the search reads, and lead here: nothing of this program leaves the
 * machine. A host with another port than that of the server is refused as private.
 */
function leadAllNamesHere(): void {
  const here = { address: '127.0.0.1', family: 4 }
  const lookup = (...given: unknown[]) => {
    const done = given.at(-1) as (...found: unknown[]) => void
    if (Object(given[1]).all === true) done(null, [here])
    else done(null, here.address, here.family)
  }
  Object.assign(dns, { lookup })
  Object.assign(dns.promises, { lookup: async () => [here] })
  syncBuiltinESMExports()
}

/**
 * What the operator would do who has a credential of each provider and has read its terms. Only what
 * is `called` has to lead here.
 */
async function sellShipped({ rest, port, allow }: Place, called: Slugs): Promise<number> {
  const listings = await shippedListings(rest)
  await inParallel(listings, async ({ id, slug, credential, backend, status }) => {
    const path = `/v1/listings/${id}`
    if (called.has(slug)) {
      const moved = new URL(backend.base_url)
      moved.protocol = 'http:'
      moved.port = String(port)
      allow(moved.host)
      const base_url = moved.href.replace(/\/$/, '')
      await rest('PATCH', path, OPERATOR_KEY, { backend: { type: 'http', base_url } })
    }
    if (status === 'published') return
    if (credential.type !== 'none') {
      await rest('PUT', `${path}/credential`, OPERATOR_KEY, filled(credential))
    }
    await rest('POST', `${path}/publish`, OPERATOR_KEY)
  })
  return listings.reduce((sum, { endpoints }) => sum + endpoints.length, 0)
}

type Slugs = ReadonlySet<string>

type ShippedListing = {
  id: string
  slug: string
  status: string
  backend: { base_url: string }
  credential: { type: string; name?: string }
  endpoints: unknown[]
}

async function shippedListings(rest: Rest): Promise<ShippedListing[]> {
  const listings: ShippedListing[] = []
  let cursor: unknown
  do {
    const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(String(cursor))}`
    const page = await rest('GET', `/v1/listings${query}`, OPERATOR_KEY)
    listings.push(...(page.listings as ShippedListing[]))
    cursor = page.next_cursor
  } while (cursor !== undefined)
  return listings
}

function filled({ type, name }: { type: string; name?: string }): object {
  if (type === 'none') return { type }
  if (type === 'bearer') return { type, token: SECRET }
  if (type === 'basic') return { type, username: 'bench', password: SECRET }
  return { type, name, value: SECRET }
}

async function sellDocuments(place: Place, folder: string) {
  const seller = await openAccount(place.rest, 'Directory')
  const counts = { imported: 0, documents: 0, refused: 0 }
  for (const found of documentsAt(folder)) {
    if (found.read() === undefined) continue
    try {
      counts.imported += await sellDocument(place, String(seller.api_key), {
        source: found.source,
        text: readFileSync(join(folder, found.source), 'utf8'),
      })
      counts.documents += 1
    } catch (error) {
      counts.refused += 1
      place.say(`${found.source}: ${(error as Error).message.slice(0, 200)}`)
    }
  }
  place.say(`${counts.imported} endpoints of ${counts.documents} documents are for sale`)
  return counts
}

/** @returns how many endpoints it gave. */
async function sellDocument(
  { rest, port, allow }: Place,
  sellerKey: string,
  { source, text }: { source: string; text: string },
): Promise<number> {
  const document = parse(text, { maxAliasCount: -1, logLevel: 'silent' })
  moveServers(document, port)
  const { listing } = importOpenApi(document, { listing: {}, price: PRICE })
  allow(new URL(listing.backend.base_url).host)
  const credential = filled(listing.credential)
  const given = { source, document, price: PRICE, credential, publish: true }
  const imported = await rest('POST', '/v1/listings/import', sellerKey, given)
  return (imported.counts as { created: number }).created
}

/** Every server of a document, at any place where it may name one, gets this port and plain http. */
function moveServers(node: unknown, port: number): void {
  if (typeof node !== 'object' || node === null) return
  const members = node as Json
  if (typeof members.swagger === 'string') {
    members.host = `${String(members.host ?? 'localhost').replace(/:\d+$/, '')}:${port}`
    members.schemes = ['http']
  }
  const { servers } = members
  if (Array.isArray(servers)) for (const server of servers) moveServer(server, port)
  for (const item of Object.values(Object(members.paths))) moveServers(item, port)
  for (const method of ['get', 'put', 'post', 'delete', 'patch', 'head']) {
    moveServers(members[method], port)
  }
}

function moveServer(server: { url?: unknown }, port: number): void {
  if (typeof server.url !== 'string') return
  server.url = server.url.replace(/^(?:https?:)?\/\/([^/:?#]+)(?::[^/]*)?/, `http://$1:${port}`)
}

function openAccount(rest: Rest, name: string): Promise<Json> {
  return rest('POST', '/v1/accounts', OPERATOR_KEY, { name })
}

/** Answers with what it was asked, on any path. */
function startEcho(): Promise<Server> {
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url!, 'http://echo')
    const body = await bodyOf(req)
    sendJson(res, {
      ...{ method: req.method, path: pathname, query: Object.fromEntries(searchParams) },
      ...(body !== '' && { body: readAs(req.headers['content-type'], body) }),
      ...SHIPPED_ANSWER,
    })
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function readAs(type = '', body: string): unknown {
  return /json/.test(type) ? JSON.parse(body) : body
}
