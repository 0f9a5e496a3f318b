/**
 * The authorization server: lets people let programs in. It answers at `/oauth/…` and at the
 * well-known addresses, and gives the pages for people what they show and decide on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { networkAddressOf, type People, type Rule } from '#people'
import type { Store } from '#store'
import { type ConsentDesk, createConsentDesk } from './consent.js'
import { createGrants, type GrantKeys, type Grants } from './grants.js'
import { purgePayloads, type Sealer } from './payloads.js'
import { openProvider, type ProviderDeps, ROUTES } from './provider.js'
import { createResources, FIRST_SCOPES, type Resources } from './resources.js'

export type { Consent } from './consent.js'
export { createAccessTokens } from './tokens.js'

const HOUR_MS = 60 * 60_000
const REGISTRATIONS: Rule = { name: 'oauth-register', most: 60, windowMs: HOUR_MS }
const DOCUMENTS: Rule = { name: 'oauth-document', most: 60, windowMs: HOUR_MS }
/** Each is kept until its person decides, or for half an hour. */
const AUTHORIZATIONS: Rule = { name: 'oauth-authorize', most: 600, windowMs: HOUR_MS }
const PACES: Readonly<Record<string, Rule>> = {
  [ROUTES.registration]: REGISTRATIONS,
  [ROUTES.authorization]: AUTHORIZATIONS,
}
/** Scopes of OpenID Connect that clients ask for by habit; here they mean nothing. */
const FOREIGN_SCOPES = new Set(['openid', 'offline_access', 'profile', 'email'])

const ADDRESSES: ReadonlySet<string> = new Set(Object.values(ROUTES))
/** Where a browser comes back to with the decision of its person. */
const RESUMED = /^\/oauth\/authorize\/[\w-]{1,64}$/

/** Both well-known documents, before or after the path of a resource. */
const WELL_KNOWN =
  /^(?:\/mcp(?:\/[\w.-]+\/[\w.-]+)?)?(\/\.well-known\/(?:oauth-authorization-server|openid-configuration))(?:\/mcp(?:\/[\w.-]+){0,3})?\/?$/

export type OAuth = ConsentDesk &
  Pick<Resources, 'audienceOf' | 'challenge'> &
  Pick<Grants, 'of' | 'end'> & {
    /** The protected resource metadata (RFC 9728) that is served at this path, if any. */
    protectedResource: Resources['metadataAt']
    /** Whether requests for this path are answered here. */
    owns(path: string): boolean
    /** Whether any site may ask for this path: nothing there trusts a cookie. */
    isOpenToOrigins(path: string): boolean
    handle(req: IncomingMessage, res: ServerResponse): Promise<void>
    /** Deletes what ran out. */
    purge(): Promise<void>
  }

type Deps = Pick<ProviderDeps, 'vault' | 'fetchDocument' | 'errorPage' | 'failed'> & {
  store: Store
  clock: Clock
  sealer: Sealer
  publicUrl: string
  accounts: GrantKeys
  people: Pick<People, 'get' | 'throttle'>
}

export function createOAuth(deps: Deps): OAuth {
  const resources = createResources(deps.publicUrl)
  const grants = createGrants(deps)
  const { throttle } = deps.people
  const countFetch = (address: string) => throttle.take(DOCUMENTS, address)
  let opened: Promise<Provider> | undefined
  const provider = () => {
    opened ??= openProvider({ ...deps, resources, grants, countFetch })
    return opened
  }
  const asPublic = publicise(deps.publicUrl)

  return {
    ...createConsentDesk({ ...deps, grants, resources, provider, asPublic }),
    ...grants,
    audienceOf: resources.audienceOf,
    challenge: resources.challenge,
    protectedResource: resources.metadataAt,
    owns: (path) => isOwn(path) || resources.metadataAt(path) !== undefined,
    isOpenToOrigins: (path) =>
      path !== ROUTES.authorization &&
      (isOwn(path) || resources.metadataAt(path) !== undefined) &&
      !path.startsWith(`${ROUTES.authorization}/`),
    purge: () => purgePayloads(deps),
    handle,
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = pathOf(req)
    res.setHeader('x-content-type-options', 'nosniff')
    res.setHeader('x-frame-options', 'DENY')
    res.setHeader('referrer-policy', 'no-referrer')
    const isPage = path.startsWith(ROUTES.authorization)
    if (!isPage && openToAll(req, res)) return
    const metadata = resources.metadataAt(path)
    if (metadata) {
      sendJson(res, 200, metadata)
      return
    }
    const pace = Object.hasOwn(PACES, path) ? PACES[path] : undefined
    if (pace && !(await isInPace(pace, req, res))) return
    const wellKnown = WELL_KNOWN.exec(path)?.[1]
    if (wellKnown) req.url = wellKnown
    if (path === ROUTES.authorization) req.url = settledAuthorization(req.url!)
    asPublic(req)
    await (await provider()).callback()(req, res)
  }

  async function isInPace(pace: Rule, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    try {
      await throttle.take(pace, networkAddressOf(req))
      return true
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      res.setHeader('retry-after', Math.ceil((error.retryAfterMs ?? HOUR_MS) / 1000))
      if (pace === AUTHORIZATIONS) {
        const { body, headers } = deps.errorPage(error.message)
        res.writeHead(429, headers).end(body)
      } else {
        sendJson(res, 429, { error: 'temporarily_unavailable', error_description: error.message })
      }
      return false
    }
  }
}

/** To the letter: the library takes other spellings, too, which would go past what is checked before it. */
function isOwn(path: string): boolean {
  return ADDRESSES.has(path) || RESUMED.test(path) || WELL_KNOWN.test(path)
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0]!
}

/**
 * The library takes its own address from the request. It is always the public one here, so that no
 * Host header can put another into the metadata.
 */
function publicise(publicUrl: string): (req: IncomingMessage) => void {
  const { host, protocol } = new URL(publicUrl)
  return (req) => {
    const { headers } = req
    headers['x-forwarded-for'] = networkAddressOf(req)
    headers['x-forwarded-proto'] = protocol.slice(0, -1)
    delete headers['x-forwarded-host']
    headers.host = host
  }
}

/** Lets scripts of any site read the answer. @returns whether this answered a preflight. */
function openToAll(req: IncomingMessage, res: ServerResponse): boolean {
  res.setHeader('access-control-allow-origin', '*')
  res.setHeader('access-control-expose-headers', 'WWW-Authenticate')
  if (req.method !== 'OPTIONS') return false
  res.setHeader('access-control-allow-methods', 'GET, POST')
  res.setHeader('access-control-allow-headers', 'Authorization, Content-Type, MCP-Protocol-Version')
  res.setHeader('access-control-max-age', '3600')
  res.writeHead(204).end()
  return true
}

/** An authorization request as the library should see it: with scopes that mean something here. */
function settledAuthorization(url: string): string {
  const path = ROUTES.authorization
  const params = new URLSearchParams(url.slice(path.length))
  const asked = (params.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
  const scopes = asked.filter((scope) => !FOREIGN_SCOPES.has(scope))
  params.set('scope', (scopes.length > 0 ? scopes : FIRST_SCOPES).join(' '))
  // Others would answer with a page that runs a script.
  params.delete('response_mode')
  return `${path}?${params}`
}

function sendJson(res: ServerResponse, status: number, value: unknown): void {
  const bytes = Buffer.from(JSON.stringify(value))
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  res.end(bytes)
}
