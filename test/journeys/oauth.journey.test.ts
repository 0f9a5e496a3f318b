/** A program finds out by itself how to be let in, a person lets it in, and takes it back. */
import {
  auth,
  type OAuthClientInformationMixed,
  type OAuthClientProvider,
  type OAuthTokens,
} from '@modelcontextprotocol/client'
import { auth as authOfVersion1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBrowser } from '../support/a-browser.js'
import {
  anOAuthClient,
  aPerson,
  connect,
  REDIRECT,
  sayYes,
  signIn,
} from '../support/an-oauth-client.js'
import { aWorld, type Json, type Party, type World } from '../support/world.js'

const EMAIL = 'ada@example.com'

let world: World
let ada: Party

beforeAll(async () => {
  world = await aWorld()
  ada = await world.account('Ada', '1')
  await aPerson(world, ada.key, EMAIL)
})

afterAll(() => world.close())

/** Whether an access token opens a resource of ours. */
async function opens(token: string, path = '/mcp'): Promise<boolean> {
  const { accounts, oauth } = world.started.gateway.deps
  return accounts.authenticate(token, { audience: oauth.audienceOf(path) }).then(
    () => true,
    () => false,
  )
}

describe('discovery', () => {
  test('leads from a resource to the server, at every well-known place', async () => {
    for (const path of ['', '/mcp', '/mcp/ada/tools', '/mcp/ada/tools/sse']) {
      const { status, json } = await world.rest(
        'GET',
        `/.well-known/oauth-protected-resource${path}`,
        undefined,
      )
      expect(status).toBe(200)
      expect(json).toMatchObject({
        resource: world.url + (path.replace(/\/sse$/, '') || '/mcp'),
        authorization_servers: [world.url],
        bearer_methods_supported: ['header'],
        scopes_supported: ['call', 'read'],
      })
    }
    const places = [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/mcp',
      '/.well-known/oauth-authorization-server/mcp/ada/tools',
      '/mcp/ada/tools/.well-known/oauth-authorization-server',
    ]
    for (const path of places) {
      const { status, json } = await world.rest('GET', path, undefined)
      expect(status, path).toBe(200)
      expect(json, path).toMatchObject({
        issuer: world.url,
        token_endpoint: `${world.url}/oauth/token`,
        registration_endpoint: `${world.url}/oauth/register`,
        code_challenge_methods_supported: ['S256'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
        response_modes_supported: ['query'],
        scopes_supported: ['call', 'sell', 'read', 'manage'],
      })
    }
  })

  test('names the public address whatever the Host header says', async () => {
    const { port } = new URL(world.url)
    const response = await fetch(`http://localhost:${port}/.well-known/oauth-authorization-server`)
    expect(await response.json()).toMatchObject({ token_endpoint: `${world.url}/oauth/token` })
  })

  test('is open to scripts of any site, without credentials', async () => {
    const headers = { origin: 'https://client.example' }
    for (const path of ['oauth-protected-resource', 'oauth-authorization-server']) {
      const answer = await world.rest('GET', `/.well-known/${path}`, undefined, undefined, headers)
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
    for (const path of ['/oauth/token', '/oauth/register', '/oauth/revoke']) {
      const preflight = await fetch(world.url + path, { method: 'OPTIONS', headers })
      expect(preflight.status).toBe(204)
    }
    const page = await world.rest('GET', '/sign-in', undefined, undefined, headers)
    expect(page.status).toBe(403)
  })

  test('gives the value for WWW-Authenticate', () => {
    const { oauth } = world.started.gateway.deps
    expect(oauth.challenge('/mcp/ada/tools', {})).toBe(
      `Bearer realm="souk", scope="call read", resource_metadata="${world.url}/.well-known/oauth-protected-resource/mcp/ada/tools"`,
    )
    expect(oauth.challenge('/mcp', { error: 'insufficient_scope', scope: ['sell'] })).toContain(
      'error="insufficient_scope", scope="sell"',
    )
  })
})

describe('a person', () => {
  test('lets a program in, which then calls with a key of its own and limits', async () => {
    const client = await anOAuthClient(world, { client_name: 'Nice <b>agent</b>' })
    const browser = aBrowser(world.url)
    const first = await browser.open(client.authorizeUrl())
    expect(first.url.pathname).toBe('/sign-in')
    const consent = await signIn(browser, first, EMAIL)
    expect(consent.text).toContain('Let Nice agent in?')
    expect(consent.text).toContain('127.0.0.1:33418')
    expect(consent.text).toContain(`${world.url}/mcp`)
    const left = await browser.send(consent, { day: '0.25', decision: 'allow' })
    expect(`${left.url.origin}${left.url.pathname}`).toBe(REDIRECT)
    const { code, ...rest } = Object.fromEntries(left.url.searchParams)
    expect(rest).toEqual({ state: 'state-4711', iss: world.url })

    const { status, json } = await client.redeem(code!)
    expect(status).toBe(200)
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'call read' })
    const token = json.access_token as string
    const { accounts } = world.started.gateway.deps
    const { account, key } = await accounts.authenticate(token, { audience: `${world.url}/mcp` })
    expect([account.id, key.name, key.scopes]).toEqual([ada.id, 'Nice agent', ['call', 'read']])

    const { json: shown } = await world.rest('GET', '/v1/keys', ada.key)
    const grant = (shown.keys as Json[]).find(({ id }) => id === key.id)
    expect(grant).toMatchObject({ limits: { day: '0.25' }, revoked_at: null })
    const rotated = await world.rest('POST', `/v1/keys/${key.id}/rotate`, ada.key)
    expect(rotated.json.code).toBe('invalid_request')
  })

  test('lets a program buy, within its limit and for the account', async () => {
    const { endpointId } = await world.listing(await world.account('Seller'))
    const client = await anOAuthClient(world, { client_name: 'Buyer' })
    const browser = aBrowser(world.url)
    const asked = await signIn(browser, await browser.open(client.authorizeUrl()), EMAIL)
    const left = await browser.send(asked, { day: '0.0015', decision: 'allow' })
    const { json } = await client.redeem(left.url.searchParams.get('code')!)
    const token = json.access_token as string
    const order = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
    const bought = await world.tool(token, 'call_api', order)
    expect(bought.outcome).toBe('charged')
    expect((await world.tool(token, 'call_api', order)).code).toBe('limit_exceeded')
    const body = await world.rest('GET', `/v1/calls/${bought.call_id}/body`, token)
    expect(body.status).toBe(200)
    const seen = world.upstream.requests.map(({ headers }) => JSON.stringify(headers)).join()
    expect(seen).not.toContain(token)
  })

  test('may say no, give less, or come back to nothing', async () => {
    const client = await anOAuthClient(world)
    const browser = aBrowser(world.url)
    const asked = await signIn(browser, await browser.open(client.authorizeUrl()), EMAIL)
    const refused = await browser.send(asked, { decision: 'deny' })
    expect(refused.url.searchParams.get('error')).toBe('access_denied')
    const again = await browser.open(asked.url.href)
    expect([again.status, again.text.includes('Let ')]).toEqual([404, false])

    const less = await browser.open(client.authorizeUrl({ scope: 'call read sell' }))
    const left = await browser.send(less, { scope: ['read'], decision: 'allow' })
    const { json } = await client.redeem(left.url.searchParams.get('code')!)
    expect(json.scope).toBe('read')
  })

  test('is not asked in another browser', async () => {
    const client = await anOAuthClient(world)
    const browser = aBrowser(world.url)
    const asked = await signIn(browser, await browser.open(client.authorizeUrl()), EMAIL)
    const other = aBrowser(world.url)
    const signedIn = await signIn(other, await other.open('/sign-in'), EMAIL)
    expect(signedIn.url.pathname).toBe('/account')
    expect((await other.open(asked.url.href)).status).toBe(404)
  })

  test('sees who was let in, and ends it there', async () => {
    const client = await anOAuthClient(world, { client_name: 'Short visit' })
    const browser = aBrowser(world.url)
    const { access_token, refresh_token } = await connect(client, browser, EMAIL)
    expect(await opens(access_token)).toBe(true)
    const home = await browser.open('/account')
    expect(home.text).toContain('Short visit')
    const action = /action="(\/account\/clients\/[^"]+)"[^>]*>(?:(?!<form)[\s\S])*?End Short visit/
    const after = await browser.send(home, {}, action.exec(home.text)![1])
    expect(after.text).not.toContain('Short visit')
    expect(await opens(access_token)).toBe(false)
    expect((await client.refresh(refresh_token)).json.error).toBe('invalid_grant')
  })

  test('ends it with the key, too', async () => {
    const client = await anOAuthClient(world)
    const { access_token, refresh_token } = await connect(client, aBrowser(world.url), EMAIL)
    const { accounts } = world.started.gateway.deps
    const { key } = await accounts.authenticate(access_token, { audience: `${world.url}/mcp` })
    expect((await world.rest('DELETE', `/v1/keys/${key.id}`, ada.key)).status).toBe(204)
    expect(await opens(access_token)).toBe(false)
    expect((await client.refresh(refresh_token)).json.error).toBe('invalid_grant')
  })
})

