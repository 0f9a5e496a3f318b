/**
 * The REST face, and the door of the house: one HTTP server that guards Host and Origin, hands
 * `/mcp` to its face and serves everything else from the list of routes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import express, { type Request, type Response } from 'express'
import type { z } from 'zod'
import { type Principal, requireOperator, requireScope } from '#accounts'
import { createWriteProof } from '#calls'
import { newId } from '#core/ids'
import { parseRequestJson } from '#core/json-text'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import { networkAddressOf } from '#people'
import { createHostGuard } from './host-guard.js'
import { PlainRequest } from './only-web-sockets.js'
import { openApiDocument } from './openapi.js'
import { sendProblem } from './problem-response.js'
import { readBody, readLargeBody } from './read-body.js'
import { docsPage } from './reference-page.js'
import { type Asked, Reply, type Route, type RouteDeps } from './route.js'
import { routes } from './routes/routes.js'

export { readBody } from './read-body.js'

export type HttpDeps = Omit<RouteDeps, 'proveWritable'> & {
  mcp: Face & { upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> }
  /** The authorization server. */
  oauth: Face & { owns(path: string): boolean; isOpenToOrigins(path: string): boolean }
  /** The pages for people. */
  dashboard: Face & { owns(path: string): boolean }
}

/** Another face of the house, which it gets as functions. */
type Face = { handle(req: IncomingMessage, res: ServerResponse): Promise<void> }

/** A header that takes longer than this, or a whole request, is a client that only wastes us. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 65_000
/** How often slow clients are looked for. */
const CHECK_INTERVAL_MS = 5_000
/** Past it new connections are closed at once, before they could starve those to upstreams. */
const MAX_CONNECTIONS = 16_384

/** The operator may make keys that do less, as everybody may. */
const OPERATORS_SCOPES = { look: ['read', 'manage'], act: ['manage'] } as const

const PAGES = ['/openapi.json', '/docs'] as const

type ServeDeps = HttpDeps & RouteDeps

export function createHttpServer(given: HttpDeps): Server {
  const deps: ServeDeps = { ...given, proveWritable: createWriteProof(given) }
  const guard = createHostGuard(deps.publicUrl)
  const app = createApp(deps)
  const options = {
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    IncomingMessage: PlainRequest,
  }
  const server = createServer(options, (req, res) => {
    const path = pathOf(req)
    try {
      guard(req, deps.oauth.isOpenToOrigins(path))
    } catch (error) {
      answerError(deps, res, error)
      return
    }
    if (path === '/mcp') void deps.mcp.handle(req, res)
    else if (deps.oauth.owns(path)) handOver(deps, deps.oauth, req, res)
    else if (path.startsWith('/mcp/')) void deps.mcp.handle(req, res)
    else if (deps.dashboard.owns(path)) handOver(deps, deps.dashboard, req, res)
    else if (isCall(req)) void serve(deps, callRoute, { params: {}, query: {} }, req, res)
    else app(req, res)
  })
  server.on('upgrade', (req, socket, head) => {
    // Nobody else listens from here on: a client that is gone already would end the process.
    socket.on('error', () => socket.destroy())
    try {
      guard(req)
    } catch {
      const refusal = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
      // No time of the server's counts for it any more: a client that stays would keep it for ever.
      socket.end(refusal, () => socket.destroy())
      return
    }
    void deps.mcp.upgrade(req, socket, head)
  })
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

function handOver(deps: HttpDeps, face: Face, req: IncomingMessage, res: ServerResponse): void {
  face.handle(req, res).catch((error: unknown) => answerError(deps, res, error))
}

/**
 * Buying in its plain form goes past express, which costs more than the whole call does here. Any
 * other spelling of the address finds the same route there.
 */
const callRoute = routes.find(({ method, path }) => method === 'post' && path === '/v1/calls')!

function isCall({ method, url }: IncomingMessage): boolean {
  return url === callRoute.path && method === 'POST'
}

function createApp(deps: ServeDeps) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  addPages(app, deps.publicUrl)
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    app[route.method](path, (req, res) => serve(deps, route, req as Placed, req, res))
  }
  app.use((req, res) => {
    const methods = methodsAt(req.path)
    if (methods.length > 0) res.setHeader('allow', methods.join(', '))
    answerError(deps, res, unknownAddress(methods))
  })
  app.use((error: unknown, _req: Request, res: Response, _next: unknown) =>
    answerError(deps, res, error),
  )
  return app
}

