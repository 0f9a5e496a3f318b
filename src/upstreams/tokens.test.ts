import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import type { TokenSource } from './tokens.js'
import { type Credential, createUpstreams, type SendOptions } from './upstreams.js'

type Oauth = Extract<Credential, { type: 'oauth2_client_credentials' }>

const client_secret = 'secret-of-the-client'
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A token endpoint at /token and a service at /api that takes only the token given last. */
async function aTokenServer(
  answer: (count: number) => [number, unknown] = usual,
  takes: (calls: number) => boolean | Promise<boolean> = () => true,
) {
  const forms: URLSearchParams[] = []
  const calls: IncomingMessage[] = []
  let valid: string | undefined
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    if (request.url === '/token') {
      forms.push(new URLSearchParams(body))
      const [status, json] = answer(forms.length)
      valid = (json as { access_token?: string }).access_token
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
      return
    }
    calls.push(request)
    const isGood = await takes(calls.length)
    const isValid =
      isGood && valid !== undefined && request.headers.authorization === `Bearer ${valid}`
    response.writeHead(isValid ? 200 : 401).end(`${request.headers.authorization} ${client_secret}`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cleanups.push(() => new Promise((done) => server.close(done)))
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const clock = handClock()
  const upstreams = createUpstreams({
    allow: [hostPort],
    timeoutMs: 5000,
    maxBodyBytes: 1024 * 1024,
    userAgent: 'Souk/1 (test)',
    clock,
  })
  cleanups.push(() => upstreams.close())
  const source: Oauth = {
    type: 'oauth2_client_credentials',
    token_url: `http://${hostPort}/token`,
    client_id: 'me',
    client_secret,
    scopes: ['read', 'write'],
    extra_params: { audience: 'my-api' },
  }
  return {
    forms,
    calls,
    clock,
    source,
    upstreams,
    tokens: upstreams.tokens,
    /** The service forgets the token, as after a revocation. */
    revoke: () => {
      valid = undefined
    },
    get: (options: SendOptions = {}) =>
      upstreams.send(
        { method: 'GET', url: `http://${hostPort}/api`, headers: {} },
        source,
        options,
      ),
  }
}

function usual(count: number): [number, unknown] {
  return [200, { access_token: `token-number-${count}`, token_type: 'Bearer', expires_in: 3600 }]
}

test('a token is asked for as RFC 6749 says, once for all who wait, and kept', async () => {
  const { tokens, source, forms } = await aTokenServer()
  const all = await Promise.all([1, 2, 3].map(() => tokens.bearerFor(source)))
  expect(new Set([...all, await tokens.bearerFor(source)])).toEqual(new Set(['token-number-1']))
  expect(forms).toHaveLength(1)
  expect(Object.fromEntries(forms[0]!)).toEqual({
    grant_type: 'client_credentials',
    client_id: 'me',
    client_secret,
    scope: 'read write',
    audience: 'my-api',
  })
})

test.each([
  [3600, 3540],
  [60, 54],
  [undefined, 3540],
])('a token of %j s is fetched anew after %i s', async (expires_in, renewS) => {
  const { tokens, source, clock } = await aTokenServer((count) => [
    200,
    { access_token: `token-number-${count}`, expires_in },
  ])
  await tokens.bearerFor(source)
  clock.advance(renewS * 1000 - 1)
  expect(await tokens.bearerFor(source)).toBe('token-number-1')
  clock.advance(1)
  expect(await tokens.bearerFor(source)).toBe('token-number-2')
})

test('a token that still works is used while the endpoint is down', async () => {
  const { tokens, source, clock } = await aTokenServer((count) =>
    count === 1 ? usual(1) : [500, {}],
  )
  await tokens.bearerFor(source)
  clock.advance(3570_000)
  expect(await tokens.bearerFor(source)).toBe('token-number-1')
  clock.advance(30_000)
  await expect(tokens.bearerFor(source)).rejects.toMatchObject({ code: 'upstream_failed' })
})

test.each<[string, [number, unknown], RegExp]>([
  [
    'a refusal',
    [400, { error: 'invalid_client', error_description: client_secret }],
    /status 400, invalid_client/,
  ],
  ['a code that is a sentence', [401, { error: `no ${client_secret}` }], /status 401\)/],
  ['no token', [200, { token: 'x' }], /without a usable access_token/],
  [
    'a token that breaks headers',
    [200, { access_token: 'a\r\nb: c' }],
    /without a usable access_token/,
  ],
  ['no object', [200, 'text'], /without a usable access_token/],
])(
  '%s of the token endpoint is told without secrets, and is not kept',
  async (_, answer, detail) => {
    const { tokens, source, forms } = await aTokenServer(() => answer)
    for (let i = 0; i < 2; i++) {
      const error = await tokens.bearerFor(source).catch((each) => each)
      expect(error).toMatchObject({
        code: 'upstream_failed',
        message: expect.stringMatching(detail),
      })
      expect(error.message).not.toContain(client_secret)
    }
    expect(forms).toHaveLength(2)
  },
)