describe('the client of the SDK', () => {
  const sdks: [string, typeof auth][] = [
    ['2', auth],
    ['1', authOfVersion1 as unknown as typeof auth],
  ]
  test.each(sdks)('in version %s finds its way, and refreshes', async (_version, authorize) => {
    const browser = aBrowser(world.url)
    const provider = anSdkProvider()
    const options = { serverUrl: `${world.url}/mcp` }
    expect(await authorize(provider, options)).toBe('REDIRECT')
    const left = await sayYes(browser, await browser.open(provider.sentTo!.href), EMAIL)
    const answer = Object.fromEntries(left.url.searchParams)
    const authorizationCode = answer.code!
    const { iss } = answer
    expect(await authorize(provider, { ...options, authorizationCode, iss } as never)).toBe(
      'AUTHORIZED',
    )
    const first = provider.saved!.access_token
    expect(await opens(first)).toBe(true)
    expect(await authorize(provider, options)).toBe('AUTHORIZED')
    expect(provider.saved!.access_token).not.toBe(first)
    expect(await opens(provider.saved!.access_token)).toBe(true)
  })
})

/** What a program that uses the SDK keeps. */
function anSdkProvider(): OAuthClientProvider & { saved?: OAuthTokens; sentTo?: URL } {
  let client: OAuthClientInformationMixed | undefined
  let verifier = ''
  let saved: OAuthTokens | undefined
  let sentTo: URL | undefined
  return {
    get saved() {
      return saved!
    },
    get sentTo() {
      return sentTo!
    },
    redirectUrl: REDIRECT,
    clientMetadata: { client_name: 'SDK', redirect_uris: [REDIRECT] },
    clientInformation: () => client,
    saveClientInformation(information: OAuthClientInformationMixed) {
      client = information
    },
    tokens: () => saved,
    saveTokens(tokens: OAuthTokens) {
      saved = tokens
    },
    redirectToAuthorization(url: URL) {
      sentTo = url
    },
    saveCodeVerifier(text: string) {
      verifier = text
    },
    codeVerifier: () => verifier,
  }
}

