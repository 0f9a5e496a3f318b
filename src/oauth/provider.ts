/**
 * The library that knows the protocols, and how it is set here: one kind of grant, PKCE with S256,
 * refresh tokens that change with every use, tokens that mean nothing without the database. It is
 * loaded when the first client comes.
 */
import { createPrivateKey } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { Configuration, Interaction, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { SCOPES } from '#accounts'
import type { Clock } from '#core/clock'
import { networkAddressOf } from '#people'
import type { Store } from '#store'
import type { Grants } from './grants.js'
import { createPayloads, keepClient, type Sealer } from './payloads.js'
import { faultInRedirectUris } from './redirect-uris.js'
import type { Resources } from './resources.js'

export type ProviderDeps = {
  store: Store
  clock: Clock
  sealer: Sealer
  publicUrl: string
  resources: Resources
  grants: Grants
  vault: { deriveKey(purpose: string): Buffer }
  people: { get(id: string): Promise<unknown> }
  /** Counts what an address asks for; rejects past the most. */
  countFetch(address: string): Promise<void>
  fetchDocument(url: string, limits: typeof DOCUMENT_LIMITS): Promise<Buffer>
  /** A page for people that says what went wrong. */
  errorPage(text: string): { body: string; headers: Record<string, string> }
  failed(error: unknown): void
}

const HOUR_S = 60 * 60
const DAY_S = 24 * HOUR_S
const ACCESS_TOKEN_LIFE_S = HOUR_S
/** From its last use. */
const REFRESH_TOKEN_LIFE_S = 30 * DAY_S
/** After it the person is asked again, however busy the client was. */
export const GRANT_LIFE_S = 180 * DAY_S
const CODE_LIFE_S = 60
/** So long a person may think about a consent page. */
const INTERACTION_LIFE_S = 30 * 60
const DOCUMENT_KEPT_S = { min: 10 * 60, max: 10 * 60 }
/** A redirect of some host would let others speak in its name. */
const DOCUMENT_LIMITS = { maxBytes: 5 * 1024, timeoutMs: 5_000, staysHere: true }
/** Of Ed25519 in PKCS #8; the 32 bytes of the key follow. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
/** What would make the library ask another host for more. */
const REMOTE_METADATA = ['jwks_uri', 'sector_identifier_uri', 'initiate_login_uri'] as const

export const ROUTES = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  registration: '/oauth/register',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
} as const
const CONSENT_PATH = '/oauth/consent'

type Library = typeof import('oidc-provider')

export async function openProvider(deps: ProviderDeps): Promise<Provider> {
  const library = await import('oidc-provider')
  const provider = new library.Provider(deps.publicUrl, configurationOf(deps, library))
  // Host and scheme are those of the public URL, whatever came; see `asPublic`.
  provider.proxy = true
  provider.on('server_error', (_ctx, error) => deps.failed(error))
  const emitter: EventEmitter = provider
  emitter.on('error', deps.failed)
  provider.on('grant.success', (ctx) => {
    const clientId = ctx.oidc.client?.clientId
    if (clientId !== undefined) keepClient(deps, clientId).catch(deps.failed)
  })
  provider.use(async (ctx, next) => {
    await next()
    const { oidc } = ctx as KoaContextWithOIDC
    if (oidc?.route === 'discovery') {
      Object.assign(ctx.body as object, {
        scopes_supported: SCOPES,
        response_modes_supported: ['query'],
      })
    }
    if (oidc?.route === 'resume') await forgetSession(ctx as KoaContextWithOIDC)
  })
  return provider
}

/** Who is signed in is asked of our own session each time; the library's ends with each round. */
async function forgetSession(ctx: KoaContextWithOIDC): Promise<void> {
  const { session, provider } = ctx.oidc
  const options = { ...cookieOptions(provider.issuer), signed: true, path: '/', overwrite: true }
  ctx.cookies.set(provider.cookieName('session'), null, options)
  await session?.destroy()
}

function cookieOptions(publicUrl: string) {
  return { httpOnly: true, sameSite: 'lax' as const, secure: publicUrl.startsWith('https:') }
}