test('a token endpoint on a private address is never reached', async () => {
  const { tokens, source, forms } = await aTokenServer()
  const elsewhere = { ...source, token_url: 'http://169.254.169.254/token' }
  await expect(tokens.bearerFor(elsewhere)).rejects.toMatchObject({ code: 'upstream_failed' })
  expect(forms).toHaveLength(0)
})

test('a service account signs for its token with its own key (RS256)', async () => {
  const { tokens, source, forms } = await aTokenServer()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const google: TokenSource = {
    type: 'google_service_account',
    service_account_json: {
      client_email: 'robot@project.example',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      private_key_id: 'key-1',
      token_uri: source.token_url,
    },
    scopes: ['https://www.googleapis.com/auth/cloud-platform'],
  }
  expect(await tokens.bearerFor(google)).toBe('token-number-1')
  expect(forms[0]!.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [head, claims, signature] = forms[0]!.get('assertion')!.split('.') as [
    string,
    string,
    string,
  ]
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  expect(read(head)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
  const issuedS = Date.UTC(2026, 0, 15, 12) / 1000
  expect(read(claims)).toEqual({
    iss: 'robot@project.example',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: source.token_url,
    iat: issuedS,
    exp: issuedS + 3600,
  })
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    key,
    Buffer.from(signature, 'base64url'),
  )
  expect(isSigned).toBe(true)
})

test.each([{}, { client_email: 'a@b' }, { client_email: 'a@b', private_key: 'no key' }])(
  'a service account without what is needed is refused (%#)',
  async (service_account_json) => {
    const { tokens } = await aTokenServer()
    const source: TokenSource = { type: 'google_service_account', service_account_json, scopes: [] }
    await expect(tokens.bearerFor(source)).rejects.toMatchObject({ code: 'invalid_request' })
  },
)

test('a listing with client credentials is called with the token, and neither comes back', async () => {
  const { get, calls, forms } = await aTokenServer()
  for (let i = 0; i < 2; i++) {
    const answer = await get()
    if (answer.kind !== 'answered') throw new Error(answer.detail)
    expect([answer.status, answer.body.toString()]).toEqual([200, 'Bearer [redacted] [redacted]'])
  }
  expect([calls.length, forms.length]).toEqual([2, 1])
})

test('a token that was revoked is replaced, and the call is sent once more and no more', async () => {
  const { get, calls, revoke } = await aTokenServer()
  await get()
  revoke()
  expect(await get()).toMatchObject({ kind: 'answered', status: 200 })
  expect(calls.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer token-number-1',
    'Bearer token-number-1',
    'Bearer token-number-2',
  ])
})

test('a service that refuses every token is asked twice, and its 401 is the answer', async () => {
  const { get, calls, forms } = await aTokenServer(usual, () => false)
  expect(await get()).toMatchObject({ kind: 'answered', status: 401 })
  expect([calls.length, forms.length]).toEqual([2, 2])
})

test('a call that is sent once more has no longer for it than any other', async () => {
  const { get, calls } = await aTokenServer(usual, async (count) => {
    await wait(700)
    return count === 2
  })
  expect(await get({ timeoutMs: 1_200 })).toMatchObject({ kind: 'unanswered', reason: 'timeout' })
  expect(calls).toHaveLength(2)
})

test('a call without a token is not sent', async () => {
  const { get, calls } = await aTokenServer(() => [400, { error: 'invalid_scope' }])
  expect(await get()).toMatchObject({
    kind: 'unanswered',
    reason: 'unauthorized',
    dispatched: false,
    detail: expect.stringMatching(/invalid_scope/),
  })
  expect(calls).toHaveLength(0)
})