describe('tokens', () => {
  test('change with each refresh; an old one that comes again ends all of them', async () => {
    const client = await anOAuthClient(world)
    const first = await connect(client, aBrowser(world.url), EMAIL)
    const { json: second } = await client.refresh(first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await opens(second.access_token as string)).toBe(true)
    expect((await client.refresh(first.refresh_token)).json.error).toBe('invalid_grant')
    expect((await client.refresh(second.refresh_token as string)).json.error).toBe('invalid_grant')
    expect(await opens(second.access_token as string)).toBe(false)
    expect(await opens(first.access_token)).toBe(false)
  })

  test('are given once, of two who refresh at the same time', async () => {
    const client = await anOAuthClient(world)
    const { refresh_token } = await connect(client, aBrowser(world.url), EMAIL)
    const both = await Promise.all([client.refresh(refresh_token), client.refresh(refresh_token)])
    expect(both.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    for (const { json } of both) {
      if (json.access_token) expect(await opens(json.access_token as string)).toBe(false)
    }
  })

  test('end with a code that is used twice', async () => {
    const client = await anOAuthClient(world)
    const browser = aBrowser(world.url)
    const left = await sayYes(browser, await browser.open(client.authorizeUrl()), EMAIL)
    const code = left.url.searchParams.get('code')!
    const { json } = await client.redeem(code)
    expect(await opens(json.access_token as string)).toBe(true)
    expect((await client.redeem(code)).json.error).toBe('invalid_grant')
    expect(await opens(json.access_token as string)).toBe(false)
    expect((await client.refresh(json.refresh_token as string)).json.error).toBe('invalid_grant')
  })

  test('open the one resource that they are for', async () => {
    const client = await anOAuthClient(world)
    const browser = aBrowser(world.url)
    const market = await connect(client, browser, EMAIL)
    const own = await connect(client, browser, EMAIL, {
      resource: `${world.url}/mcp/${ada.slug}/tools`,
    })
    expect(await opens(market.access_token, '/mcp')).toBe(true)
    expect(await opens(market.access_token, `/mcp/${ada.slug}/tools`)).toBe(false)
    expect(await opens(own.access_token, `/mcp/${ada.slug}/tools`)).toBe(true)
    expect(await opens(own.access_token, '/mcp')).toBe(false)
    expect(await opens(own.access_token, '/mcp/bob/tools')).toBe(false)

    const { status, json } = await world.rest('GET', '/v1/balance', market.access_token)
    expect([status, json.code]).toEqual([401, 'unauthenticated'])
    const body = await world.rest('GET', '/v1/calls/call_none/body', market.access_token)
    expect(body.json.code).toBe('call_not_found')
  })

  test('are none for resources elsewhere', async () => {
    const client = await anOAuthClient(world)
    const elsewhere = [
      'https://other.example/mcp',
      `${world.url}/v1`,
      `${world.url}.evil.example/mcp`,
    ]
    for (const resource of elsewhere) {
      const left = await aBrowser(world.url).open(client.authorizeUrl({ resource }))
      expect(left.url.searchParams.get('error'), resource).toBe('invalid_target')
    }
  })

  test('end when the client gives them back', async () => {
    const client = await anOAuthClient(world)
    const { access_token } = await connect(client, aBrowser(world.url), EMAIL)
    const body = new URLSearchParams({ client_id: client.id, token: access_token })
    const response = await fetch(`${world.url}/oauth/revoke`, { method: 'POST', body })
    expect(response.status).toBe(200)
    expect(await opens(access_token)).toBe(false)
  })

  test('are kept as nothing that opens anything', async () => {
    const client = await anOAuthClient(world, { token_endpoint_auth_method: 'client_secret_post' })
    const rows = await world.started.gateway.deps.store.db('oauth_payloads').select()
    const text = rows
      .flatMap((row) => Object.values({ ...row, sealed: row.sealed.toString('latin1') }))
      .join()
    expect(rows.length).toBeGreaterThan(0)
    expect(text).not.toContain(client.id)
    expect(text).not.toContain('client_secret')
  })
})