function configurationOf(deps: ProviderDeps, library: Library): Configuration {
  const { publicUrl, vault, people, grants } = deps
  const isSecure = publicUrl.startsWith('https:')
  const cookies = { ...cookieOptions(publicUrl), signed: true }
  return {
    adapter: createPayloads({
      ...deps,
      onGrantEnded: grants.endByHash,
      usedTwice: () => new library.errors.InvalidGrant('it was used already'),
    }),
    ...whoMayAsk(library),
    ...whatTheyGet(),
    routes: { ...ROUTES },
    responseTypes: ['code'],
    scopes: [],
    claims: {},
    pkce: { required: () => true },
    jwks: { keys: [signingKey(vault.deriveKey('oauth-signing'))] },
    enabledJWA: { idTokenSigningAlgValues: ['EdDSA'] },
    cookies: {
      names: {
        session: isSecure ? '__Host-souk_oauth' : 'souk_oauth',
        interaction: isSecure ? '__Secure-souk_consent' : 'souk_consent',
        resume: isSecure ? '__Secure-souk_resume' : 'souk_resume',
      },
      keys: [vault.deriveKey('oauth-cookies')],
      long: { ...cookies, path: '/' },
      short: cookies,
    },
    features: featuresOf(deps, library),
    interactions: {
      policy: alwaysAsk(library),
      url: (_ctx: unknown, { uid }: Interaction) => `${CONSENT_PATH}/${uid}`,
    },
    async findAccount(_ctx, id, token) {
      const grantId = token && 'grantId' in token ? token.grantId : undefined
      if (typeof grantId === 'string' && !(await grants.isAlive(grantId))) return undefined
      if (!(await people.get(id))) return undefined
      return { accountId: id, claims: async () => ({ sub: id }) }
    },
    fetch: async (url) => {
      const document = await deps.fetchDocument(String(url), DOCUMENT_LIMITS)
      return new Response(new Uint8Array(document))
    },
    renderError(ctx, out) {
      const { body, headers } = deps.errorPage(out.error_description ?? out.error)
      ctx.set(headers)
      ctx.body = body
    },
  }
}

/** What a client is, and where it may have people sent. */
function whoMayAsk({
  errors,
}: Library): Pick<
  Configuration,
  'clientAuthMethods' | 'clientDefaults' | 'extraClientMetadata' | 'clientBasedCORS'
> {
  return {
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    clientDefaults: {
      // Only for these is the port of a redirect to the same machine left open.
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'EdDSA',
    },
    extraClientMetadata: {
      properties: ['redirect_uris'],
      validator(_ctx, _key, uris, metadata) {
        const remote = REMOTE_METADATA.find((name) => metadata[name] !== undefined)
        const fault = remote ? `${remote} is not supported` : faultInRedirectUris(uris)
        if (fault !== undefined) throw new errors.InvalidClientMetadata(fault)
        // What it may ask for is the person's affair; the library would hold it against its own list.
        delete metadata.scope
      },
    },
    // Browsers' clients prove themselves as all others do; no cookie counts there.
    clientBasedCORS: () => true,
  }
}

/** How long things live, and what ends them. */
function whatTheyGet(): Pick<
  Configuration,
  'ttl' | 'issueRefreshToken' | 'rotateRefreshToken' | 'expiresWithSession' | 'revokeGrantPolicy'
> {
  return {
    ttl: {
      AccessToken: ACCESS_TOKEN_LIFE_S,
      AuthorizationCode: CODE_LIFE_S,
      Grant: GRANT_LIFE_S,
      Interaction: INTERACTION_LIFE_S,
      RefreshToken: REFRESH_TOKEN_LIFE_S,
      Session: INTERACTION_LIFE_S,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    // Whatever is revoked, or used twice, ends all that the person allowed with it.
    revokeGrantPolicy: () => true,
  }
}

function featuresOf(deps: ProviderDeps, { errors }: Library): Configuration['features'] {
  const { resources, publicUrl, countFetch } = deps
  const off = { enabled: false }
  return {
    devInteractions: off,
    userinfo: off,
    // Tokens would be bound to a key that the faces do not ask for.
    dPoP: off,
    rpInitiatedLogout: off,
    pushedAuthorizationRequests: off,
    registration: { enabled: true, issueRegistrationAccessToken: false },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
    },
    clientIdMetadataDocument: {
      enabled: true,
      ack: 'draft-02',
      cacheDuration: DOCUMENT_KEPT_S,
      async allowFetch(ctx?: KoaContextWithOIDC) {
        // A page of ours asks again, for a client that was let pass before.
        if (!ctx) return true
        return countFetch(networkAddressOf(ctx.req)).then(
          () => true,
          () => false,
        )
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => `${publicUrl}/mcp`,
      useGrantedResource: () => true,
      getResourceServerInfo(ctx, indicator) {
        const audience = resources.audienceNamed(indicator)
        if (audience === undefined || Array.isArray(ctx.oidc.params?.resource)) {
          throw new errors.InvalidTarget('there is no such resource here, or they are several')
        }
        const { route, requestParamScopes } = ctx.oidc
        if (route === 'authorization' && !SCOPES.some((scope) => requestParamScopes.has(scope))) {
          throw new errors.InvalidScope('there is no such scope', [...requestParamScopes].join(' '))
        }
        const accessTokenTTL = ACCESS_TOKEN_LIFE_S
        return { audience, scope: SCOPES.join(' '), accessTokenTTL, accessTokenFormat: 'opaque' }
      },
    },
  }
}

/** Nobody is let in silently: each time a person signs in or is signed in, sees who asks, and decides. */
function alwaysAsk({ interactionPolicy }: Library) {
  const policy = interactionPolicy.base()
  policy
    .get('login')!
    .checks.add(
      new interactionPolicy.Check(
        'not_asked',
        'the person has not been asked',
        'login_required',
        (ctx) => !ctx.oidc.result?.login,
      ),
    )
  return policy
}

function signingKey(seed: Buffer) {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  return { ...key.export({ format: 'jwk' }), alg: 'EdDSA', use: 'sig' }
}
