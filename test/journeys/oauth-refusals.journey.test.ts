/** What programs and browsers send that is not as it should be, and what they get for it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBrowser } from '../support/a-browser.js'
import {
  anOAuthClient,
  aPerson,
  clientNamed,
  PASSWORD,
  REDIRECT,
  register,
  sayYes,
  signIn,
} from '../support/an-oauth-client.js'
import { aWorld, type Json, type World } from '../support/world.js'

const EMAIL = 'ada@example.com'

let world: World

beforeAll(async () => {
  world = await aWorld()
  const ada = await world.account('Ada', '1')
  await aPerson(world, ada.key, EMAIL)
})

afterAll(() => world.close())

describe('requests that are not as they should be', () => {
  const broken: [string, Record<string, string | undefined>, string][] = [
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method of PKCE', { code_challenge_method: undefined }, 'invalid_request'],
    ['an implicit grant', { response_type: 'token' }, 'unsupported_response_type'],
    ['no page', { prompt: 'none' }, 'login_required'],
    ['a scope that nobody knows', { scope: 'everything' }, 'invalid_scope'],
  ]
  test.each(broken)('%s is told to the client', async (_what, changes, error) => {
    const client = await anOAuthClient(world)
    const left = await aBrowser(world.url).open(client.authorizeUrl(changes))
    expect(left.hasLeft).toBe(true)
    // What would have been given in the fragment is refused there.
    const told = new URLSearchParams(left.url.search || left.url.hash.slice(1))
    expect([told.get('error'), told.get('iss')]).toEqual([error, world.url])
  })

  test('nothing of a query is lost, whatever is written in it', async () => {
    const client = await anOAuthClient(world)
    const url = client.authorizeUrl({ state: undefined, prompt: 'none' })
    const left = await aBrowser(world.url).open(url.replace('?', '?state=a?b=c&'))
    expect([left.hasLeft, left.url.searchParams.get('state')]).toEqual([true, 'a?b=c'])
  })

  test('two resources at once are told to the client', async () => {
    const client = await anOAuthClient(world)
    const both = `${client.authorizeUrl()}&resource=${encodeURIComponent(`${world.url}/mcp/a/b`)}`
    const left = await aBrowser(world.url).open(both)
    expect(left.url.searchParams.get('error')).toBe('invalid_target')
  })

  const redirects = [
    `${REDIRECT}/more`,
    `${REDIRECT}?x=1`,
    `${REDIRECT}#fragment`,
    'http://user@127.0.0.1:33418/callback',
    'http://localhost:33418/callback',
    'http://evil.example:33418/callback',
    'https://127.0.0.1:33418/callback',
    'http://127.0.0.1:33418/Callback',
  ]
  test.each(redirects)('nobody is sent to %s', async (redirect_uri) => {
    const client = await anOAuthClient(world)
    const page = await aBrowser(world.url).open(client.authorizeUrl({ redirect_uri }))
    expect([page.hasLeft, page.status]).toEqual([false, 400])
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  })

  test('the port on this machine is free, elsewhere it is not', async () => {
    const uris = [REDIRECT, 'https://app.example:8443/callback']
    const client = await anOAuthClient(world, { redirect_uris: uris })
    const near = await aBrowser(world.url).open(
      client.authorizeUrl({ redirect_uri: 'http://127.0.0.1:50123/callback' }),
    )
    expect(near.url.pathname).toBe('/sign-in')
    const far = await aBrowser(world.url).open(
      client.authorizeUrl({ redirect_uri: 'https://app.example:9443/callback' }),
    )
    expect(far.status).toBe(400)
  })

  const unregistered: [string, Json][] = [
    ['http elsewhere', { redirect_uris: ['http://app.example/cb'] }],
    ['a wildcard', { redirect_uris: ['https://*.example/cb'] }],
    ['a fragment', { redirect_uris: ['https://app.example/cb#x'] }],
    ['a user name', { redirect_uris: ['https://a@app.example/cb'] }],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['a scheme of the browser', { redirect_uris: ['view-source://app.example/cb'] }],
    ['a file', { redirect_uris: ['file://localhost/cb'] }],
    ['a word that is no place', { redirect_uris: ['myapp:cb'] }],
    ['no redirect', { redirect_uris: [] }],
    ['text for a list', { redirect_uris: 'https://app.example/cb' }],
    ['a document elsewhere', { sector_identifier_uri: 'https://127.0.0.1/x' }],
    ['keys elsewhere', { jwks_uri: 'https://169.254.169.254/x' }],
    ['a kind of client that asks too much', { grant_types: ['client_credentials'] }],
  ]
  test.each(unregistered)('a client with %s is not registered', async (_what, metadata) => {
    const { status, json } = await register(world, metadata)
    expect(status).toBe(400)
    expect(json.error).toMatch(/^invalid_(redirect_uri|client_metadata)$/)
  })

  test.each(['com.example.app:/cb', 'cursor://an.extension/callback'])(
    'a client with a scheme of its own is registered: %s',
    async (redirectUri) => {
      expect((await register(world, { redirect_uris: [redirectUri] })).status).toBe(201)
    },
  )

  test('another verifier, client or redirect gets nothing for a code', async () => {
    const client = await anOAuthClient(world)
    const other = await anOAuthClient(world)
    const browser = aBrowser(world.url)
    const left = await sayYes(browser, await browser.open(client.authorizeUrl()), EMAIL)
    const code = left.url.searchParams.get('code')!
    const changes: Record<string, string>[] = [
      { code_verifier: other.verifier },
      { client_id: other.id },
      { redirect_uri: 'http://127.0.0.1:1/callback' },
    ]
    for (const change of changes) {
      expect((await client.redeem(code, change)).json.error).toBe('invalid_grant')
    }
    expect((await client.redeem(code)).status).toBe(200)
  })

  test('a document on a private address is not asked for', async () => {
    const { port } = new URL(world.upstream.baseUrl)
    const seen = world.upstream.requests.length
    const ids = [
      'https://127.0.0.1/client.json',
      `https://127.0.0.1:${port}/client.json`,
      `https://localhost:${port}/client.json`,
      'https://169.254.169.254/latest/meta-data',
      'https://[::1]/client.json',
      'https://10.0.0.1/client.json',
    ]
    for (const id of ids) {
      const page = await aBrowser(world.url).open(clientNamed(world, id).authorizeUrl())
      expect([page.hasLeft, page.status], id).toEqual([false, 400])
    }
    expect(world.upstream.requests.length).toBe(seen)
  })
})

describe('pages', () => {
  test('refuse a form without their token, of another site or of another browser', async () => {
    const browser = aBrowser(world.url)
    const page = await browser.open('/sign-in')
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!
    const fields = { email: EMAIL, password: PASSWORD }
    const send = (more: Record<string, string>, headers = {}, from = browser) =>
      from.post('/sign-in', new URLSearchParams({ ...fields, ...more }), headers)
    expect((await send({})).status).toBe(403)
    expect((await send({ csrf }, { origin: 'http://localhost:3000' })).status).toBe(403)
    expect((await send({ csrf }, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await send({ csrf }, {}, aBrowser(world.url))).status).toBe(403)
    expect((await send({ csrf })).url.pathname).toBe('/account')
  })

  test('say the same for a wrong password and an unknown address', async () => {
    const answers = await Promise.all(
      [EMAIL, 'nobody@example.com'].map(async (email) => {
        const browser = aBrowser(world.url)
        const page = await browser.open('/sign-in')
        const { status, text } = await browser.send(
          page,
          { email, password: 'wrong wrong wrong' },
          '/sign-in',
        )
        return [status, text.replaceAll(/value="[^"]*"/g, '')]
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]![0]).toBe(401)
  })

  test('are opened by the first key of an account only', async () => {
    const eve = await world.account('Eve')
    const child = { name: 'child', scopes: ['manage'], limits: { day: '0.1' } }
    const { json } = await world.rest('POST', '/v1/keys', eve.key, child)
    const signIn = { email: 'eve@example.com', password: PASSWORD }
    const asked = await world.rest('PUT', '/v1/me/sign-in', json.api_key as string, signIn)
    expect(asked.json.code).toBe('forbidden')
  })

  test('of a sub-account are opened by the key that it was made with, not by one made beside it', async () => {
    const eve = await world.account('Eve')
    const team = await world.rest('POST', '/v1/sub-accounts', eve.key, { name: 'Team' })
    const path = `/v1/sub-accounts/${team.json.id}/keys`
    const beside = { name: 'beside', scopes: ['manage'], limits: { day: '0.1' } }
    const { json } = await world.rest('POST', path, eve.key, beside)
    const signIn = { email: 'team@example.com', password: PASSWORD }
    const ask = (key: unknown) => world.rest('PUT', '/v1/me/sign-in', key as string, signIn)
    expect((await ask(json.api_key)).json.code).toBe('forbidden')
    expect((await ask(team.json.api_key)).status).toBe(200)
  })

  test('lead nowhere else after signing in', async () => {
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', '/v1/keys']) {
      const browser = aBrowser(world.url)
      const page = await browser.open(`/sign-in?next=${encodeURIComponent(next)}`)
      const after = await signIn(browser, page, EMAIL)
      expect([after.url.origin, after.url.pathname]).toEqual([world.url, '/account'])
    }
  })

  test('are closed again after signing out, and in all browsers after a new password', async () => {
    const grace = await world.account('Grace')
    await aPerson(world, grace.key, 'grace@example.com')
    const [one, two] = [aBrowser(world.url), aBrowser(world.url)]
    for (const browser of [one, two]) {
      await signIn(browser, await browser.open('/sign-in'), 'grace@example.com')
    }
    await one.send(await one.open('/account'), {}, '/sign-out')
    expect((await one.open('/account')).url.pathname).toBe('/sign-in')
    expect((await two.open('/account')).url.pathname).toBe('/account')
    await aPerson(world, grace.key, 'grace@example.com')
    expect((await two.open('/account')).url.pathname).toBe('/sign-in')
  })

  test('show texts of strangers as texts, and take no script, frame or base', async () => {
    const mallory = await world.account('<script>alert(1)</script> & "Co"')
    await aPerson(world, mallory.key, 'mallory@example.com')
    const browser = aBrowser(world.url)
    const home = await signIn(browser, await browser.open('/sign-in'), 'mallory@example.com')
    expect(home.text).not.toMatch(/<script>|alert\(1\)<\/script>/)
    const policy = home.headers.get('content-security-policy')
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      expect(policy).toContain(rule)
    }
    expect(policy).not.toContain('unsafe-inline')
  })
})