/** What people and tools read about this face. */
function addPages(app: express.Express, publicUrl: string): void {
  const document = JSON.stringify(openApiDocument(publicUrl))
  const page = docsPage(publicUrl)
  app.get(PAGES[0], (_req, res) => void res.type('json').send(document))
  app.get(PAGES[1], (_req, res) => {
    res.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    res.type('html').send(page)
  })
}

/** What the address of a request says. */
type Placed = { params: Record<string, string>; query: unknown }

async function serve(
  deps: ServeDeps,
  route: Route,
  { params, query }: Placed,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  let freeSeat = () => {}
  try {
    const principal = await authenticate(deps, route, req)
    freeSeat = route.large?.takeSeat(deps, principal!) ?? freeSeat
    const asked: Asked<unknown, unknown> = {
      principal,
      params,
      query: route.query && parseInput(route.query, query, 'The query'),
      body: route.body && (await readRouteBody(route, route.body, req)),
      headers: req.headers,
      isGone: () => res.destroyed && !res.writableFinished,
      address: networkAddressOf(req),
    }
    const answer = await route.run(deps, asked as Asked<never, never>)
    if (answer instanceof Reply) send(res, answer)
    else send(res, new Reply(route.status ?? 200, answer))
  } catch (error) {
    answerError(deps, res, error)
  } finally {
    freeSeat()
  }
}

async function readRouteBody({ large }: Route, schema: z.ZodType, req: IncomingMessage) {
  if (large) return requireJson(req, await readLargeBody(req, large.maxBytes))
  return parseInput(schema, await readJson(req), 'The body')
}

async function authenticate(
  { accounts, publicBrowse }: HttpDeps,
  { method, who, scopes, tokens }: Route,
  req: IncomingMessage,
): Promise<Principal | undefined> {
  const header = req.headers.authorization
  if (who === 'anyone' || (who === 'looker' && publicBrowse && header === undefined))
    return undefined
  const secret = /^bearer +(\S+)$/i.exec(header ?? '')?.[1]
  const principal = await accounts.authenticate(secret, tokens ? { audience: 'any' } : {})
  if (who === 'operator') requireOperator(principal)
  const needed = who === 'operator' ? OPERATORS_SCOPES[method === 'get' ? 'look' : 'act'] : scopes
  if (needed) requireScope(principal, ...needed)
  return principal
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(req)
  return bytes.length === 0 ? {} : parseRequestJson(requireJson(req, bytes))
}

function requireJson(req: IncomingMessage, bytes: Buffer): Buffer {
  const type = req.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return bytes
  throw new Problem('unsupported_media_type', 'Content-Type must be application/json.')
}

function send(res: ServerResponse, { status, content, headers }: Reply): void {
  const isRaw = Buffer.isBuffer(content) || typeof content === 'string'
  const bytes = isRaw ? Buffer.from(content) : Buffer.from(JSON.stringify(content) ?? '')
  res.writeHead(status, {
    ...(!isRaw && { 'content-type': 'application/json' }),
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  res.end(bytes)
}

function answerError(deps: HttpDeps, res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const { publicUrl, telemetry, clock } = deps
  const refusal = refusalIn(error)
  if (refusal) {
    telemetry.refused(refusal.code, 'rest')
    sendProblem(res, refusal, { traceId: newId('trace', clock.now()), publicUrl })
    return
  }
  if (isMalformedUrl(error)) {
    answerError(deps, res, new Problem('invalid_request', 'The URL is not valid.'))
    return
  }
  const traceId = telemetry.failed(error)
  const problem = new Problem('internal_error', 'The gateway failed; nothing more is known here.')
  sendProblem(res, problem, { traceId, publicUrl })
}

/** The router's own refusal of a path that does not decode. */
function isMalformedUrl(error: unknown): boolean {
  return error instanceof URIError || (error as { status?: unknown } | null)?.status === 400
}

function unknownAddress(methods: readonly string[]): Problem {
  if (methods.length === 0) return new Problem('not_found', 'There is nothing at this address.')
  return new Problem('method_not_allowed', `Use ${methods.join(' or ')} here.`)
}

/** The methods that an address answers to; HEAD wherever GET is. */
function methodsAt(address: string): string[] {
  const pages = PAGES.map((path) => ({ path, method: 'get' }))
  return [...routes, ...pages]
    .filter(({ path }) => pathPattern(path).test(address))
    .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
}

/** As the router matches: whatever the case, with or without a slash at the end. */
function pathPattern(path: string): RegExp {
  const pattern = path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}/?$`, 'i')
}
